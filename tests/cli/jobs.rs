//! Keys that a person presses while the program runs under a shell with job control.
#![cfg(target_os = "linux")]

use std::time::Duration;

use crate::support::{
    Gate, Running, Script, ScriptServer, State, Tail, Terminal, insert, insert_numbered,
    operation_id,
};
use crate::terminal::{replication, to_the_end};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const CTRL_BACKSLASH: &str = "\u{1c}";
const CTRL_Z: &str = "\u{1a}";

/// A program that is started by a person at this terminal.
fn at(terminal: &Terminal, args: &[&str]) -> Tail {
    Tail::of("setsid")
        .args(["--ctty", "--wait"])
        .args(args)
        .env("TERM", "xterm")
        .stdin_from(terminal.stdio())
        .stderr_to(terminal.stdio())
}

/// A replication that a shell runs as a job; the script goes on when the job has stopped.
fn job(terminal: &Terminal, server: &ScriptServer, then: &str) -> Running {
    let script = format!("\"$@\"; echo stopped: $? >&2; {then}");
    let program = env!("CARGO_BIN_EXE_oplog-tail");
    at(terminal, &["sh", "-m", "-c", &script, "sh", program])
        .args(["--url", &server.url(), "--start-id", "0"])
        .args(to_the_end())
        .spawn()
}

/// Nothing of it: what comes after it may stand over its beginning.
#[track_caller]
fn shows_no_status(terminal: &Terminal) {
    let screen = terminal.screen();
    assert!(
        !screen.iter().any(|line| line.contains(" operations, ")),
        "{screen:#?}"
    );
}

#[test]
fn ctrl_z_takes_the_status_line_away_and_fg_brings_it_back() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let run = job(
        &terminal,
        &server,
        "read key; fg > /dev/null; echo ended: $? >&2",
    );
    terminal.wait_for_text("replicating: ");
    terminal.type_in(CTRL_Z);
    // 128 and SIGSTOP: the shell sees that it is stopped.
    terminal.wait_for_text("stopped: 147");
    shows_no_status(&terminal);
    let before = terminal.written().len();
    terminal.type_in("\n");
    terminal.wait_for("the status line again", |written| {
        written[before..].contains("replicating: ")
    });
    gate.open();
    terminal.wait_for_text("ended: 0");
    run.wait().exit(0);
    shows_no_status(&terminal);
}

/// The system ends the process, with a core where it writes any.
#[test]
fn ctrl_backslash_takes_the_status_line_away() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let script = "ulimit -c 0; \"$@\"; echo ended: $? >&2";
    let program = env!("CARGO_BIN_EXE_oplog-tail");
    let args = ["sh", "-m", "-c", script, "sh", program];
    let run = at(&terminal, &args)
        .args(["--url", &server.url(), "--start-id", "0"])
        .args(to_the_end())
        .spawn();
    terminal.wait_for_text("replicating: ");
    terminal.type_in(CTRL_BACKSLASH);
    // 128 and SIGQUIT.
    terminal.wait_for_text("ended: 131");
    shows_no_status(&terminal);
    run.wait().exit(0);
}

#[test]
fn nothing_is_drawn_in_the_background() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let run = job(
        &terminal,
        &server,
        "bg > /dev/null; kill -USR1 %1; read key; wait %1; echo ended: $? >&2",
    );
    terminal.wait_for_text("replicating: ");
    terminal.type_in(CTRL_Z);
    let stopped = terminal.wait_for_text("stopped: 147").len();
    // It goes on.
    terminal.wait_for_text("elapsed ");
    // Longer than a status line takes to come.
    std::thread::sleep(Duration::from_millis(600));
    gate.open();
    terminal.type_in("\n");
    terminal.wait_for_text("ended: 0");
    run.wait().exit(0);
    let since = terminal.written().split_off(stopped);
    assert!(!since.contains("replicating"), "{since:?}");
}

/// Nobody could let it go on.
#[test]
fn without_job_control_ctrl_z_does_nothing() {
    let (terminal, gate) = (Terminal::with_columns(100), Gate::new());
    let server = ScriptServer::start([replication(&gate)]);
    let program = env!("CARGO_BIN_EXE_oplog-tail");
    let run = at(&terminal, &[program, "--url", &server.url()])
        .args(["--start-id", "0"])
        .args(to_the_end())
        .spawn();
    terminal.wait_for_text("replicating: ");
    terminal.type_in(CTRL_Z);
    let echoed = terminal.wait_for_text("^Z").len();
    terminal.wait_for("the status line again", |written| {
        written[echoed..].contains("replicating: ")
    });
    gate.open();
    run.wait().exit(0);
    shows_no_status(&terminal);
}

#[test]
fn nothing_stands_behind_ctrl_c_on_its_line() {
    let terminal = Terminal::with_columns(100);
    let server = ScriptServer::start([Script::events(insert(1)).stall()]);
    let program = env!("CARGO_BIN_EXE_oplog-tail");
    let mut run = at(&terminal, &[program, "--url", &server.url(), "--stats"]).spawn();
    run.read_line();
    terminal.type_in(CTRL_C);
    run.wait().exit(0);
    let screen = terminal.screen();
    assert!(terminal.written().contains("^C"), "{screen:#?}");
    assert!(
        screen[0].starts_with("oplog-tail: insert         1"),
        "{screen:#?}"
    );
}

/// The `^C` comes in the middle of a write, and often of a record. A signal that comes between the
/// last look at it and the write is a matter of microseconds; so one try of many may fail.
#[test]
fn nor_does_a_record_of_a_flood() {
    const TRIES: usize = 12;
    let behind: Vec<_> = (0..TRIES).filter_map(|_| behind_ctrl_c()).collect();
    assert!(behind.len() < 2, "{} of {TRIES}: {behind:#?}", behind.len());
}

/// What stands behind the `^C` that ends a flood of records.
fn behind_ctrl_c() -> Option<String> {
    let terminal = Terminal::with_columns(100);
    let server =
        ScriptServer::start([Script::events("").flood(|number| insert_numbered(number + 1))]);
    let program = env!("CARGO_BIN_EXE_oplog-tail");
    let run = at(&terminal, &[program, "--url", &server.url()])
        .stdout_to(terminal.stdio())
        .spawn();
    terminal.wait_for_text(&operation_id(1_000));
    terminal.type_in(CTRL_C);
    run.wait().exit(0);
    let shown = terminal.shown_after("^C");
    let behind = shown.lines().next().unwrap_or_default();
    (!behind.is_empty()).then(|| behind.to_owned())
}

/// The person is the worker.
#[test]
fn ids_that_are_typed_in() {
    let state = State::holding(operation_id(0));
    let terminal = Terminal::with_columns(100);
    let server = ScriptServer::start([Script::events(insert(1) + &insert(2)).stall()]);
    let program = env!("CARGO_BIN_EXE_oplog-tail");
    let mut run = at(&terminal, &[program, "--url", &server.url()])
        .args(["--ack", "stdin"])
        .state(state.path())
        .spawn();
    run.read_lines(2);
    for number in [1, 2] {
        terminal.type_in(&(operation_id(number) + "\n"));
        state.wait_for(&operation_id(number));
    }
    terminal.type_in(CTRL_D);
    run.wait().exit(0);
    // What was typed, and nothing of the program's.
    assert_eq!(terminal.screen(), [operation_id(1), operation_id(2)]);
}
