//! What a consumer builds from the operations it is handed equals the server's objects, although
//! the server leaves things out of its replications: over random schedules of operations, cuts,
//! kills and fallbacks, with clocks that differ.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say where

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use oplog_tail::consumer::{
    Acknowledging, Config, Consumer, Delivery, Endpoint, OnResumeFailed, Start, Tls,
};
use oplog_tail::operation::{Event, Operation};
use oplog_tail::position::Position;
use oplog_tail::server::handle::{ServerConfig, ServerThread};
use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::Change;
use proptest::prelude::*;

/// The UNIX time in ms at which every schedule begins.
const EPOCH_MS: u64 = 1_795_456_500_123;
/// Longer than any step takes unless something hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What somebody builds who applies the operations in their order.
#[derive(Default)]
struct Replica(BTreeMap<String, String>);

impl Replica {
    fn apply(&mut self, operation: &Operation) {
        if *operation.event() == Event::Reset {
            self.0.clear();
        }
        let Some(object) = operation.object() else {
            return;
        };
        let key = format!("{}/{}", object.kind, object.id);
        match operation.event() {
            Event::Delete => drop(self.0.remove(&key)),
            _ => drop(self.0.insert(key, operation.data().to_owned())),
        }
    }
}

/// A server whose time a test sets, a consumer of it, and what comes of the operations.
struct World {
    server: ServerThread,
    consumer: Consumer,
    replica: Replica,
    config: Config,
    now_ms: u64,
    /// Handed out and not acknowledged, where acknowledgements go by id.
    in_flight: Vec<String>,
    /// How many objects the repairs of consumers that are gone have brought.
    repaired: u64,
}

impl World {
    fn new(agent_offset_ms: i64, acknowledging: Acknowledging, repair: bool) -> Self {
        let model = ModelConfig {
            agent_offset_ms,
            ..ModelConfig::default()
        };
        let server = ServerThread::on_loopback(ServerConfig {
            model,
            date_of_model: true,
            ..ServerConfig::default()
        })
        .unwrap();
        let endpoint = Endpoint {
            url: server.url().parse().unwrap(),
            authorization: None,
        };
        let config = Config {
            // The same agent twice: when it fails, the next is tried at once.
            endpoints: vec![endpoint.clone(), endpoint],
            headers: Vec::new(),
            tls: Tls::default(),
            proxy: None,
            connect_timeout: PATIENCE,
            read_timeout: Some(PATIENCE),
            retries: None,
            start: Start::At(Position::FULL_REPLICATION),
            exact_resume: false,
            on_resume_failed: OnResumeFailed::Continue,
            repair,
            acknowledging,
        };
        let mut world = Self {
            consumer: Consumer::new(config.clone(), None, Box::new(|_| ())),
            server,
            replica: Replica::default(),
            config,
            now_ms: EPOCH_MS,
            in_flight: Vec::new(),
            repaired: 0,
        };
        world.change(0, 0, 0);
        world
    }

    /// Some time passes, then an object of a small pool changes.
    fn change(&mut self, object: u8, action: u8, after_ms: u64) {
        self.now_ms += after_ms;
        let id = format!("v{}", object % 12);
        let change = match action % 4 {
            0 => Change::delete("video", &id),
            1 => Change::update("video", &id),
            _ => Change::insert("video", &id),
        };
        // The time makes every state of an object a different one.
        self.server
            .append_at(&change.timestamp(self.now_ms), self.now_ms);
    }

    /// Takes up to `most` operations, as far as they come without waiting for new ones to happen.
    async fn read(&mut self, most: usize) {
        for _ in 0..most {
            let next = tokio::time::timeout(
                Duration::from_millis(3),
                poll_fn(|cx| self.consumer.poll_next(cx)),
            );
            let Ok(delivery) = next.await else { return };
            self.take(delivery.unwrap());
        }
    }

    fn take(&mut self, delivery: Delivery) {
        let Delivery::Operation(operation) = delivery else {
            panic!("{delivery:?}")
        };
        self.replica.apply(&operation);
        if let Acknowledging::ById { .. } = self.config.acknowledging {
            if !operation.id().is_empty() {
                self.in_flight.push(operation.id().to_owned());
            }
            // The barrier lets nothing through until this is done.
            if *operation.event() == Event::Reset || self.in_flight.len() > 500 {
                self.acknowledge(u8::MAX);
            }
        }
    }

    /// Acknowledges some of what is in flight, in a strange order; everything at 255.
    fn acknowledge(&mut self, some: u8) {
        self.consumer.acknowledge_delivered();
        let mut count = 0;
        self.in_flight.retain(|id| {
            count += 1;
            let keep = some != u8::MAX && count % 7 >= usize::from(some % 7);
            if !keep {
                self.consumer.acknowledge(id).unwrap();
            }
            keep
        });
    }

    /// The process dies; another one goes on where its position was.
    fn kill(&mut self) {
        let position = self.consumer.position();
        self.repaired += self.consumer.repaired();
        self.consumer = Consumer::new(self.config.clone(), None, Box::new(|_| ()));
        self.in_flight.clear();
        if let Some(position) = position {
            self.consumer.set_position(position);
        }
    }

    /// Time passes and operations happen until everything has come. A replication that begins
    /// after the newest operation leaves that one out too, so it takes more than one.
    async fn settle(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.change(11, 1, 10_000);
            self.read(usize::MAX).await;
            self.acknowledge(u8::MAX);
            let has_newest = self
                .replica
                .0
                .get("video/v11")
                .is_some_and(|data| data.contains(&timestamp(self.now_ms)));
            if has_newest && !self.consumer.awaits_repair() {
                return;
            }
            assert!(
                Instant::now() < until,
                "the replication never becomes complete"
            );
        }
    }
}

/// A UNIX time in ms as the server writes it.
fn timestamp(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(ms.try_into().unwrap())
        .unwrap()
        .to_string()
}

#[derive(Clone, Debug)]
enum Step {
    Change {
        object: u8,
        action: u8,
        after_ms: u16,
    },
    Pass {
        seconds: u8,
    },
    Read(u8),
    Acknowledge(u8),
    Cut,
    Kill,
    /// All but the newest operations leave the log while nobody is connected. (Were somebody
    /// connected and behind, the server would skip what they miss without a word, and nothing
    /// could tell.)
    Shrink(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<u8>(), any::<u8>(), 0_u16..900).prop_map(|(object, action, after_ms)| Step::Change { object, action, after_ms }),
        1 => (1_u8..8).prop_map(|seconds| Step::Pass { seconds }),
        4 => (1_u8..30).prop_map(Step::Read),
        3 => any::<u8>().prop_map(Step::Acknowledge),
        1 => Just(Step::Cut),
        1 => Just(Step::Kill),
        1 => (0_u8..4).prop_map(Step::Shrink),
    ]
}

async fn play(world: &mut World, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Change {
                object,
                action,
                after_ms,
            } => world.change(object, action, after_ms.into()),
            Step::Pass { seconds } => {
                world.now_ms += u64::from(seconds) * 1000;
                world.server.with_model(|model| model.pass(world.now_ms));
            }
            Step::Read(most) => world.read(most.into()).await,
            Step::Acknowledge(some) => world.acknowledge(some),
            Step::Cut => world.server.drop_connections(),
            Step::Kill => world.kill(),
            Step::Shrink(operations) => {
                world.server.drop_connections();
                world
                    .server
                    .with_model(|model| model.shrink_log(usize::from(operations) + 1));
            }
        }
    }
    world.settle().await;
}

fn run<T>(world: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(world)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_shrink_time: 60_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_equals_the_objects_of_the_server(steps in proptest::collection::vec(step(), 1..60), offset in -3000_i64..=3000) {
        run(async {
            let mut world = World::new(offset, Acknowledging::InOrder, true);
            play(&mut world, &steps).await;
            prop_assert_eq!(&world.replica.0, &world.server.objects());
            Ok(())
        })?;
    }

    #[test]
    fn also_with_acknowledgements_by_id(steps in proptest::collection::vec(step(), 1..60), offset in -3000_i64..=3000) {
        run(async {
            let mut world = World::new(offset, Acknowledging::ById { max_in_flight: 1000 }, true);
            play(&mut world, &steps).await;
            prop_assert_eq!(&world.replica.0, &world.server.objects());
            Ok(())
        })?;
    }
}
