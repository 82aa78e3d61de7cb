//! What is told on stderr, and in which order.

use crate::support::{Finished, Gate, Script, ScriptServer, State, Tail, insert, operation_id};

/// Asserts that stderr has these texts in this order, each in a line of its own.
#[track_caller]
fn tells(finished: &Finished, story: &[&str]) {
    let mut lines = finished.stderr.lines();
    for part in story {
        if !lines.by_ref().any(|line| line.contains(part)) {
            finished.fail(&format!("stderr lacks {part:?}, or has it too early"));
        }
    }
}

/// A run that saves, loses its connection and goes on.
fn story(args: &[&str]) -> Finished {
    let state = State::holding(operation_id(1));
    let gate = Gate::new();
    let server = ScriptServer::start([
        Script::events(insert(2)).wait_for(&gate),
        Script::events(format!(":\n{}", insert(3))).stall(),
    ]);
    let mut run = Tail::url(server.url())
        .args(["-n", "2", "--password", "hush"])
        .state(state.path())
        .args(args)
        .spawn();
    run.read_line();
    state.wait_for(&operation_id(2));
    gate.open();
    run.wait().exit(0).stderr_is_prefixed().stderr_lacks("hush")
}

#[test]
fn by_default_only_that_the_connection_was_lost_and_stands_again() {
    let finished = story(&[]);
    tells(
        &finished,
        &[
            "the server ended the connection; trying again in ",
            " again, after ",
        ],
    );
    assert_eq!(finished.stderr.lines().count(), 2, "{}", finished.stderr);
}

#[test]
fn the_story_of_a_connection() {
    let resumed = |number| format!("after operation {}", operation_id(number));
    let saved = |number| format!("state saved: operation {}", operation_id(number));
    let finished = story(&["-v"]);
    tells(
        &finished,
        &[
            "connecting to http://",
            "connected to http://",
            "the server ended the connection; trying again in ",
            &resumed(2),
            " again, after ",
            &saved(3),
        ],
    );
    // It is saved while the connection is lost, so either may be told first.
    tells(&finished, &["connected to http://", &saved(2), &resumed(2)]);
    assert!(!finished.stderr.contains("> GET"), "{}", finished.stderr);
}

#[test]
fn the_story_of_a_connection_word_for_word() {
    let finished = story(&["-vv"]);
    let resumed = format!("last-event-id: {}", operation_id(2));
    tells(
        &finished,
        &[
            "connecting to http://",
            "> GET http://",
            "> authorization: (not shown)",
            "< 200",
            "< content-type: text/event-stream",
            "connected to http://",
            "trying again in ",
            "connecting to http://",
            "> GET http://",
            &resumed,
            " again, after ",
            "heartbeat",
        ],
    );
}

#[test]
fn what_repeats_is_told_once() {
    let server = ScriptServer::start([
        Script::status(503),
        Script::status(503),
        Script::status(503),
        Script::events(insert(1)).stall(),
    ]);
    let finished = Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
    tells(&finished, &["503", "connected to http://"]);
    assert_eq!(finished.stderr.lines().count(), 2, "{}", finished.stderr);
}
