//! `--until`: a run that ends at a point in time, also where the log never rests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerConfig, ServerThread, now_ms};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Finished, Script, ScriptServer, State, Tail, at_once, insert, insert_after, object_at,
    operation_id, wait_for,
};

/// The second of the first operations of a script.
const SECOND: &str = "2026-11-23T17:55:12Z";
/// Five seconds later.
const LATER: &str = "2026-11-23T17:55:17Z";
/// How far the clocks may be apart, and how long a quiet log is waited for.
const MARGIN: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_secs(2);

/// A log to which something happens all the time.
struct Busy {
    server: Arc<ServerThread>,
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Busy {
    /// The store's clock is so much ahead.
    fn start(ahead_ms: i64) -> Self {
        let server = Arc::new(ServerThread::on_loopback(ServerConfig::default()).unwrap());
        let ended = Arc::new(AtomicBool::new(false));
        let (to_server, to_ended) = (Arc::clone(&server), Arc::clone(&ended));
        let append = move |number: u64| {
            let now_ms = now_ms().saturating_add_signed(ahead_ms);
            to_server.append_at(&Change::update("video", &number.to_string()), now_ms);
        };
        append(0);
        let thread = thread::spawn(move || {
            for number in 1.. {
                if to_ended.load(Ordering::Relaxed) {
                    return;
                }
                append(number);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            server,
            ended,
            thread: Some(thread),
        }
    }

    fn newest(&self) -> String {
        self.server.newest().unwrap().to_string()
    }

    /// The newest operation, once it is another one than this.
    fn newest_after(&self, known: &str) -> String {
        let newest = || Some(self.newest()).filter(|newest| newest != known);
        wait_for(|| format!("nothing comes after {known}"), newest)
    }

    fn until_now(&self, state: &State) -> Tail {
        Tail::url(self.server.url())
            .args(["--until", "now"])
            .state(state.path())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

fn ids(finished: &Finished) -> Vec<String> {
    let id = |line: &String| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    finished.stdout_lines().iter().map(id).collect()
}

fn second(id: &str) -> u64 {
    u64::from_str_radix(&id[..8], 16).unwrap()
}

/// Also where the store's clock is ahead, so that what happened before seems to be from later.
#[test]
fn on_a_log_that_never_rests() {
    at_once([0, 3000], |ahead_ms| {
        let busy = Busy::start(ahead_ms);
        let first = busy.newest();
        let state = State::holding(&first);
        let before = busy.newest_after(&first);
        let started = now_ms() / 1000;
        let finished = busy.until_now(&state).run().exit(0).stderr_is_empty();
        let printed = ids(&finished);
        assert!(printed.contains(&before), "{printed:?}");
        let last = printed.last().unwrap();
        state.is(last);
        assert!(second(last) <= started + MARGIN.as_secs() + 1, "{last}");

        // The next run begins with the operation that ended this one.
        let next = ids(&busy.until_now(&state).args(["-n", "1"]).run().exit(0));
        let numbers = |id: &String| u64::from_str_radix(&id[8..], 16).unwrap();
        assert_eq!(numbers(&next[0]), numbers(last) + 1);
        assert!(second(&next[0]) > started + MARGIN.as_secs(), "{next:?}");
    });
}

#[test]
fn on_a_quiet_log() {
    let events = insert(1) + &insert(2);
    for when in ["now", "2h", SECOND, "2026-11-23T18:55:12+01:00"] {
        let script = Script::events(events.clone()).heartbeats(Duration::from_millis(50));
        let server = ScriptServer::start([script]);
        let finished = Tail::url(server.url())
            .args(["--until", when])
            .run()
            .exit(0)
            .stderr_is_empty();
        // By then two hours ago lies before the operations.
        let lines = finished.stdout_lines().len();
        assert_eq!(lines, 2, "{when}");
        assert!(finished.elapsed >= QUIET);
    }
}

#[test]
fn at_the_first_operation_of_a_later_second() {
    // The fourth has the same second as the third.
    let events = insert(1) + &insert(2) + &insert_after(5, 3) + &insert_after(5, 4);
    for (when, printed) in [
        ("2026-11-23T17:55:11.999Z", 0),
        (SECOND, 2),
        ("2026-11-23T17:55:16.999Z", 2),
        (LATER, 4),
    ] {
        let events = events.clone() + &insert_after(6, 5);
        let (state, server) = (
            State::holding(operation_id(0)),
            ScriptServer::start([Script::events(events).stall()]),
        );
        let finished = Tail::url(server.url())
            .args(["--until", when, "--stats", "-o", "json"])
            .state(state.path())
            .run()
            .exit(0)
            .within(Duration::from_secs(10));
        assert_eq!(finished.stdout_lines().len(), printed, "{when}");
        // The one that ends the run is neither counted nor passed.
        let summary: Value = serde_json::from_str(finished.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(summary["events"]["insert"], printed);
        let last = ids(&finished).pop().unwrap_or_else(|| operation_id(0));
        assert_eq!(summary["position"], *last);
        state.is(&last);
    }
}

/// Neither is one that cannot be decoded, which is a matter for the next run.
#[test]
fn an_invalid_operation_ends_it_too() {
    let invalid = insert_after(1, 2).replace("{\"", "[\"");
    let server = ScriptServer::start([Script::events(insert(1) + &invalid).stall()]);
    Tail::url(server.url())
        .args(["--until", SECOND, "--on-invalid", "exit"])
        .run()
        .exit(0)
        .stderr_is_empty();
}

#[test]
fn in_the_future() {
    let (begin, wait) = (Timestamp::now(), SignedDuration::from_secs(3));
    let server = ScriptServer::start([Script::events(insert(1)).stall()]);
    // The operation lies before it, whatever day it is.
    let when = begin.checked_add(wait).unwrap().to_string();
    let finished = Tail::url(server.url())
        .args(["--until", &when])
        .run()
        .exit(0);
    assert_eq!(finished.stdout_lines().len(), 1);
    assert!(Timestamp::now().duration_since(begin) >= wait + SignedDuration::from_secs(7));
}

#[test]
fn what_is_unacknowledged_is_waited_for() {
    let events = insert(1) + &insert(2) + &insert_after(1, 3);
    let state = State::holding(operation_id(0));
    let server = ScriptServer::start([Script::events(events).stall()]);
    let mut run = Tail::url(server.url())
        .args(["--until", SECOND, "--ack", "stdin"])
        .state(state.path())
        .stdin_piped()
        .spawn();
    run.read_lines(2);
    run.write_stdin(&(operation_id(2) + "\n"));
    run.write_stdin(&(operation_id(1) + "\n"));
    let finished = run.wait().exit(0).stderr_is_empty();
    assert_eq!(finished.stdout_lines().len(), 2);
    state.is(&operation_id(2));
}

const LIVE: &str = "id: 1795456512000\nevent: live\n\n";
const STATE_MS: u64 = 1_795_456_512_000;

/// States never end it, and neither does `live`. What the replication left out happened before, so
/// it is printed first, and so are the operations that it takes.
#[test]
fn after_a_replication_once_that_is_complete() {
    let states = "id: 1\nevent: reset\n\n".to_owned() + &object_at(STATE_MS, "a") + LIVE;
    let operations = insert(1) + &insert_after(2, 2) + &insert_after(60, 3);
    let missing = object_at(STATE_MS + 900, "missing") + LIVE;
    // The log ends before the states and all operations.
    for when in ["2026-11-23T17:55:10Z", "2026-11-23T17:55:13Z"] {
        let server = ScriptServer::start([
            Script::events(states.clone() + &operations).stall(),
            Script::events(missing.clone()).stall(),
        ]);
        let finished = Tail::url(server.url())
            .args(["--start-id", "0", "--until", when])
            .run()
            .exit(0)
            .stderr_is_empty();
        let text = finished.stdout_text();
        assert_eq!(finished.stdout_lines().len(), 7, "{text}");
        assert!(text.contains("missing"), "{text}");
    }
}

#[test]
fn after_a_fallback_on_a_quiet_log() {
    let state = State::holding(operation_id(9));
    let fallback = object_at(STATE_MS, "a") + LIVE;
    let server = ScriptServer::start([Script::events(fallback).stall()]);
    Tail::url(server.url())
        .args(["--until", "2026-11-23T17:55:10Z"])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_has("no longer has operation")
        .stderr_has("--until-complete waits for them");
}

#[test]
fn fails_where_what_was_left_out_is_refused() {
    let states = "id: 1\nevent: reset\n\n".to_owned() + &object_at(STATE_MS, "a") + LIVE;
    let operations = insert(1) + &insert_after(60, 2);
    let server = ScriptServer::start([
        Script::events(states + &operations).stall(),
        Script::status(403),
    ]);
    Tail::url(server.url())
        .args(["--start-id", "0", "--until", SECOND])
        .run()
        .exit(1)
        .stderr_has("the replication is incomplete");
}

#[test]
fn not_while_disconnected() {
    let server = ScriptServer::start([
        Script::answer(503, &[("Retry-After", "3")], ""),
        Script::events(insert(1)).stall(),
    ]);
    let finished = Tail::url(server.url())
        .args(["--until", "now"])
        .run()
        .exit(0);
    assert_eq!(finished.stdout_lines().len(), 1);
}

#[test]
fn whichever_condition_is_met_first() {
    let events = insert(1) + &insert(2) + &insert_after(1, 3);
    let server = ScriptServer::repeating(Script::events(events).stall());
    for (args, lines) in [
        (&["-n", "1"][..], 1),
        (&["-n", "9"], 2),
        (&["--until-live"], 2),
        (&["--until-complete"], 2),
        (&["--until-idle", "1h"], 2),
    ] {
        let finished = Tail::url(server.url())
            .args(["--until", SECOND])
            .args(args)
            .run()
            .exit(0);
        assert_eq!(finished.stdout_lines().len(), lines, "{args:?}");
    }
}

#[test]
fn a_timeout_and_a_signal_before_it() {
    let server = ScriptServer::repeating(Script::events(insert(1)).stall());
    let following = || Tail::url(server.url()).args(["--until", "2999-01-01"]);
    following().args(["--timeout", "300ms"]).run().exit(7);
    let mut run = following().spawn();
    run.read_line();
    run.signal(Signal::TERM);
    run.wait().exit(143);
}

#[test]
fn words_that_are_no_time() {
    for (when, problem) in [
        ("soon", "expected a duration"),
        ("Now", "did you mean \"now\"?"),
        ("-2h", "cannot be negative"),
        ("1969-12-31", "before 1970"),
    ] {
        Tail::url("http://127.0.0.1:1/")
            .args(["--until", when])
            .run()
            .exit(2)
            .stderr_has("--until")
            .stderr_has(problem);
    }
}

/// More than 64 KiB at once: the server may have skipped operations, also between the last one that
/// is printed and the one that ends the run.
#[test]
fn a_reader_that_is_slower_than_the_log() {
    let printed = |first| (first..=2000).map(insert).collect::<String>();
    // What lies between the two is more than the server can send ahead.
    let invalid = "a".repeat(100_000);
    let many = printed(1) + &insert_after(1, 2001);
    let one = insert(2000) + &format!(": {invalid}\n") + &insert_after(1, 2001);
    for events in [many, one] {
        for (is_kept, choice, status) in [
            (true, "exit", 0),
            (false, "continue", 0),
            (false, "exit", 6),
        ] {
            let events = events.clone();
            let asked = AtomicBool::new(false);
            let server = ScriptServer::repeating(Script::choosing(move |_| {
                if !asked.swap(true, Ordering::Relaxed) {
                    Script::events(events.clone()).stall()
                } else if is_kept {
                    Script::events(insert(2000)).stall()
                } else {
                    Script::events(object_at(STATE_MS, "state") + LIVE).stall()
                }
            }));
            let state = State::holding(operation_id(0));
            let finished = Tail::url(server.url())
                .args(["--until", SECOND, "--on-resume-failed", choice])
                .state(state.path())
                .run()
                .exit(status);
            assert!(!finished.stdout_text().contains(&operation_id(2001)));
            if is_kept {
                finished.stderr_is_empty();
                state.is(&operation_id(2000));
            } else {
                finished.stderr_has("no longer has operation");
            }
        }
    }
}
