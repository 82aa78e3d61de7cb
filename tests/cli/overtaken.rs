//! A server that was not read from fast enough may have skipped operations. It does not say so, but
//! a new request for an earlier operation tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::support::{
    Gate, Script, ScriptServer, State, Tail, insert, number_of, object_at, operation_id,
};

/// More than 64 KiB at once puts everything after it in doubt.
const MANY: u64 = 2_000;

fn many() -> String {
    (1..=MANY).map(insert).collect()
}

/// A fallback: the server no longer has what it was asked for.
fn fallback() -> String {
    object_at(1_795_456_512_000, "state") + "id: 1795456512000\nevent: live\n\n"
}

const REPLICATION: &str = "id: 1\nevent: reset\n\nid: 1795456512000\nevent: live\n\n";

/// Answers the first request for operations with many at once, each later one with `later`, and
/// a request for everything with a replication.
fn overtaking(later: impl Fn(&str) -> Script + Send + Sync + 'static) -> ScriptServer {
    let asked = Arc::new(AtomicUsize::new(0));
    ScriptServer::repeating(Script::choosing(move |request| {
        let id = request.last_event_id().unwrap();
        if id == "0" {
            Script::events(REPLICATION).stall()
        } else if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            Script::events(many()).stall()
        } else {
            later(id)
        }
    }))
}

fn following(server: &ScriptServer, state: &State, args: &[&str]) -> Tail {
    Tail::url(server.url()).state(state.path()).args(args)
}

/// Gone, in the middle of a run: a failed resume, for which `--on-resume-failed` is.
#[test]
fn gone_in_the_middle() {
    let server = || overtaking(|_| Script::events(fallback()).stall());
    let told = "the server no longer has operation";

    let (model, state) = (server(), State::holding(operation_id(0)));
    let finished = following(&model, &state, &["--until-live"]).run().exit(0);
    let lines = finished.stdout_lines();
    assert!(lines[lines.len() - 2].contains(r#""id":"state""#));
    finished.stderr_has(told).stderr_has("continuing with");

    let (model, state) = (server(), State::holding(operation_id(0)));
    let args = ["--on-resume-failed", "replicate", "--until-live"];
    let finished = following(&model, &state, &args).run().exit(0);
    assert!(!finished.stdout_text().contains(r#""id":"state""#));
    assert!(finished.stdout_text().contains("reset"));
    finished.stderr_has(told).stderr_has("full replication");

    let (model, state) = (server(), State::holding(operation_id(0)));
    let args = ["--on-resume-failed", "exit", "--until-live"];
    let finished = following(&model, &state, &args).run().exit(6);
    assert!(!finished.stdout_text().contains(r#""id":"state""#));
    finished.stderr_has(told);
    assert_in_front(&state);
}

/// The position is an operation before the last one.
#[track_caller]
fn assert_in_front(state: &State) {
    let position = number_of(&state.content().unwrap());
    assert!(position < MANY, "{position}");
}

#[test]
fn gone_at_the_end() {
    let count = MANY.to_string();
    for (choice, status) in [("continue", 0), ("replicate", 0), ("exit", 6)] {
        let server = overtaking(|_| Script::events(fallback()).stall());
        let state = State::holding(operation_id(0));
        following(
            &server,
            &state,
            &["--on-resume-failed", choice, "-n", &count],
        )
        .run()
        .exit(status)
        .stderr_has("the server no longer has operation");
        assert_in_front(&state);
    }
}

#[test]
fn kept_at_the_end() {
    let count = MANY.to_string();
    let server = overtaking(|id| Script::events(insert(number_of(id) + 1)).stall());
    let state = State::holding(operation_id(0));
    following(
        &server,
        &state,
        &["--on-resume-failed", "exit", "-n", &count],
    )
    .run()
    .exit(0)
    .stderr_is_empty();
    state.is(&operation_id(MANY));
}

#[test]
fn no_answer_at_the_end() {
    let count = MANY.to_string();
    for (choice, status) in [("continue", 0), ("exit", 6)] {
        let server = overtaking(|_| Script::silent().stall());
        let state = State::holding(operation_id(0));
        let finished = following(
            &server,
            &state,
            &["--on-resume-failed", choice, "-n", &count],
        )
        .run()
        .exit(status)
        .stderr_has("the server did not answer in time whether it skipped operations");
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert_in_front(&state);
    }
}

/// Then the main connection is made again and asks, and what comes again is not printed twice.
#[test]
fn a_second_connection_that_always_fails() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = overtaking(move |id| {
        if asked.fetch_add(1, Ordering::Relaxed) < 3 {
            return Script::status(503);
        }
        let again = number_of(id) + 1..=MANY + 1;
        Script::events(again.map(insert).collect::<String>()).stall()
    });
    let state = State::holding(operation_id(0));
    let count = (MANY + 1).to_string();
    let finished = following(&server, &state, &["-n", &count]).run().exit(0);
    for (number, line) in (1..).zip(finished.stdout_lines()) {
        assert!(line.contains(&operation_id(number)), "{line}");
    }
    finished.stderr_lacks("no longer has");
    state.is(&operation_id(MANY + 1));
}

/// Meanwhile the main connection goes on, and the position stays.
#[test]
fn a_second_connection_that_hangs() {
    let (more, answer) = (Gate::new(), Gate::new());
    let asked = Arc::new(AtomicUsize::new(0));
    let (goes_on, answers) = (more.clone(), answer.clone());
    let server = ScriptServer::repeating(Script::choosing(move |request| {
        let number = number_of(request.last_event_id().unwrap());
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            let script = Script::events(many()).wait_for(&goes_on);
            script.send(insert(MANY + 1)).stall()
        } else {
            let script = Script::events("").wait_for(&answers);
            script.send(insert(number + 1)).stall()
        }
    }));
    let state = State::holding(operation_id(0));
    let mut running = following(&server, &state, &["-v"]).spawn();
    running.read_lines(MANY.try_into().unwrap());
    running.wait_for_stderr("asking whether the server still has operation");
    more.open();
    assert!(running.read_line().contains(&operation_id(MANY + 1)));
    assert_in_front(&state);
    answer.open();
    state.wait_for(&operation_id(MANY + 1));
    running.signal(Signal::TERM);
    running.wait().exit(0).stderr_lacks("no longer has");
}

#[test]
fn a_small_stream_makes_one_connection() {
    let events: String = (1..=300).map(insert).collect();
    let server = ScriptServer::start([Script::events(events).stall()]);
    let state = State::holding(operation_id(0));
    following(&server, &state, &["--until-idle", "1500ms"])
        .run()
        .exit(0)
        .stderr_is_empty();
    assert_eq!(server.requests().len(), 1);
    state.is(&operation_id(300));
}
