//! The position of a run from now: where its first connection begins, by the earlier clock.

use rustix::process::Signal;

use super::position::{EMPTY_LIVE, LONG_AGO, long_ago_id, now, of_second};
use crate::support::{Script, ScriptServer, State, Tail, from_now, insert};

/// Long after.
const FAR_AHEAD: &str = "Tue, 23 Nov 2066 17:55:11 GMT";

const LATER: &str = "Mon, 23 Nov 2026 18:00:00 GMT";

#[test]
fn the_first_connection_is_a_position() {
    let state = State::absent();
    let server = ScriptServer::start([Script::events_at(LONG_AGO, "").stall()]);
    let run = Tail::url(server.url()).state(state.path()).spawn();
    state.wait_for(&long_ago_id());
    run.signal(Signal::TERM);
    let finished = run
        .wait()
        .exit(0)
        .stderr_has(&from_now(state.path()))
        .stderr_has("s behind the clock of this machine");
    assert_eq!(finished.stderr.lines().count(), 2, "{}", finished.stderr);
    state.is(&long_ago_id());
}

/// The position is five seconds before the earlier of the two clocks, and clocks that lie further
/// apart than that are told.
#[test]
fn the_earlier_clock_counts_for_the_first_position() {
    let near = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    let near = near.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (date, told) in [
        (
            Some(FAR_AHEAD),
            Some("s ahead of the clock of this machine"),
        ),
        (Some(&*near), None),
        (None, None),
    ] {
        let state = State::absent();
        let script = match date {
            Some(date) => Script::events_at(date, ""),
            None => Script::events(""),
        };
        let server = ScriptServer::start([script.stall()]);
        let before = now();
        let run = Tail::url(server.url())
            .args(["--until-idle", "100ms"])
            .state(state.path());
        let finished = run.run().exit(0);
        let possible: Vec<_> = (before - 2..=now())
            .map(|second| of_second(second - 5))
            .collect();
        let saved = state.content().unwrap();
        assert!(possible.contains(&saved), "{saved}, not in {possible:?}");
        match told {
            Some(told) => finished.stderr_has(told),
            None => finished.stderr_is_from_now(state.path()),
        };
    }
}

#[test]
fn without_a_date_the_own_clock_counts() {
    let state = State::absent();
    let server = ScriptServer::start([Script::events(EMPTY_LIVE).stall()]);
    let before = now();
    let run = Tail::url(server.url())
        .args(["-n", "1"])
        .state(state.path());
    run.run().exit(0);
    // The second of the position: of a `live` without an id too.
    let possible: Vec<_> = (before - 1..=now())
        .map(|second| of_second(second - 5))
        .collect();
    let saved = state.content().unwrap();
    assert!(possible.contains(&saved), "{saved}, not in {possible:?}");
}

#[test]
fn later_connections_do_not_move_the_first_position() {
    let state = State::absent();
    let server = ScriptServer::start([
        Script::events_at(LONG_AGO, ""),
        Script::events_at(LATER, "").stall(),
    ]);
    let mut run = Tail::url(server.url())
        .arg("-v")
        .state(state.path())
        .spawn();
    let requests = server.wait_for_requests(2);
    assert_eq!(requests[0].last_event_id(), None);
    requests[1].asks_after(&long_ago_id());
    assert!(run.is_running());
    run.signal(Signal::TERM);
    run.wait().exit(0);
    state.is(&long_ago_id());
}

#[test]
fn the_first_position_counts_without_a_state_file_too() {
    let server = ScriptServer::start([
        Script::events_at(LONG_AGO, ":\n"),
        Script::events_at(LATER, insert(1)).stall(),
    ]);
    Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
    let requests = server.requests();
    requests[1].asks_after(&long_ago_id());
}
