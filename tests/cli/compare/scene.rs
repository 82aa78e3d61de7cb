//! A server with objects of half a minute ago, and dumps to compare with it.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerConfig, ServerThread, now_ms};

use crate::support::{Finished, Tail};

/// When the objects changed: the offset of a moment to this one is what a test says.
pub const BASE: &str = "2026-11-23T17:55:00Z";

/// How often operations follow a replication, so that what it left out is fetched.
const TICK: Duration = Duration::from_millis(10);

/// A moment so many milliseconds after [`BASE`], UNIX ms.
pub fn unix_ms(ms: i64) -> u64 {
    let base: Timestamp = BASE.parse().unwrap();
    u64::try_from(base.as_millisecond() + ms).unwrap()
}

/// The same as it is printed.
pub fn time(ms: i64) -> String {
    let unix_ms = i64::try_from(unix_ms(ms)).unwrap();
    format!("{:.3}", Timestamp::from_millisecond(unix_ms).unwrap())
}

/// A line of a dump: `type/id`, changed so many milliseconds after [`BASE`].
pub fn line(name: &str, ms: i64) -> String {
    let (kind, id) = name.split_once('/').unwrap();
    format!(
        "{{\"timestamp\":\"{}\",\"type\":\"{kind}\",\"id\":\"{id}\"}}\n",
        time(ms)
    )
}

/// The record of a difference as JSON, with times after [`BASE`].
pub fn record(difference: &str, name: &str, server: Option<i64>, dump: Option<i64>) -> String {
    let (kind, id) = name.split_once('/').unwrap();
    let shown = |ms: Option<i64>| ms.map_or("null".into(), |ms| format!("\"{}\"", time(ms)));
    format!(
        r#"{{"difference":"{difference}","type":"{kind}","id":"{id}","server":{},"dump":{}}}"#,
        shown(server),
        shown(dump)
    )
}

/// About an object that neither side has.
fn tick() -> Change {
    let tick = Change::delete("video", "tick").parents(["user/1", "user/7"]);
    tick.timestamp(1)
}

/// A server to compare with.
pub struct Scene {
    server: ServerThread,
}

impl Scene {
    /// A server without objects.
    pub fn new() -> Self {
        Self::with(ServerConfig::default())
    }

    pub fn with(config: ServerConfig) -> Self {
        Self {
            server: ServerThread::on_loopback(config).unwrap(),
        }
    }

    /// This happened, so many milliseconds after [`BASE`], and the server has known it for a while.
    pub fn has(&self, change: Change, ms: i64) {
        let change = change.timestamp(unix_ms(ms));
        self.server.append_at(&change, now_ms() - 30_000);
    }

    /// The same, while the comparison runs.
    pub fn changes(&self, change: Change, ms: i64) {
        self.server.append(&change.timestamp(unix_ms(ms)));
    }

    /// A comparison that has not started.
    pub fn tail(&self) -> Tail {
        Tail::url(self.server.url()).args(["--compare", "-"])
    }

    /// Compares a dump, with these flags, to the end.
    #[track_caller]
    pub fn compare(&self, dump: impl Into<Vec<u8>>, args: &[&str]) -> Finished {
        let run = self.tail().args(args).stdin_bytes(dump).spawn();
        self.while_it_ticks(|| run.wait())
    }

    /// Compares, and expects these differences.
    #[track_caller]
    pub fn differs(&self, dump: impl Into<Vec<u8>>, records: &[String]) -> Finished {
        let status = if records.is_empty() { 0 } else { 8 };
        self.compare(dump, &[]).exit(status).stdout_is(records)
    }

    /// Meanwhile operations happen on the server that are late enough for what a replication left
    /// out to be fetched.
    pub fn while_it_ticks<T>(&self, act: impl FnOnce() -> T) -> T {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    self.tick();
                    std::thread::sleep(TICK);
                }
            });
            // Also where it fails: the scope waits for the thread.
            let _guard = Guard(&is_over);
            act()
        })
    }

    /// One such operation.
    fn tick(&self) {
        self.server.append_at(&tick(), now_ms() + 20_000);
    }

    /// One of ten seconds ago, so that a replication has everything that the server
    /// [`has`](Self::has).
    pub fn has_a_tick(&self) {
        self.server.append_at(&tick(), now_ms() - 10_000);
    }
}

impl Deref for Scene {
    type Target = ServerThread;

    fn deref(&self) -> &ServerThread {
        &self.server
    }
}

struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
