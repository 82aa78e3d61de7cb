//! A replication that does not go on. What is there of it is no comparison.

use std::time::Duration;

use super::scene::{line, record, unix_ms};
use crate::support::{
    Script, ScriptServer, Tail, at_once, closed_port, insert, insert_after, object_at,
};

const HEARTBEAT: Duration = Duration::from_millis(50);

fn live() -> String {
    format!("id: {}\nevent: live\n\n", unix_ms(0))
}

/// Heartbeats do not count, and neither do operations without a `live` before them.
#[test]
fn it_ends_without_a_difference() {
    let operations = |number: u64| {
        std::thread::sleep(HEARTBEAT);
        insert_after(number, number).into_bytes()
    };
    let state = object_at(unix_ms(0), "a");
    let cases = [
        Script::events("").stall(),
        Script::events("").heartbeats(HEARTBEAT),
        Script::events(state.clone()).heartbeats(HEARTBEAT),
        Script::events(state).flood(operations),
        Script::events(insert(1)).flood(operations),
        // No connection lasts.
        Script::events(""),
    ];
    at_once(cases, |script| {
        let server = ScriptServer::repeating(script);
        let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "600ms"]);
        let finished = tail.stdin_bytes(line("video/1", 0)).run().exit(7);
        finished
            .within(Duration::from_secs(10))
            .stdout_is::<&str>(&[])
            .stderr_has("no object has come from the server for 600 ms")
            .stderr_has("the comparison is incomplete and nothing is printed; --timeout sets");
    });
}

#[test]
fn nor_where_nobody_answers() {
    let tail = Tail::url(closed_port()).args(["--compare", "-", "--timeout", "600ms"]);
    let finished = tail.run().exit(7).stdout_is::<&str>(&[]);
    finished.stderr_has("no object has come from the server for 600 ms");
}

/// A store that takes its time before each object is waited for.
#[test]
fn each_object_is_waited_for() {
    let pause = Duration::from_millis(700);
    let state = |name| object_at(unix_ms(12_000), name);
    let script = Script::events("").pause(pause).send(state("1"));
    let script = script.pause(pause).send(state("2"));
    let script = script.pause(pause).send(live()).stall();
    let server = ScriptServer::start([script]);
    let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "1500ms"]);
    let missing = |name| record("missing", name, Some(12_000), None);
    let finished = tail.run().exit(8);
    finished.stdout_is(&[missing("video/1"), missing("video/2")]);
}
