//! At the end of a run. What happens in the middle of one is for `tests/cli/overtaken.rs`.

use std::future::poll_fn;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::consumer::{Config, Delivery, Start};
use crate::http::Endpoint;
use crate::server::object::Change;
use crate::server::{Admission, Server, ServerConfig};

/// A server, and a consumer that has read five operations, with doubts about the last two.
struct Scene {
    server: Server,
    consumer: Consumer,
    since: Position,
    /// Every question, and every gap that was told.
    told: Arc<Mutex<Vec<&'static str>>>,
}

impl Scene {
    async fn new(on_resume_failed: OnResumeFailed) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Server::start(listener, ServerConfig::default()).unwrap();
        let ids: Vec<_> = (0..6)
            .map(|_| server.append(&Change::insert("video", "v")))
            .map(Position::Operation)
            .collect();
        let config = Config {
            endpoints: vec![Endpoint {
                url: server.url().parse().unwrap(),
                authorization: None,
            }],
            start: Start::At(ids[0]),
            on_resume_failed,
            ..Config::of(Vec::new())
        };
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tell = Arc::clone(&told);
        let observer = move |notice: Notice<'_>| match notice {
            Notice::Probing { .. } => tell.lock().unwrap().push("asked"),
            Notice::Skipped { .. } => tell.lock().unwrap().push("skipped"),
            _ => {}
        };
        let mut consumer = Consumer::new(config, None, Box::new(observer));
        for (number, id) in ids.iter().enumerate().skip(1).take(5) {
            let next = poll_fn(|cx| consumer.poll_next(cx)).await.unwrap();
            let Delivery::Operation(operation) = next else {
                panic!("{next:?}");
            };
            assert_eq!(operation.id(), id.to_string());
            consumer.acknowledge_delivered();
            if number == 3 {
                consumer.tracker.fell_behind();
            }
        }
        Self {
            server,
            consumer,
            since: ids[3],
            told,
        }
    }

    async fn certain(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.consumer.poll_certain(cx)).await
    }

    fn told(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn run(on_resume_failed: OnResumeFailed, test: impl AsyncFnOnce(Scene)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { test(Scene::new(on_resume_failed).await).await });
}

#[test]
fn the_operation_is_kept() {
    run(OnResumeFailed::Exit, async |mut scene| {
        assert!(scene.consumer.is_uncertain());
        assert_eq!(scene.consumer.position(), Some(scene.since));
        scene.certain().await.unwrap();
        assert_eq!(scene.told(), ["asked"]);
        let newest = scene.server.newest().map(Position::Operation);
        assert_eq!(scene.consumer.position(), newest);
        // There is nothing more to ask.
        assert!(!scene.consumer.is_uncertain());
        scene.certain().await.unwrap();
        assert_eq!(scene.told(), [""; 0]);
    });
}

#[test]
fn the_operation_is_gone() {
    for choice in [OnResumeFailed::Continue, OnResumeFailed::Replicate] {
        run(choice, async |mut scene| {
            scene.server.with_model(|model| model.shrink_log(1));
            for told in [&["asked", "skipped"][..], &[]] {
                scene.certain().await.unwrap();
                assert_eq!(scene.told(), told, "once");
                assert_eq!(scene.consumer.position(), Some(scene.since));
            }
        });
    }
}

#[test]
fn the_operation_is_gone_and_the_run_fails() {
    run(OnResumeFailed::Exit, async |mut scene| {
        scene.server.with_model(|model| model.shrink_log(1));
        let error = scene.certain().await.unwrap_err();
        assert!(matches!(error, Error::ResumeFailed(since) if since == scene.since));
        assert_eq!(scene.consumer.position(), Some(scene.since));
    });
}

#[test]
fn the_server_is_asked_again_until_it_answers() {
    run(OnResumeFailed::Exit, async |mut scene| {
        scene.server.admit(Admission::Refuse);
        let until = Instant::now() + Duration::from_secs(20);
        while scene.told.lock().unwrap().len() < 3 {
            let moment = Duration::from_millis(20);
            let certain = tokio::time::timeout(moment, scene.certain()).await;
            assert!(certain.is_err(), "{certain:?}");
            assert!(Instant::now() < until, "{:?}", scene.told());
        }
        assert_eq!(scene.consumer.position(), Some(scene.since));
        scene.server.admit(Admission::Open);
        scene.certain().await.unwrap();
    });
}
