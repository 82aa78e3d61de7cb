//! `kill -9` at random moments, under a server that drops connections.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oplog_tail::server::Handle;
use oplog_tail::server::object::Change;
use rustix::process::Signal;

use crate::support::{Running, State, Tail, keeping_server};

const RUNS: usize = 200;

/// Appends operations and drops connections, now and then, until told to stop.
fn disturb(server: &Handle, appended: &Mutex<Vec<String>>, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..fastrand::u64(1..8) {
            number += 1;
            let change = Change::insert("video", &format!("v{number}"));
            let id = server.append(&change).to_string();
            appended.lock().unwrap().push(id);
        }
        if fastrand::u64(0..20) == 0 {
            server.drop_connections();
        }
        // The pace of the log, not a wait for something.
        std::thread::sleep(Duration::from_micros(fastrand::u64(100..3_000)));
    }
}

/// Stops what disturbs when the test ends, also where it fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn follow(server: &Handle, beginning: &str, state: &State) -> Running {
    // Given several times, the URL is tried again at once.
    Tail::url(server.url())
        .args(["--url", &server.url(), "--url", &server.url()])
        .args(["-q", "--no-repair", "--start-id", beginning])
        .state(state.path())
        .spawn()
}

/// The ids of the whole lines of `stdout`, in the order they were printed.
fn printed_ids(stdout: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(stdout).expect("UTF-8");
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            record["id"].as_str().expect("an id").to_owned()
        })
        .collect()
}

fn wait_a_random_moment(run: &mut Running, number: usize, state: &State) {
    match number % 10 {
        // Into the second save of the run, which is a second after the first.
        0 => std::thread::sleep(Duration::from_millis(fastrand::u64(950..1_200))),
        // Anywhere in the start.
        1..4 => std::thread::sleep(Duration::from_micros(fastrand::u64(0..60_000))),
        // Around the first save.
        4..6 => drop(run.read_line()),
        6 => drop(run.read_lines(fastrand::usize(1..300))),
        // After a save, however long that takes.
        _ => {
            let before = state.content();
            run.read_lines(fastrand::usize(1..300));
            state.wait_until(|content| content != before.as_deref());
        }
    }
}

#[test]
fn every_operation_is_printed_and_the_position_is_never_ahead() {
    let server = keeping_server();
    let beginning = server.append(&Change::insert("video", "v0")).to_string();
    let state = State::absent();
    let (appended, stop) = (Mutex::default(), AtomicBool::new(false));
    let mut printed = HashSet::new();
    let mut saved = None;
    let mut moves = 0;
    std::thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        scope.spawn(|| disturb(&server, &appended, &stop));
        for number in 0..RUNS {
            let mut run = follow(&server, &beginning, &state);
            wait_a_random_moment(&mut run, number, &state);
            run.signal(Signal::KILL);
            let finished = run.wait();
            assert_eq!(finished.shell_status(), 128 + 9, "{}", finished.stderr);
            let ids = printed_ids(&finished.stdout);
            assert!(ids.is_sorted_by(|one, other| one < other), "{ids:#?}");
            // Made by a run that was killed before it had a position to save, it is empty.
            let now = state.content().filter(|content| !content.is_empty());
            if now != saved {
                let now = now.as_deref().expect("a position that was there stays");
                assert!(
                    now == beginning || ids.iter().any(|id| id == now),
                    "run {number} saved {now} and printed {ids:#?}"
                );
                moves += usize::from(now != beginning);
            }
            saved = now;
            printed.extend(ids);
        }
    });
    let appended = appended.into_inner().unwrap();
    let last = appended.last().expect("operations");
    let mut run = follow(&server, &beginning, &state);
    run.wait_for_line(|line| line.contains(last));
    run.signal(Signal::TERM);
    printed.extend(printed_ids(&run.wait().exit(0).stdout));
    let lost: Vec<_> = appended
        .iter()
        .filter(|id| !printed.contains(*id))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} lost: {lost:#?}",
        lost.len(),
        appended.len()
    );
    state.is(last);
    assert!(
        moves > RUNS / 4,
        "only {moves} of {RUNS} runs moved the position"
    );
}
