//! `--ack stdin`: whoever reads stdout says on stdin what it has handled.

use rustix::process::Signal;

use crate::support::{
    AfterLast, Left, Running, Script, ScriptServer, State, Tail, expected_json, fixture, insert,
    object_at, operation_id,
};

/// Where runs begin: the second of the operations, which the server can always resume from.
const START: &str = "6b047e000000000000000000";
const EMPTY_LIVE: &str = "id: \nevent: live\n\n";

fn inserts(count: u64) -> String {
    (1..=count).map(insert).collect()
}

/// A run that waits for acknowledgements.
pub fn acking(server: &ScriptServer, state: &State, args: &[&str]) -> Running {
    Tail::url(server.url())
        .args(["--ack", "stdin"])
        .state(state.path())
        .args(args)
        .stdin_piped()
        .spawn()
}

/// A run with these events, of which it prints that many lines at once.
fn printed(events: &str, lines: usize, args: &[&str]) -> (Running, State, ScriptServer) {
    let server = ScriptServer::start([Script::events(events).stall()]);
    let state = State::holding(START);
    let mut run = acking(&server, &state, args);
    run.read_lines(lines);
    (run, state, server)
}

fn ids(numbers: &[u64]) -> String {
    numbers.iter().map(|n| operation_id(*n) + "\n").collect()
}

#[test]
fn the_position_is_before_the_oldest_unacknowledged() {
    let (mut run, state, _server) = printed(&inserts(5), 5, &[]);
    let [start, third, fifth] = [START.to_owned(), operation_id(3), operation_id(5)];
    let steps = [
        (2, &start),
        (3, &start),
        (1, &third),
        (5, &third),
        (4, &fifth),
    ];
    for (acknowledged, position) in steps {
        // An id that is not in flight shows when those before it have been read.
        run.write_stdin(&format!("{}after {acknowledged}\n", ids(&[acknowledged])));
        run.wait_for_stderr(&format!("after {acknowledged}"));
        state.wait_for(position);
    }
    run.close_stdin();
    run.wait().exit(0);
    state.is(&operation_id(5));
}

#[test]
fn a_signal_saves_no_more_than_what_is_acknowledged() {
    let (mut run, state, _server) = printed(&inserts(5), 5, &[]);
    run.write_stdin(&(ids(&[1, 2, 4]) + "read so far\n"));
    run.wait_for_stderr("read so far");
    run.signal(Signal::TERM);
    run.wait().exit(0);
    state.is(&operation_id(2));
}

#[test]
fn a_repeated_id_acknowledges_its_oldest_line() {
    let events = object_at(5000, "a")
        + &object_at(6000, "b")
        + &object_at(5000, "c")
        + &object_at(7000, "d");
    // From a time that is sent as it is: it brings no fallback, after which the position waits.
    let (server, state) = (
        ScriptServer::start([Script::events(events).stall()]),
        State::absent(),
    );
    let mut run = acking(&server, &state, &["--start-id", "4000"]);
    run.read_lines(4);
    run.write_stdin("5000\n");
    // Had it been the third line, nothing could be saved yet.
    state.wait_for("5000");
    run.write_stdin("7000\n6000\n");
    state.wait_for("6000");
    run.write_stdin("5000\n");
    state.wait_for("7000");
    run.close_stdin();
    run.wait().exit(0).says_incomplete(Left::Replication);
}

#[test]
fn at_most_so_many_lines_are_out() {
    for (args, most) in [(&["--max-in-flight", "3"][..], 3), (&[], 1000)] {
        let all = inserts(2000);
        let (mut run, state, _server) = printed(&all, most, args);
        run.write_stdin(&ids(&[2]));
        run.read_line();
        run.close_stdin();
        run.wait()
            .exit(1)
            .stdout_is(&expected_json(all.as_bytes())[..=most]);
        state.is(START);
    }
}

#[test]
fn one_at_a_time() {
    let (mut run, state, _server) = printed(&inserts(20), 0, &["--max-in-flight", "1", "-n", "20"]);
    for number in 1..=20 {
        assert!(run.read_line().contains(&operation_id(number)));
        run.write_stdin(&ids(&[number]));
    }
    run.wait().exit(0);
    state.is(&operation_id(20));
}

#[test]
fn many_are_acknowledged_backwards() {
    const MANY: u64 = 100_000;
    let most = MANY.to_string();
    // So much at once puts it in doubt whether the server had to skip something: it is asked.
    let scripts = [
        Script::events(inserts(MANY)).stall(),
        Script::events(insert(2)).stall(),
    ];
    let server = ScriptServer::with(scripts, AfterLast::Repeat);
    let state = State::holding(START);
    let mut run = acking(&server, &state, &["--max-in-flight", &most, "-n", &most]);
    run.read_lines(usize::try_from(MANY).unwrap());
    let backwards: Vec<_> = (1..=MANY).rev().collect();
    run.write_stdin(&ids(&backwards));
    run.wait().exit(0).stderr_is_empty();
    state.is(&operation_id(MANY));
}

#[test]
fn nothing_follows_a_reset_until_it_is_acknowledged() {
    let body = fixture("replication.sse");
    let expected = expected_json(&body);
    let start = || {
        let server = ScriptServer::start([Script::events(body.as_slice()).stall()]);
        let state = State::absent();
        let mut run = acking(&server, &state, &["--start-id", "0", "--until-live"]);
        assert_eq!(run.read_line(), expected[0]);
        (run, state, server)
    };
    let (mut run, state, _server) = start();
    run.close_stdin();
    run.wait().exit(1).stdout_is(&expected[..1]);
    state.is("0");

    let (mut run, state, _server) = start();
    run.write_stdin("1\n");
    let rest = run.read_lines(expected.len() - 1);
    assert_eq!(rest, expected[1..]);
    state.wait_for("1");
    // Each line, `live` at its end, is acknowledged like any other.
    for line in &rest {
        assert!(run.is_running());
        run.write_stdin(&format!("{}\n", id_of(line)));
    }
    run.wait().exit(0);
    state.is(&id_of(rest.last().unwrap()));
}

/// The id of a line.
fn id_of(line: &str) -> String {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["id"].as_str().unwrap().to_owned()
}

#[test]
fn live_holds_the_position_back_until_it_is_acknowledged() {
    let events = object_at(5000, "a") + "id: 5000\nevent: live\n\n" + &insert(1);
    let (mut run, state, _server) = printed(&events, 3, &["-n", "3", "--no-repair"]);
    run.write_stdin(&(ids(&[1]) + "5000\n"));
    state.wait_for("5000");
    // The second one acknowledges `live`, and the operation behind it counts.
    run.write_stdin("5000\n");
    run.wait().exit(0);
    state.is(&operation_id(1));
}

#[test]
fn a_live_with_an_empty_id_needs_no_acknowledgement() {
    let (run, state, _server) = printed(EMPTY_LIVE, 0, &["--until-live"]);
    run.wait()
        .exit(0)
        .stdout_is(&[r#"{"id":"","event":"live"}"#])
        .says_incomplete(Left::Repair);
    // The second of START: after a fallback the position is held there.
    state.is("1795456512000");
}

#[test]
fn the_run_ends_with_the_last_acknowledgement() {
    let (mut run, state, _server) = printed(&inserts(5), 2, &["-n", "2"]);
    run.write_stdin(&ids(&[2]));
    run.write_stdin("is it there?\n");
    run.wait_for_stderr("is it there?");
    assert!(run.is_running());
    run.write_stdin(&ids(&[1]));
    let all = inserts(2);
    run.wait().exit(0).stdout_is(&expected_json(all.as_bytes()));
    state.is(&operation_id(2));
}

#[test]
fn white_space_around_an_id_is_ignored() {
    let (mut run, state, _server) = printed(&inserts(4), 4, &["-n", "4"]);
    let [one, two, three, four] = [1, 2, 3, 4].map(operation_id);
    run.write_stdin(&format!(
        "  {one}\n\n\t{two} \r\n \n\r\n{three}\r\n{four}\n"
    ));
    run.wait().exit(0).stderr_is_empty();
    state.is(&operation_id(4));
}

#[test]
fn what_is_not_in_flight_is_told_and_changes_nothing() {
    let (mut run, state, _server) = printed(&inserts(3), 3, &["-n", "3"]);
    let again = ids(&[1, 1]);
    run.write_stdin(&(again + &ids(&[7]) + "what?\n1\n\u{1b}[31mthe last\n"));
    let stderr = run.wait_for_stderr("the last");
    let told = |id: &str| stderr.lines().filter(|line| line.contains(id)).count();
    for id in [
        &operation_id(1),
        &operation_id(7),
        "what?",
        "\"1\"",
        "the last",
    ] {
        assert_eq!(told(id), 1, "{id} in\n{stderr}");
    }
    assert!(!stderr.contains('\u{1b}'));
    state.wait_for(&operation_id(1));
    run.write_stdin(&ids(&[3, 2]));
    run.wait().exit(0).stderr_is_prefixed();
    state.is(&operation_id(3));
}

#[test]
fn a_flood_of_junk_is_told_now_and_then() {
    let (mut run, state, _server) = printed(&inserts(1), 1, &["-n", "1"]);
    let mut junk = "junk\n".repeat(50_000);
    junk.push_str(&"endless".repeat(100_000));
    junk.push('\n');
    run.write_stdin(&(junk + &ids(&[1])));
    let finished = run.wait().exit(0).stderr_is_prefixed();
    let told = finished.stderr.lines().count();
    // A few at once, then one now and then: the run is over in a few seconds.
    assert!((1..100).contains(&told), "{told} lines");
    state.is(&operation_id(1));
}

#[test]
fn quiet_says_nothing_of_junk() {
    let (mut run, _state, _server) = printed(&inserts(1), 1, &["-n", "1", "-q"]);
    run.write_stdin(&("junk\n".to_owned() + &ids(&[1])));
    run.wait().exit(0).stderr_is_empty();
}

#[test]
fn the_end_of_stdin_ends_the_run() {
    // Everything is acknowledged; the last line need not be ended.
    let (mut run, state, _server) = printed(&inserts(2), 2, &[]);
    run.write_stdin(&(ids(&[1]) + &operation_id(2)));
    run.close_stdin();
    run.wait().exit(0).stderr_is_empty();
    state.is(&operation_id(2));

    // Something is not.
    let (mut run, state, _server) = printed(&inserts(3), 3, &[]);
    run.write_stdin(&ids(&[1, 3]));
    run.close_stdin();
    run.wait().exit(1).stderr_is_prefixed().stderr_has("stdin");
    state.is(&operation_id(1));

    // Nothing ever came.
    let server = ScriptServer::start([Script::events("").stall()]);
    let state = State::holding(operation_id(1));
    let mut run = acking(&server, &state, &[]);
    run.close_stdin();
    run.wait().exit(0).stdout_is::<&str>(&[]);
    state.is(&operation_id(1));
}

#[test]
fn a_worker_that_dies_ends_the_run() {
    let (mut run, state, _server) = printed(&inserts(3), 3, &[]);
    run.write_stdin(&ids(&[1]));
    state.wait_for(&operation_id(1));
    run.close_stdin();
    run.close_stdout();
    // Whichever of both ends is noticed first.
    run.wait().exit(1);
    state.is(&operation_id(1));
}

#[test]
fn acknowledging_needs_no_state_file() {
    let server = ScriptServer::start([Script::events(inserts(2)).stall()]);
    let tail = Tail::url(server.url()).args(["--ack", "stdin", "-n", "2"]);
    let mut run = tail.stdin_piped().spawn();
    run.read_lines(2);
    run.write_stdin(&ids(&[2, 1]));
    run.wait().exit(0).stderr_is_empty();
}

#[test]
fn what_is_left_unacknowledged_comes_again_only_with_a_state_file() {
    let (mut run, _state, _server) = printed(&inserts(2), 2, &[]);
    run.close_stdin();
    run.wait()
        .exit(1)
        .stderr_has("2 operations unacknowledged; the next run prints them again");

    let server = ScriptServer::start([Script::events(inserts(2)).stall()]);
    let mut run = Tail::url(server.url())
        .args(["--ack", "stdin"])
        .stdin_piped()
        .spawn();
    run.read_lines(2);
    run.close_stdin();
    run.wait()
        .exit(1)
        .stderr_has("2 operations unacknowledged; without --state the next run does not");
}
