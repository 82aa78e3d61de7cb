//! `--until` where the server always answers with states and `live`: a store may take its time
//! before the first state, and between states, and that is no quiet log.

use std::time::Duration;

use crate::support::{Script, ScriptServer, State, Tail, at_once, insert, object_at};

/// Longer than a quiet log is waited for.
const SLOW: Duration = Duration::from_millis(2600);
const STATE_MS: u64 = 1_795_456_512_000;
const LIVE: &str = "id: 1795456512000\nevent: live\n\n";

/// Nothing comes for so long but what shows that the connection works; then a state and `live`.
fn slow() -> Script {
    let state = object_at(STATE_MS, "a") + LIVE;
    Script::events(":\n").pause(SLOW).send(state).stall()
}

#[track_caller]
fn prints(server: &ScriptServer, args: &[&str], lines: usize) {
    let tail = Tail::url(server.url()).args(["--until", "now", "--no-repair"]);
    let finished = tail.args(args).run().exit(0);
    let text = finished.stdout_text();
    assert_eq!(finished.stdout_lines().len(), lines, "{args:?}: {text}");
}

#[test]
fn before_the_first_state_and_between_states() {
    let reset = "id: 1\nevent: reset\n\n";
    let between = Script::events(reset.to_owned() + &object_at(STATE_MS, "a"))
        .pause(SLOW)
        .send(object_at(STATE_MS, "b") + LIVE)
        .stall();
    let nothing = Script::events("")
        .pause(SLOW)
        .send("id: \nevent: live\n\n")
        .stall();
    let synthetic = "6b047e000000000000000000";
    at_once(
        [
            (vec!["--start-id", "0"], between, 4),
            (vec!["--start-id", "1795456512000"], nothing, 1),
            (
                vec!["--start-id", "1795456512000", "--exact-resume"],
                slow(),
                2,
            ),
            (vec!["--start-id", synthetic], slow(), 2),
            (vec!["--since", "2h"], slow(), 2),
        ],
        |(args, script, lines)| prints(&ScriptServer::start([script]), &args, lines),
    );
}

/// A saved time is asked for by the id made of its second.
#[test]
fn after_a_saved_time() {
    let state = State::holding(STATE_MS.to_string());
    let server = ScriptServer::start([slow()]);
    prints(&server, &["--state", state.path().to_str().unwrap()], 2);
    server.request().asks_after("6b047e000000000000000000");
}

/// Also where the connection is a new one: in the middle of states, and in a run from now.
#[test]
fn over_a_new_connection() {
    let cut = Script::events(object_at(STATE_MS, "first"));
    let from_now = Script::events(":\n");
    at_once(
        [(&["--since", "2h"][..], cut, 3), (&[], from_now, 2)],
        |(args, first, lines)| {
            let server = ScriptServer::start([first, slow()]);
            prints(&server, args, lines);
            let requests = server.requests();
            let again = requests[1].last_event_id().unwrap();
            assert!(again.ends_with("0000000000000000"), "{again}");
        },
    );
}

/// From `live` on the time counts.
#[test]
fn it_ends_two_seconds_after_live() {
    let events = object_at(STATE_MS, "a") + LIVE + &insert(1);
    let script = Script::events(events).heartbeats(Duration::from_millis(50));
    prints(&ScriptServer::start([script]), &["--since", "2h"], 3);
}
