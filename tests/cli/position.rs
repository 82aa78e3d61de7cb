//! Where a run starts and from where it goes on.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{
    Gate, Left, Script, ScriptServer, State, Tail, expected_json, insert, operation_id,
};

const DATE: &str = "Mon, 23 Nov 2026 17:55:11 GMT";

/// Long before any clock on which this runs.
pub const LONG_AGO: &str = "Thu, 06 Nov 2014 11:04:39 GMT";

pub const EMPTY_LIVE: &str = "id: \nevent: live\n\n";

/// The made-up operation id of a second.
pub fn of_second(second: u64) -> String {
    format!("{second:08x}0000000000000000")
}

/// The operation id of [`DATE`].
fn date_id() -> String {
    of_second(1_795_456_511)
}

/// Where a run from now begins that was answered at [`LONG_AGO`]: five seconds before.
pub fn long_ago_id() -> String {
    of_second(1_415_271_879 - 5)
}

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// What a run with these arguments asks to start from.
fn asked(prepare: impl FnOnce(Tail) -> Tail) -> Option<String> {
    let server = ScriptServer::start([Script::events(insert(2)).stall()]);
    prepare(Tail::url(server.url()).args(["-n", "1"]))
        .run()
        .exit(0);
    server.request().last_event_id().map(str::to_owned)
}

/// What a run with this state and these arguments asks to start from.
fn asked_with_state(state: &State, args: &[&str]) -> Option<String> {
    asked(|tail| tail.args(args).state(state.path()))
}

#[test]
fn starts_from_now_unless_told() {
    assert_eq!(asked(|tail| tail), None);
    assert_eq!(asked(|tail| tail.args(["--start-id", "now"])), None);
}

#[test]
fn start_id_is_sent_as_it_is() {
    for id in ["0", "1", "1795456511846", "545b55c7f095528dd0f3863c"] {
        assert_eq!(
            asked(|tail| tail.args(["--start-id", id])).as_deref(),
            Some(id)
        );
    }
    assert_eq!(
        asked(|tail| tail.arg("--allow-replication")).as_deref(),
        Some("0")
    );
}

#[test]
fn since_asks_for_the_states_since_that_second() {
    for (since, second) in [
        ("2026-11-23T10:00:00Z", 1_795_428_000),
        ("2026-11-23T10:00:00.900Z", 1_795_428_000),
        ("2026-11-23T10:00:00-08:00", 1_795_456_800),
        ("2026-11-23", 1_795_392_000),
    ] {
        let sent = asked(|tail| tail.args(["--since", since]));
        assert_eq!(sent, Some(of_second(second)), "{since}");
    }
    for (since, seconds) in [("2h", 7200), ("1d12h", 129_600), ("90s", 90)] {
        let before = now();
        let sent = asked(|tail| tail.args(["--since", since])).unwrap();
        let after = now();
        let possible: Vec<_> = (before..=after)
            .map(|now| of_second(now - seconds))
            .collect();
        assert!(
            possible.contains(&sent),
            "{since}: {sent}, not in {possible:?}"
        );
    }
}

#[test]
fn the_saved_position_wins_over_the_start() {
    for start in [
        &["--start-id", "0"][..],
        &["--since", "2h"],
        &["--allow-replication"],
    ] {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        Tail::url(server.url())
            .args(["-n", "1"])
            .args(start)
            .state(state.path())
            .run()
            .exit(0)
            .stderr_is_prefixed()
            .stderr_has(&operation_id(1));
        server.request().asks_after(&operation_id(1));
        state.is(&operation_id(2));
    }
}

#[test]
fn rewind_starts_anew() {
    let state = State::holding(operation_id(1));
    let sent = asked_with_state(&state, &["--rewind", "--start-id", "1795456511846"]);
    assert_eq!(sent.as_deref(), Some("1795456511846"));
    state.is(&operation_id(2));
    let sent = asked_with_state(&state, &["--rewind", "--since", "2026-11-23"]);
    assert_eq!(sent, Some(of_second(1_795_392_000)));
}

#[test]
fn a_saved_operation_is_resumed_as_it_is() {
    for id in [operation_id(1), of_second(1_795_392_000)] {
        assert_eq!(asked_with_state(&State::holding(&id), &[]), Some(id));
    }
}

#[test]
fn a_saved_time_is_resumed_so_that_deletions_are_reported() {
    let sent = asked_with_state(&State::holding("1795456511846"), &[]);
    assert_eq!(sent, Some(date_id()));
    let sent = asked_with_state(&State::holding("1795456511846"), &["--exact-resume"]);
    assert_eq!(sent.as_deref(), Some("1795456511846"));
    assert_eq!(
        asked_with_state(&State::holding("0"), &[]).as_deref(),
        Some("0")
    );
}

#[test]
fn what_a_made_up_id_brings_is_no_failed_resume() {
    let body = crate::support::fixture("resume-synthetic.sse");
    let (date_id, end) = (date_id(), "1795456517996");
    // A fallback is held until its repair is done: five seconds before a time that somebody else
    // may have saved, or at the second of a synthetic id, which lies early enough already.
    for (saved, arguments, reached) in [
        ("1795456511846", &[][..], "1795456506000"),
        ("1795456511846", &["--no-repair"], end),
        (date_id.as_str(), &[], "1795456511000"),
        (date_id.as_str(), &["--no-repair"], end),
    ] {
        let state = State::holding(saved);
        let server = ScriptServer::start([Script::events(body.as_slice()).stall()]);
        Tail::url(server.url())
            .args(["--until-live", "--on-resume-failed", "exit"])
            .state(state.path())
            .args(arguments)
            .run()
            .exit(0)
            .stdout_is(&expected_json(&body));
        state.is(reached);
    }
}

#[test]
fn a_failed_resume_is_taken_refused_or_replaced() {
    let body = crate::support::fixture("fallback.sse");
    let run = |choice: &[&str], scripts: Vec<Script>| {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start(scripts);
        let finished = Tail::url(server.url())
            .args(["--until-live"])
            .state(state.path())
            .args(choice)
            .run();
        (finished, state, server)
    };
    let fallback = || Script::events(body.as_slice()).stall();
    for choice in [&[][..], &["--on-resume-failed", "continue"]] {
        let (finished, state, _server) = run(choice, vec![fallback()]);
        finished
            .exit(0)
            .stderr_has(&operation_id(1))
            .stdout_is(&expected_json(&body));
        // Five seconds before the operation: what clocks that differ may have hidden is fetched
        // after `live`, and this run did not stay for it.
        state.is("1795456507000");
    }
    let (finished, state, _server) = run(&["--no-repair"], vec![fallback()]);
    finished.exit(0);
    state.is("1795456550046");

    let (finished, state, _server) = run(&["--on-resume-failed", "exit"], vec![fallback()]);
    finished.exit(6).stdout_is::<&str>(&[]);
    state.is(&operation_id(1));

    let replication = crate::support::fixture("replication.sse");
    let scripts = vec![fallback(), Script::events(replication.as_slice()).stall()];
    let (finished, state, server) = run(&["--on-resume-failed", "replicate"], scripts);
    finished.exit(0).stdout_is(&expected_json(&replication));
    state.is("1795456511846");
    server.requests()[1].asks_after("0");
}

#[test]
fn a_lone_live_after_an_operation_id_is_a_failed_resume() {
    let state = State::holding(operation_id(1));
    let server = ScriptServer::start([Script::events(EMPTY_LIVE).stall()]);
    Tail::url(server.url())
        .args(["--on-resume-failed", "exit"])
        .state(state.path())
        .run()
        .exit(6)
        .stdout_is::<&str>(&[]);
    state.is(&operation_id(1));
}

#[test]
fn the_start_is_asked_for_again_until_something_was_acknowledged() {
    let server = ScriptServer::start([
        Script::events_at(DATE, ""),
        Script::events_at(DATE, "id: 1\nevent: reset\n\n".to_owned() + &insert(1)),
        Script::events_at(DATE, insert(2)).stall(),
    ]);
    let state = State::absent();
    Tail::url(server.url())
        .args(["--start-id", "0", "-n", "3"])
        .state(state.path())
        .run()
        .exit(0);
    let requests = server.requests();
    let asked: Vec<_> = requests
        .iter()
        .map(|request| request.last_event_id())
        .collect();
    assert_eq!(
        asked,
        [Some("0"), Some("0"), Some(operation_id(1).as_str())]
    );
    state.is(&operation_id(2));
}

#[test]
fn a_live_with_an_empty_id_is_no_position() {
    let state = State::holding("1795456511846");
    let server = ScriptServer::start([Script::events(EMPTY_LIVE).stall()]);
    Tail::url(server.url())
        .args(["--until-live"])
        .state(state.path())
        .run()
        .exit(0)
        .says_incomplete(Left::Repair)
        .stdout_is(&[r#"{"id":"","event":"live"}"#]);
    // A fallback from a time is held five seconds before it; without the repair nothing moves.
    state.is("1795456506000");

    let state = State::holding("1795456511846");
    let server = ScriptServer::start([Script::events(EMPTY_LIVE).stall()]);
    Tail::url(server.url())
        .args(["--until-live", "--no-repair"])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_is_empty();
    state.is("1795456511846");

    let state = State::absent();
    let server = ScriptServer::start([Script::events_at(LONG_AGO, EMPTY_LIVE).stall()]);
    Tail::url(server.url())
        .args(["--until-live"])
        .state(state.path())
        .run()
        .exit(0);
    state.is(&long_ago_id());
}

#[test]
fn a_lost_connection_resumes_after_the_last_operation() {
    let gate = Gate::new();
    let first = Script::events(insert(1) + &insert(2))
        .wait_for(&gate)
        .reset();
    let server = ScriptServer::start([first, Script::events(insert(3)).stall()]);
    let mut run = Tail::url(server.url()).args(["-n", "3"]).spawn();
    run.read_lines(2);
    gate.open();
    let finished = run.wait().exit(0).stderr_is_prefixed();
    let all = insert(1) + &insert(2) + &insert(3);
    finished.stdout_is(&expected_json(all.as_bytes()));
    server.requests()[1].asks_after(&operation_id(2));
}

#[test]
fn an_interrupted_replication_goes_on_with_deletions() {
    let body = crate::support::fixture("replication.sse");
    let cut = body
        .windows(7)
        .position(|part| part == b"\"user\",")
        .unwrap();
    let server = ScriptServer::start([
        Script::events(&body[..cut]),
        Script::events(crate::support::fixture("resume-synthetic.sse")).stall(),
    ]);
    Tail::url(server.url())
        .args(["--start-id", "0", "--until-live"])
        .run()
        .exit(0);
    let requests = server.requests();
    requests[1].asks_after(&of_second(1_795_456_509));
}
