//! A long run over a connection that breaks again and again: nothing is lost, nothing comes
//! twice, and memory stays as it is.
//!
//! ```text
//! cargo test --release --test soak -- 2000000 1000
//! ```
//! follows two million operations over a thousand disconnections; without numbers the size is
//! one that a run of all tests can afford.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oplog_tail::server::Handle;
use oplog_tail::server::object::Change;

use support::State;

const OPERATIONS: u64 = 60_000;
const DISCONNECTIONS: u64 = 60;
/// How far the server may be ahead of the reader, so that connections break all along the stream
/// rather than while its last part waits in buffers.
const AHEAD: u64 = 200;
/// How often it is looked whether the connection stands again, in operations.
const LOOK: u64 = 16;
/// How much memory may grow over the second half of the run, in KiB.
const GROWTH_KIB: u64 = 4 * 1024;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    // The words that select tests reach this program too.
    let filters = || words.iter().filter(|word| !word.starts_with('-'));
    let (operations, disconnections) = match numbers[..] {
        [operations, disconnections] => (operations, disconnections),
        _ if filters().count() > 0 && !filters().any(|word| "soak".contains(word.as_str())) => {
            return;
        }
        _ => (OPERATIONS, DISCONNECTIONS),
    };
    if words.iter().any(|word| word == "--list") {
        return;
    }
    soak(operations, disconnections);
}

/// Appends `count` operations from the one numbered `first` on.
fn append(server: &Handle, first: u64, count: u64) {
    let now = oplog_tail::server::now_ms();
    server.with_model(|model| {
        for number in first..first + count {
            model.append(&Change::update("video", &format!("v{number}")), now);
        }
    });
}

/// Starts the program, to end after so many operations.
fn start(server: &Handle, state: &State, operations: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_oplog-tail"))
        // Given several times, the URL is tried again at once.
        .args(["--url", &server.url(), "--url", &server.url()])
        .args(["--url", &server.url()])
        .args(["-v", "--stats", "-o", "json", "-n", &operations.to_string()])
        .arg("--state")
        .arg(state.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads what the program tells. Returns how often it has connected so far, and in the end the line of
/// its statistics.
fn listen(stderr: ChildStderr) -> (Arc<AtomicU64>, JoinHandle<String>) {
    let connected = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&connected);
    let listening = std::thread::spawn(move || {
        let mut statistics = String::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.starts_with("oplog-tail: connected to ") {
                count.fetch_add(1, Ordering::Relaxed);
            } else if line.starts_with('{') {
                statistics = line;
            }
        }
        statistics
    });
    (connected, listening)
}

fn soak(operations: u64, disconnections: u64) {
    let server = support::keeping_server();
    append(&server, 0, 1);
    let beginning = server.newest().unwrap().to_string();
    let state = State::holding(&beginning);
    let mut child = start(&server, &state, operations);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (connected, statistics) = listen(child.stderr.take().unwrap());
    let started = Instant::now();
    // Each somewhere in a part of its own, and none at the very end.
    let part = operations * 99 / 100 / disconnections.max(1);
    let place = |number| number * part + fastrand::u64(0..part.max(1));
    let mut cuts = (0..disconnections).map(place).peekable();
    let mut connections = 1;
    let (mut appended, mut halfway) = (0, 0);
    for received in 1..=operations {
        if appended < operations && received + AHEAD / 2 > appended {
            let count = AHEAD.min(operations - appended);
            append(&server, appended + 1, count);
            appended += count;
        }
        // A connection that the program knows of and that has brought nothing yet counts like any
        // other. One that breaks before its answer has come is none.
        if received % LOOK == 0
            && cuts.peek().is_some_and(|cut| *cut <= received)
            && connected.load(Ordering::Relaxed) >= connections
        {
            server.drop_connections();
            connections += 1;
            cuts.next();
        }
        let line = lines.next().expect("another line").expect("UTF-8");
        // Every operation is about an object of its own, so the order shows what is missing and
        // what came twice.
        let object = format!(r#""type":"video","id":"v{received}"}}}}"#);
        assert!(line.ends_with(&object), "{received}: {line}");
        if received == operations / 2 {
            halfway = memory_kib(child.id());
        }
        if received == operations - 1 {
            check_memory(halfway, memory_kib(child.id()));
        }
    }
    let took = started.elapsed();
    assert!(lines.next().is_none(), "more lines than operations");
    check_end(child, statistics, disconnections);
    state.is(&server.newest().unwrap().to_string());
    println!(
        "soak: {operations} operations, {disconnections} disconnections, \
         {:.1} s, none lost, none twice",
        took.max(Duration::from_millis(1)).as_secs_f64()
    );
}

fn check_memory(halfway: u64, end: u64) {
    assert!(
        end <= halfway + GROWTH_KIB,
        "{halfway} KiB halfway, {end} KiB at the end"
    );
    println!("memory: {halfway} KiB halfway, {end} KiB at the end");
}

/// The program has ended well, after so many disconnections.
fn check_end(mut child: Child, statistics: JoinHandle<String>, disconnections: u64) {
    let status = child.wait().unwrap();
    let statistics = statistics.join().unwrap();
    assert_eq!(status.code(), Some(0), "{statistics}");
    let statistics: serde_json::Value = serde_json::from_str(&statistics).unwrap();
    let reconnections = statistics["reconnections"].as_u64().unwrap();
    assert_eq!(reconnections, disconnections);
}

/// The memory of a process now; 0 where the system does not tell.
fn memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}
