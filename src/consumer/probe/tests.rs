use std::net::{Ipv4Addr, TcpListener};
use std::task::Waker;

use super::*;
use crate::http;
use crate::oplog::ObjectId;
use crate::server::object::Change;
use crate::server::{Admission, Server, ServerConfig};

/// The time of the first operation, UNIX ms.
const BEGIN_MS: u64 = 1_795_456_511_000;

/// A server with operations, and what asks it.
struct Scene {
    server: Server,
    operations: Vec<ObjectId>,
    clients: Arc<Clients>,
    endpoint: Arc<Endpoint>,
    probe: Probe,
}

impl Scene {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Server::start(listener, ServerConfig::default()).unwrap();
        let happens =
            |second: u64| server.append_at(&Change::insert("video", "v"), BEGIN_MS + second * 1000);
        let operations = (0..4).map(happens).collect();
        let endpoint = Arc::new(Endpoint {
            url: server.url().parse().unwrap(),
            authorization: None,
        });
        Self {
            server,
            operations,
            clients: Arc::new(Clients::new(Arc::new(http::Config::direct()))),
            endpoint,
            probe: Probe::default(),
        }
    }

    fn ask(&mut self, operation: ObjectId) {
        let (clients, endpoint) = (Arc::clone(&self.clients), Arc::clone(&self.endpoint));
        let operation = Position::Operation(operation);
        self.probe.ask(clients, endpoint, operation);
    }

    async fn answer(&mut self, operation: ObjectId) -> Answer {
        self.ask(operation);
        assert!(self.probe.is_asking());
        let answer = poll_fn(|cx| self.probe.poll(cx)).await;
        assert!(!self.probe.is_asking());
        answer
    }

    /// Polls once.
    fn poll(&mut self) -> Poll<Answer> {
        self.probe.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn is_due(&mut self, is_behind: bool) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.probe.poll_due(is_behind, &mut cx).is_ready()
    }
}

fn run(test: impl AsyncFnOnce(Scene)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { test(Scene::new()).await });
}

/// As if so much time had passed since.
fn earlier(then: &mut Option<Instant>, time: Duration) {
    *then = then.and_then(|then| then.checked_sub(time));
}

#[test]
fn an_operation_after_it_says_that_it_is_kept() {
    run(async |mut scene| {
        let operations = scene.operations.clone();
        for operation in &operations[..3] {
            assert_eq!(scene.answer(*operation).await, Answer::Kept);
        }
        assert_eq!(scene.server.connections(), 3);
    });
}

#[test]
fn states_say_that_it_is_gone() {
    run(async |mut scene| {
        scene.server.with_model(|model| model.shrink_log(2));
        let operations = scene.operations.clone();
        assert_eq!(scene.answer(operations[1]).await, Answer::Gone);
        assert_eq!(scene.answer(operations[2]).await, Answer::Kept);
    });
}

/// Nothing has changed since, but it is not there.
#[test]
fn live_alone_says_that_it_is_gone() {
    run(async |mut scene| {
        let mut later = [7; 12];
        later[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        let later = ObjectId::from_bytes(later);
        assert_eq!(scene.answer(later).await, Answer::Gone);
    });
}

#[test]
fn a_refusal_leaves_it_unknown_and_is_counted() {
    run(async |mut scene| {
        let operation = scene.operations[0];
        scene.server.admit(Admission::Refuse);
        for failures in 1..=3 {
            assert_eq!(scene.answer(operation).await, Answer::Unknown);
            assert_eq!(scene.probe.failures(), failures);
        }
        scene.server.admit(Admission::Open);
        assert_eq!(scene.answer(operation).await, Answer::Kept);
        assert_eq!(scene.probe.failures(), 0);
        scene.server.admit(Admission::Refuse);
        scene.answer(operation).await;
        scene.probe.stop();
        assert_eq!(scene.probe.failures(), 0, "what is given up does not count");
    });
}

/// Whether the connection is not answered or stays silent.
#[test]
fn silence_leaves_it_unknown() {
    for admission in [Admission::Hold, Admission::Open] {
        run(async |mut scene| {
            scene.server.admit(admission);
            // Nothing comes after the newest one.
            let newest = scene.operations[3];
            scene.ask(newest);
            for _ in 0..100 {
                assert!(scene.poll().is_pending(), "{admission:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let is_served = scene.server.connections() == 1;
            assert_eq!(is_served, admission == Admission::Open);
            earlier(&mut scene.probe.last_asked, PATIENCE);
            assert_eq!(scene.poll(), Poll::Ready(Answer::Unknown));
            assert_eq!(scene.probe.failures(), 1);
            assert!(scene.poll().is_pending(), "nothing is asked");
        });
    }
}

#[test]
fn asks_now_and_then_and_lets_a_connection_catch_up_first() {
    run(async |mut scene| {
        assert!(!scene.is_due(true), "it may catch up");
        assert!(scene.is_due(false), "it has");
        earlier(&mut scene.probe.wanted_since, CATCHING_UP);
        assert!(scene.is_due(true), "it does not");
        scene.ask(scene.operations[0]);
        assert!(!scene.is_due(true));
        assert!(!scene.is_due(false));
        earlier(&mut scene.probe.last_asked, INTERVAL);
        assert!(scene.is_due(true), "it goes on being behind");
        scene.probe.stop();
        assert!(!scene.is_due(true), "another time");
    });
}
