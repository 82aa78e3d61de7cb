//! Runs that end before all of a replication is there, and `--until-complete`.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    AfterLast, Finished, Gate, Left, Script, ScriptServer, State, Tail, at_once, insert,
    insert_after, object_at, operation_id,
};

const RESET: &str = "id: 1\nevent: reset\n\n";
const LIVE: &str = "id: 1795456500000\nevent: live\n\n";
const STATE_MS: u64 = 1_795_456_499_000;

/// A replication without its `live`.
fn cut() -> String {
    RESET.to_owned() + &object_at(STATE_MS, "a")
}

/// A whole one.
fn whole() -> String {
    cut() + LIVE
}

/// Replications that are not complete, and what each lacks.
fn beginnings() -> [(String, Left); 2] {
    [(cut(), Left::Replication), (whole(), Left::Repair)]
}

/// Two operations after it: the second makes the repair due by the clock of the log.
fn due() -> String {
    whole() + &insert(1) + &insert_after(5, 2)
}

/// What the repair gets.
fn missing() -> Script {
    Script::events(object_at(STATE_MS + 900, "missing") + LIVE).stall()
}

fn replicating(server: &ScriptServer) -> Tail {
    Tail::url(server.url()).args(["--start-id", "0"])
}

/// What the summary says of the repair, which is the last line of stderr.
#[track_caller]
fn repair_key(finished: &Finished) -> Value {
    let last = finished.stderr.lines().last().unwrap();
    serde_json::from_str::<Value>(last).unwrap()["repair"].clone()
}

/// Runs it with and without a state file, with `-q`, and with `--stats`.
#[track_caller]
fn says(events: &str, args: &[&str], status: i32, left: Option<Left>) {
    let run = |more: &[&str]| {
        let server = ScriptServer::start([Script::events(events).stall(), missing()]);
        replicating(&server)
            .args(args)
            .args(more)
            .run()
            .exit(status)
    };
    // `--timeout` adds a line of its own.
    let timed_out =
        "oplog-tail: stopped by --timeout before -n or --until-… was reached (exit 7)\n";
    let check = |mut finished: Finished, follows: &str| {
        finished.stderr = finished.stderr.replace(timed_out, "");
        let finished = finished.says_incomplete(left);
        if left.is_some() {
            finished.stderr_has(follows);
        }
    };
    check(run(&[]), "without --state the next run starts over");
    let state = State::absent();
    let path = state.path().to_str().unwrap();
    check(
        run(&["--state", path]),
        "the next run continues where this one stopped",
    );
    run(&["-q"]).stderr_is_empty();
    let pending = left.map_or(Value::Null, |_| "pending".into());
    let key = repair_key(&run(&["--stats", "-o", "json"]));
    assert_eq!(key, pending);
}

#[test]
fn after_so_many_lines() {
    says(&cut(), &["-n", "2"], 0, Some(Left::Replication));
    says(&whole(), &["-n", "3"], 0, Some(Left::Repair));
    says(&insert(1), &["-n", "1"], 0, None);
}

#[test]
fn when_idle() {
    at_once(beginnings(), |(events, left)| {
        says(&events, &["--until-idle", "1s"], 0, Some(left));
    });
}

#[test]
fn at_live() {
    says(&whole(), &["--until-live"], 0, Some(Left::Repair));
}

#[test]
fn at_a_timeout() {
    at_once(beginnings(), |(events, left)| {
        says(&events, &["--timeout", "1500ms"], 0, Some(left));
    });
    at_once(beginnings(), |(events, left)| {
        says(&events, &["--timeout", "1500ms", "-n", "9"], 7, Some(left));
    });
}

#[test]
fn at_a_signal() {
    for (args, status) in [(&[][..], 0), (&["-n", "9"], 143)] {
        for (events, lines, left) in [(cut(), 2, Left::Replication), (whole(), 3, Left::Repair)] {
            let server = ScriptServer::start([Script::events(events).stall()]);
            let mut run = replicating(&server).args(args).spawn();
            run.read_lines(lines);
            run.signal(Signal::TERM);
            run.wait().exit(status).says_incomplete(left);
        }
    }
}

/// The supervisor ends it, because it hangs in writing.
#[test]
fn at_a_signal_though_nobody_reads() {
    let flood = |number: u64| object_at(STATE_MS + number, "x").into_bytes();
    for (quiet, left) in [(false, Some(Left::Replication)), (true, None)] {
        let server = ScriptServer::start([Script::events(RESET).flood(flood)]);
        let tail = replicating(&server);
        let tail = if quiet { tail.arg("-q") } else { tail };
        let mut run = tail.spawn();
        run.wait_until_stdout_is_full();
        run.signal(Signal::TERM);
        run.wait_without_reading().exit(0).says_incomplete(left);
    }
}

/// It was to replicate, and ends before anything of it comes.
#[test]
fn before_a_replication_that_was_to_replace_a_failed_resume() {
    let server = ScriptServer::start([
        Script::events(object_at(STATE_MS, "a")).stall(),
        Script::events("").stall(),
    ]);
    let state = State::holding(operation_id(1));
    let run = Tail::url(server.url())
        .args(["--on-resume-failed", "replicate", "--stats", "-o", "json"])
        .state(state.path())
        .spawn();
    server.wait_for_requests(2);
    run.signal(Signal::TERM);
    let finished = run.wait().exit(0).stdout_is::<&str>(&[]);
    assert_eq!(repair_key(&finished), "pending");
    let told = finished.stderr.lines().collect::<Vec<_>>();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].contains("starting a full replication"), "{told:#?}");
    assert!(Left::Replication.is_said_by(told[1]), "{told:#?}");
    state.is(&operation_id(1));
}

#[test]
fn a_complete_run_says_nothing() {
    for (args, repair) in [
        (&[][..], Value::from("done")),
        (&["--no-repair"], Value::Null),
    ] {
        let run = |more: &[&str]| {
            let server = ScriptServer::start([Script::events(due()).stall(), missing()]);
            replicating(&server)
                .args(["--until-idle", "1s"])
                .args(args)
                .args(more)
                .run()
                .exit(0)
        };
        run(&[]).stderr_is_empty();
        assert_eq!(repair_key(&run(&["--stats", "-o", "json"])), repair);
    }
}

#[test]
fn until_complete_waits_for_what_was_missing() {
    let server = ScriptServer::start([Script::events(due()).stall(), missing()]);
    let finished = replicating(&server)
        .args(["--until-complete", "--stats", "-o", "json"])
        .run()
        .exit(0)
        .stderr_has(r#""repaired":1,"repair":"done""#);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    let lines = finished.stdout_lines();
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(lines[5].contains(r#""id":"missing""#), "{lines:#?}");
}

#[test]
fn until_complete_waits_on_a_quiet_log() {
    let args = ["--until-complete", "--timeout", "1500ms"];
    at_once(beginnings(), |(events, left)| {
        says(&events, &args, 7, Some(left));
    });
    let gate = Gate::new();
    let script = Script::events(whole()).wait_for(&gate);
    let script = script.send(insert(1) + &insert_after(5, 2)).stall();
    let server = ScriptServer::start([script, missing()]);
    let mut run = replicating(&server).arg("--until-complete").spawn();
    run.read_lines(3);
    assert!(run.is_running());
    gate.open();
    run.wait().exit(0).stderr_is_empty();
}

#[test]
fn until_complete_fails_where_the_rest_is_refused() {
    let server = ScriptServer::start([Script::events(due()).stall(), Script::status(403)]);
    let finished = replicating(&server).arg("--until-complete").run();
    assert!(!finished.status.success(), "{finished:?}");
    finished
        .stderr_has("cannot be fetched and stay missing")
        .stderr_has("the replication is incomplete");
}

#[test]
fn until_complete_needs_the_repair() {
    Tail::url("http://127.0.0.1:1/")
        .args(["--until-complete", "--no-repair"])
        .run()
        .exit(2)
        .stderr_has("--until-complete")
        .stderr_has("--no-repair");
}

#[test]
fn a_timeout_with_lines_unacknowledged_says_so() {
    for (args, status) in [(&[][..], 0), (&["-n", "9"], 7)] {
        let script = Script::events(insert(1) + &insert(2)).stall();
        let server = ScriptServer::with([script], AfterLast::Repeat);
        let mut run = Tail::url(server.url())
            .args(["--ack", "stdin", "--timeout", "3s"])
            .args(args)
            .stdin_piped()
            .spawn();
        run.read_lines(2);
        run.write_stdin(&(operation_id(1) + "\n"));
        run.wait()
            .exit(status)
            .within(Duration::from_secs(10))
            .stderr_has("stopped by --timeout with 1 operation unacknowledged");
    }
}
