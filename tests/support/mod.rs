//! What the tests of the program stand on: a runner for the binary, servers that play a script
//! byte for byte, and a second opinion on what a capture should be printed as.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses its own part"
)]

mod acceptor;
mod capture;
mod clock;
mod finished;
mod narrow;
mod proxy;
mod pty;
mod reader;
mod relay;
mod replica;
mod running;
mod script;
mod server;
pub mod signals;
mod state;
mod tail;
mod tls;

pub use acceptor::Acceptor;
pub use capture::{
    events, expected_json, expected_text, fixture, left_by, record_count, with_line_ends,
};
pub use clock::LocalClock;
pub use finished::{Finished, Left, from_now};
pub use narrow::NarrowNetwork;
pub use proxy::ForwardProxy;
pub use pty::{Terminal, seen};
pub use reader::{EPOCH_MS, LONG_PATIENCE, Reader, patient_http, run, runtime, schedules};
pub use relay::{Interruption, Relay, end_of};
pub use replica::{Objects, Replica};
pub use running::Running;
pub use script::{
    Gate, Script, id_after, insert, insert_after, insert_numbered, number_of, object_at,
    operation_id,
};
pub use server::{AfterLast, Request, ScriptServer, closed_port, listener};
pub use state::State;
pub use tail::Tail;
pub use tls::Authority;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::{ServerConfig, ServerThread};

/// How long a test waits for something that should happen at once: long enough for a loaded
/// machine, short enough to end a hanging run.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Flags of a run that follows, which no other mode takes.
pub const FLAGS_OF_FOLLOWING: [&[&str]; 8] = [
    &["--max-in-flight", "1"],
    &["-n", "1"],
    &["--until-live"],
    &["--until-complete"],
    &["--until", "now"],
    &["--until-idle", "1s"],
    &["--lag"],
    &["--stats"],
];

/// The value of `Authorization` for these credentials.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

/// A model of a server that keeps every operation and leaves nothing out of a replication.
pub fn keeping_server() -> ServerThread {
    ServerThread::on_loopback(ServerConfig {
        model: ModelConfig {
            capacity: usize::MAX,
            lossy: false,
            ..ModelConfig::default()
        },
        ..ServerConfig::default()
    })
    .expect("a free port")
}

/// Looks again and again until there is what it looks for; fails with `what` once that takes too
/// long.
#[track_caller]
pub fn wait_for<T>(what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{}", what());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs the same check for each case at once, for checks that mostly wait.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || check(case));
        }
    });
}
