//! What is in flight when a connection is lost: it stays in flight and is not printed again.

use super::ack_stdin::acking;
use crate::support::{
    Gate, Left, Script, ScriptServer, State, expected_json, insert, object_at, operation_id,
};

fn inserts(numbers: std::ops::RangeInclusive<u64>) -> String {
    numbers.map(insert).collect()
}

fn ids(numbers: &[u64]) -> String {
    numbers.iter().map(|n| operation_id(*n) + "\n").collect()
}

/// Two connections: the first is cut when the gate opens.
fn cut_once(first: &str, second: &str) -> (ScriptServer, Gate) {
    let gate = Gate::new();
    let scripts = [
        Script::events(first).wait_for(&gate),
        Script::events(second).stall(),
    ];
    (ScriptServer::start(scripts), gate)
}

fn asked(server: &ScriptServer, connection: usize) -> Option<String> {
    let requests = server.wait_for_requests(connection);
    requests[connection - 1].last_event_id().map(str::to_owned)
}

#[test]
fn goes_on_after_what_is_in_flight() {
    let (server, gate) = cut_once(&inserts(2..=4), &insert(5));
    let state = State::holding(operation_id(1));
    let mut run = acking(&server, &state, &["-n", "4"]);
    run.read_lines(3);
    run.write_stdin(&ids(&[3]));
    gate.open();
    run.read_line();
    assert_eq!(asked(&server, 2), Some(operation_id(4)));
    state.is(&operation_id(1));
    run.write_stdin(&ids(&[5, 4, 2]));
    let all = inserts(2..=5);
    run.wait().exit(0).stdout_is(&expected_json(all.as_bytes()));
    state.is(&operation_id(5));
}

#[test]
fn a_start_is_asked_for_again_and_brings_nothing_twice() {
    let (server, gate) = cut_once(&inserts(2..=4), &inserts(2..=5));
    let state = State::absent();
    let start = operation_id(1);
    let mut run = acking(&server, &state, &["--start-id", &start, "-n", "4"]);
    run.read_lines(3);
    gate.open();
    run.read_line();
    assert_eq!(asked(&server, 2), Some(start));
    run.write_stdin(&ids(&[5, 3, 4, 2]));
    let all = inserts(2..=5);
    run.wait().exit(0).stdout_is(&expected_json(all.as_bytes()));
    state.is(&operation_id(5));
}

#[test]
fn a_start_is_not_asked_for_again_once_anything_is_acknowledged() {
    let (server, gate) = cut_once(&inserts(2..=4), &insert(5));
    let state = State::absent();
    let start = operation_id(1);
    let mut run = acking(&server, &state, &["--start-id", &start, "-n", "4"]);
    run.read_lines(3);
    // Not the oldest: the position stays where it is.
    run.write_stdin(&(ids(&[3]) + "read so far\n"));
    run.wait_for_stderr("read so far");
    gate.open();
    run.read_line();
    assert_eq!(asked(&server, 2), Some(operation_id(4)));
    state.is(&start);
    run.write_stdin(&ids(&[5, 4, 2]));
    let all = inserts(2..=5);
    run.wait().exit(0).stdout_is(&expected_json(all.as_bytes()));
    state.is(&operation_id(5));
}

/// With the arguments, and where the position is meanwhile and at the end: held until the repair
/// of a fallback is done, which is five seconds before the saved time, or else not held.
const HELD_OR_NOT: [(&[&str], &str); 2] = [(&[], "1000"), (&["--no-repair"], "4000")];

#[test]
fn objects_sent_again_with_numeric_ids_are_not_printed_again() {
    for (args, meanwhile) in HELD_OR_NOT {
        let same_second = object_at(5001, "a") + &object_at(5001, "b") + &object_at(5900, "c");
        let first = object_at(4500, "old") + &same_second;
        // What the server makes of the synthetic id of second 5.
        let news = object_at(5901, "new") + "id: 5901\nevent: live\n\n";
        let (server, gate) = cut_once(&first, &(same_second + &news));
        let state = State::holding("4000");
        let mut run = acking(&server, &state, &[args, &["-n", "6"]].concat());
        run.read_lines(4);
        // One of the two with the same id is in flight, the other is not; neither comes again.
        run.write_stdin("5001\n");
        gate.open();
        run.read_lines(2);
        assert_eq!(asked(&server, 2).unwrap(), "000000050000000000000000");
        state.wait_for(meanwhile);
        run.write_stdin("5901\n5900\n5001\n4500\n5901\n");
        let all = first + &news;
        let is_held = args.is_empty();
        let finished = run
            .wait()
            .exit(0)
            .stderr_lacks("not the id of an unacknowledged operation")
            .stdout_is(&expected_json(all.as_bytes()));
        let told = finished.stderr.lines();
        let told = told.filter(|line| Left::Repair.is_said_by(line)).count();
        assert_eq!(told, usize::from(is_held), "{}", finished.stderr);
        state.is(if is_held { meanwhile } else { "5901" });
    }
}

#[test]
fn a_reset_in_flight_is_not_printed_again() {
    for (args, end) in [(&[][..], "1000"), (&["--no-repair"], "5001")] {
        let reset = "id: 1\nevent: reset\n\n";
        let object = object_at(5001, "a");
        // The connection breaks before anything is acknowledged, so all of it is asked for again.
        let replication = reset.to_owned() + &object + "id: 5001\nevent: live\n\n";
        let (server, gate) = cut_once(reset, &(object.clone() + "id: 5001\nevent: live\n\n"));
        let state = State::absent();
        let args = [args, &["--start-id", "0", "--until-live"]].concat();
        let mut run = acking(&server, &state, &args);
        run.read_line();
        gate.open();
        // Nothing is read before the acknowledgement, so nothing is noticed either.
        state.wait_for("0");
        run.write_stdin("1\n");
        run.read_lines(2);
        assert_eq!(asked(&server, 2).unwrap(), "000000010000000000000000");
        run.write_stdin("5001\n5001\n");
        run.wait()
            .exit(0)
            .stdout_is(&expected_json(replication.as_bytes()));
        // Second 1 is what the reconnection asked for, and a fallback is held there.
        state.is(end);
    }
}

#[test]
fn a_reset_waits_for_what_is_in_flight() {
    let gate = Gate::new();
    let fallback = object_at(1_795_456_511_000, "a");
    let replication =
        format!("id: 1\nevent: reset\n\n{fallback}id: 1795456511000\nevent: live\n\n");
    let server = ScriptServer::start([
        Script::events(inserts(2..=3)).wait_for(&gate),
        Script::events(fallback).stall(),
        Script::events(replication.as_str()).stall(),
    ]);
    let state = State::holding(operation_id(1));
    let args = ["--on-resume-failed", "replicate", "--until-live"];
    let mut run = acking(&server, &state, &args);
    run.read_lines(2);
    gate.open();
    server.wait_for_requests(3);
    // Were the reset out, this would acknowledge it and leave nothing that the next run could
    // start over from.
    run.write_stdin("1\nread so far\n");
    run.wait_for_stderr("read so far");
    state.is(&operation_id(1));
    run.write_stdin(&ids(&[3, 2]));
    run.read_line();
    run.write_stdin("1\n");
    run.read_lines(2);
    run.write_stdin("1795456511000\n1795456511000\n");
    let all = inserts(2..=3) + &replication;
    run.wait().exit(0).stdout_is(&expected_json(all.as_bytes()));
    state.is("1795456511000");
}
