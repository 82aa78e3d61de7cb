//! `--ack stdin` and events that no acknowledgement can name.

use rustix::process::Signal;

use crate::support::{Script, ScriptServer, State, Tail, insert, operation_id};

const PING: &str = "event: ping\ndata: {}\n\n";
const EMPTY_ID: &str = "id:\nevent: noted\ndata: [1]\n\n";
const BLANK_ID: &str = "id:  \t \nevent: noted\ndata: [2]\n\n";
const EMPTY_LIVE: &str = "id: \nevent: live\n\n";

fn acking(server: &ScriptServer, state: &State) -> Tail {
    Tail::url(server.url())
        .args(["--ack", "stdin"])
        .state(state.path())
        .stdin_piped()
}

/// The same before the first id and after one was taken back.
#[test]
fn an_event_without_an_id_neither_holds_nor_moves_the_position() {
    for odd in [PING, EMPTY_ID, BLANK_ID, EMPTY_LIVE] {
        let state = State::holding(operation_id(0));
        let body = odd.to_owned() + &insert(1) + EMPTY_ID + odd + &insert(2) + EMPTY_ID + odd;
        let server = ScriptServer::start([Script::events(body).stall()]);
        let mut run = acking(&server, &state).arg("--no-repair").spawn();
        run.read_lines(7);
        assert_eq!(state.content(), Some(operation_id(0)));
        for number in [1, 2] {
            run.write_stdin(&(operation_id(number) + "\n"));
            state.wait_for(&operation_id(number));
        }
        run.close_stdin();
        run.wait().exit(0).stderr_lacks("unacknowledged");
    }
}

#[test]
fn they_take_no_place_among_what_is_out_and_wait_for_nobody() {
    let state = State::holding(operation_id(0));
    let body = PING.repeat(5) + &insert(1);
    let server = ScriptServer::start([Script::events(body).stall()]);
    let mut run = acking(&server, &state)
        .args(["--max-in-flight", "1", "-n", "6"])
        .spawn();
    run.read_lines(6);
    run.write_stdin(&(operation_id(1) + "\n"));
    run.wait().exit(0).stderr_is_empty();

    let server = ScriptServer::start([Script::events(PING.repeat(3)).stall()]);
    acking(&server, &state)
        .args(["-n", "3"])
        .run()
        .exit(0)
        .stderr_is_empty();
    state.is(&operation_id(1));
}

/// It is no empty one: it is acknowledged, as the worker reads it or without what surrounds it.
#[test]
fn an_id_with_white_space_around_it_can_be_acknowledged() {
    let odd = |id: &str| format!("id: {id}\nevent: noted\ndata: {{}}\n\n");
    let state = State::holding(operation_id(0));
    let body = odd(" 7 b ") + &insert(1) + &odd(" c\t") + &insert(2);
    let server = ScriptServer::start([Script::events(body).stall()]);
    let mut run = acking(&server, &state).spawn();
    run.read_lines(4);
    run.write_stdin(&format!("{}\n 7 b \nc\n", operation_id(1)));
    state.wait_for(&operation_id(1));
    run.write_stdin(&format!("{}\n", operation_id(2)));
    state.wait_for(&operation_id(2));
    run.signal(Signal::TERM);
    run.wait().exit(0).stderr_is_empty();
}

/// Nobody can acknowledge anything: the run ends at once, and says why.
#[test]
fn a_stdin_that_has_ended_at_the_start_is_told() {
    for redirection in ["</dev/null", "<&-"] {
        let server = ScriptServer::start([Script::events("").stall()]);
        let script = format!("exec \"$@\" {redirection}");
        Tail::of("/bin/sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_oplog-tail")])
            .args(["--ack", "stdin", "--url", &server.url()])
            .run()
            .exit(0)
            .stderr_has("stdin ended before anything was acknowledged");
    }
    let server = ScriptServer::start([Script::events("").stall()]);
    Tail::of("/bin/sh")
        .args([
            "-c",
            "exec \"$@\" </",
            "sh",
            env!("CARGO_BIN_EXE_oplog-tail"),
        ])
        .args(["--ack", "stdin", "--url", &server.url()])
        .run()
        .exit(1)
        .stderr_has("cannot read acknowledgements from stdin");
}

/// However long it is, it can be acknowledged: it would hold the position for ever otherwise.
#[test]
fn a_long_id() {
    let ids = [4_096, 4_097, 1 << 20].map(|length| "x".repeat(length));
    let events = ids
        .each_ref()
        .map(|id| format!("id: {id}\nevent: noted\ndata: []\n\n"))
        .concat();
    let state = State::holding(operation_id(0));
    let server = ScriptServer::start([Script::events(events + &insert(1)).stall()]);
    let mut run = acking(&server, &state).spawn();
    run.read_lines(4);
    run.write_stdin(&(ids.join("\n") + "\r\n" + &operation_id(1) + "\n"));
    state.wait_for(&operation_id(1));
    run.close_stdin();
    run.wait().exit(0).stderr_is_empty();
}
