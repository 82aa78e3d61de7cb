//! The recipe that copies into Redis, against a real one.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use oplog_tail::server::object::Change;

use super::kitchen::{Kitchen, Producer, in_both_shells};
use crate::support::{PATIENCE, Replica};

const TOOLS: &[&str] = &["redis-server", "redis-cli", "jq"];

/// A server that has stored what it confirms. Killed when dropped.
struct Redis {
    server: Child,
    url: String,
}

impl Redis {
    /// Starts one on what an earlier one has left in the folder.
    fn start(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let server = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
                .args(["--appendonly", "yes", "--appendfsync", "always"])
                .args(["--save", ""])
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut redis = Self {
                server,
                url: format!("redis://127.0.0.1:{port}"),
            };
            // Somebody else may have taken the port meanwhile: then it ends, and another is tried.
            while redis.server.try_wait().unwrap().is_none() {
                if redis.command(&["PING"]).trim() == "PONG" {
                    return redis;
                }
                assert!(Instant::now() < until, "redis-server does not answer");
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(Instant::now() < until, "redis-server does not start");
        }
    }

    fn command(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-u", &self.url, "--raw"])
            .args(words)
            .stderr(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn length(&self) -> usize {
        let length = self.command(&["XLEN", "oplog"]);
        length.trim().parse().unwrap_or(0)
    }

    /// The lines in the stream.
    fn lines(&self) -> Vec<String> {
        let entries = self.command(&["XRANGE", "oplog", "-", "+"]);
        let lines = entries.lines().filter(|line| line.starts_with('{'));
        lines.map(str::to_owned).collect()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Starts a Redis and points the recipe at it.
fn redis(kitchen: &Kitchen) -> Redis {
    let redis = Redis::start(&kitchen.path("redis"));
    kitchen.env("REDIS_URL", &redis.url);
    redis
}

#[test]
fn every_operation_byte_for_byte() {
    in_both_shells("every_operation_byte_for_byte", TOOLS, |kitchen| {
        let redis = redis(kitchen);
        let _cooking = kitchen.cook("redis");
        kitchen.wait_for_requests(1);
        let odd = r#"'"\ % $HOME `x` é 桜 	"#;
        kitchen.server.append(&Change::insert("video", odd));
        kitchen.server.append(&Change::update("video", "-n"));
        kitchen.wait_until_caught_up();
        let mut sent = Vec::new();
        for (_, json) in kitchen.server.objects() {
            sent.push(json);
        }
        let stored = redis.lines();
        assert_eq!(stored.len(), 2);
        for json in sent {
            assert!(stored.iter().any(|line| line.contains(&json)), "{stored:?}");
        }
    });
}

#[test]
fn what_redis_refuses_is_not_acknowledged() {
    let test = "what_redis_refuses_is_not_acknowledged";
    in_both_shells(test, TOOLS, |kitchen| {
        let redis = redis(kitchen);
        redis.command(&["SET", "oplog", "no stream"]);
        let cooking = kitchen.cook("redis");
        kitchen.wait_for_requests(1);
        kitchen.server.append(&Change::insert("video", "1"));
        let served = cooking.wait();
        assert_eq!(served.status, 1);
        assert!(served.stderr.contains("WRONGTYPE"), "{}", served.stderr);
        assert!(kitchen.read("position").ends_with("0000000000000000"));
    });
}

#[test]
fn redis_crashes_lose_nothing() {
    in_both_shells("redis_crashes_lose_nothing", TOOLS, |kitchen| {
        let mut server = redis(kitchen);
        let mut cooking = kitchen.cook("redis");
        kitchen.wait_for_requests(1);
        let producer = Producer::start(&kitchen.server, Duration::from_millis(4));
        for round in 0..6 {
            let enough = server.length() + 100 + 30 * round;
            kitchen.wait_until("the stream grows", || server.length() >= enough);
            if round % 2 == 0 {
                cooking.kill();
            } else {
                drop(server);
                let served = cooking.wait();
                assert_eq!(served.status, 1, "{}", served.stderr);
                server = redis(kitchen);
            }
            cooking = kitchen.cook("redis");
        }
        let count = producer.stop();
        kitchen.wait_until_live();
        let stored: BTreeSet<_> = Replica::of(&server.lines()).names().into_iter().collect();
        let missing: Vec<_> = (1..=count)
            .map(|id| format!("video/{id}"))
            .filter(|name| !stored.contains(name))
            .collect();
        assert!(missing.is_empty(), "{missing:?} of {count}");
    });
}
