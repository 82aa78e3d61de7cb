//! The second connection, which fetches what the server leaves out of a replication: when it is
//! made, what it brings, and what becomes of a run where it fails.

use std::time::Duration;

use rustix::process::Signal;

use super::repair::DATE;
use crate::support::{
    Left, Script, ScriptServer, State, Tail, at_once, id_after, insert, insert_after,
};

fn state_of(object: &str, event: &str) -> String {
    format!(
        "id: 1795456500500\nevent: {event}\ndata: {{\"timestamp\":\"2026-11-23T17:55:00.5Z\",\"parents\":[],\"type\":\"video\",\"id\":\"{object}\"}}\n\n"
    )
}

/// A replication, an operation, and one that makes the repair due.
fn replication() -> Script {
    let markers = "id: 1\nevent: reset\n\nid: 1795456500000\nevent: live\n\n";
    Script::events_at(DATE, markers.to_owned() + &insert(1) + &insert_after(5, 2)).stall()
}

/// The id of the second operation.
fn due_id() -> String {
    id_after(5, 2)
}

/// How a synthetic id ends.
const SYNTHETIC: &str = "0000000000000000";

const LIVE: &str = "id: 1795456500500\nevent: live\n\n";

/// It waits for it in silence.
#[test]
fn until_idle_finishes_a_repair_that_is_due() {
    let second = Script::events_at(DATE, "")
        .pause(Duration::from_secs(2))
        .send(state_of("missing", "insert") + LIVE)
        .stall();
    let server = ScriptServer::start([replication(), second]);
    let finished = Tail::url(server.url())
        .args(["--start-id", "0", "--until-idle", "1s"])
        .run()
        .exit(0)
        .stderr_is_empty();
    assert!(finished.stdout_text().contains("missing"));

    // Nothing shows that it is due: it is not waited for.
    let markers = "id: 1\nevent: reset\n\nid: 1795456500000\nevent: live\n\n";
    let server = ScriptServer::start([Script::events_at(DATE, markers).stall()]);
    Tail::url(server.url())
        .args(["--start-id", "0", "--until-idle", "1s"])
        .run()
        .exit(0)
        .says_incomplete(Left::Repair);
}

/// The server writes the operation before the state, so what the second connection brings can be
/// older than what the first one has brought.
#[test]
fn a_state_does_not_replace_the_operation_that_came_before_it() {
    let second = state_of("1", "delete") + &state_of("missing", "delete") + LIVE;
    let second = Script::events_at(DATE, second).stall();
    let server = ScriptServer::start([replication(), second]);
    let finished = Tail::url(server.url())
        .args(["--start-id", "0", "--until-idle", "1s", "--stats"])
        .run()
        .exit(0)
        .stderr_has(r#""repaired":1"#);
    let lines = finished.stdout_lines();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines[4].contains(r#""event":"delete""#) && lines[4].contains("missing"));
}

#[test]
fn a_refusal_is_told_once_and_releases_the_position() {
    for status in [401, 404] {
        let state = State::absent();
        let server = ScriptServer::start([replication(), Script::status(status)]);
        let mut running = Tail::url(server.url())
            .args(["--start-id", "0"])
            .state(state.path())
            .spawn();
        running.wait_for_stderr("cannot be fetched and stay missing");
        state.wait_for(&due_id());
        running.signal(Signal::TERM);
        let finished = running.wait().exit(0);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains(&status.to_string()));
    }
}

/// No more is remembered than so many objects. With those it goes ahead at once, which is told;
/// where the second is not over it is given up.
#[test]
fn too_many_changed_objects_are_not_remembered() {
    let markers = "id: 1\nevent: reset\n\nid: 1795456500000\nevent: live\n\n";
    // The first operation tells when the replication was over at the latest; the others come a
    // second later, or in the same one.
    for (later, can_go_ahead) in [(1, true), (0, false)] {
        let state = State::absent();
        let changes = (2..=100_001).map(|number| insert_after(later, number));
        let changes = markers.to_owned() + &insert(1) + &changes.collect::<String>();
        let server = ScriptServer::repeating(Script::choosing(move |request| {
            match request.last_event_id() {
                Some("0") => Script::events_at(DATE, changes.clone()).stall(),
                Some(id) if id.ends_with(SYNTHETIC) => {
                    Script::events_at(DATE, state_of("missing", "insert") + LIVE).stall()
                }
                // So much at once puts it in doubt whether something was skipped.
                _ => Script::events_at(DATE, insert_after(later, 100_001)).stall(),
            }
        }));
        let finished = Tail::url(server.url())
            .args(["--start-id", "0", "--until-idle", "1s"])
            .state(state.path())
            .run()
            .exit(0)
            .stderr_has(if can_go_ahead {
                "too many objects changed meanwhile"
            } else {
                "cannot be fetched and stay missing"
            });
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert_eq!(finished.stdout_text().contains("missing"), can_go_ahead);
        let requests = server.requests();
        let repairs = requests
            .iter()
            .filter_map(|request| request.last_event_id());
        let repairs = repairs.filter(|id| id.ends_with(SYNTHETIC)).count();
        assert_eq!(repairs, usize::from(can_go_ahead));
        let last = insert_after(later, 100_001);
        state.is(last.lines().next().unwrap().trim_start_matches("id: "));
    }
}

/// Lost connections are told, and tried again by the usual rules while the first one stands.
#[test]
fn a_lost_second_connection_is_made_again() {
    let on_one_line = state_of("missing", "insert");
    let on_several = on_one_line.replace(r#","type""#, ",\ndata: \"type\"");
    assert_ne!(on_one_line, on_several);
    at_once([on_one_line, on_several], |missing| {
        let second = Script::events_at(DATE, missing.clone() + LIVE).stall();
        let cut = Script::events_at(DATE, missing);
        let server = ScriptServer::start([replication(), cut, second]);
        let finished = Tail::url(server.url())
            .args(["--start-id", "0", "--until-idle", "1s", "--stats"])
            .run()
            .exit(0)
            .stderr_has("trying again")
            .stderr_has(r#""repaired":1"#)
            .stderr_has(r#""reconnections":0"#);
        assert_eq!(finished.stdout_text().matches("missing").count(), 1);
    });
}

#[test]
fn no_repair_makes_no_second_connection() {
    let state = State::absent();
    let server = ScriptServer::start([replication()]);
    Tail::url(server.url())
        .args(["--start-id", "0", "--no-repair", "--until-idle", "1s"])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_is_empty();
    assert_eq!(server.requests().len(), 1);
    state.is(&due_id());
}
