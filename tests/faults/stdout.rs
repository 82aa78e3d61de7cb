//! Stdout that is full, gone, or not read.

use std::fs::File;
use std::time::Duration;

use crate::support::{Script, ScriptServer, State, Tail, insert, insert_numbered, operation_id};

#[test]
#[cfg(target_os = "linux")]
fn a_full_one_is_an_error_and_nothing_is_acknowledged() {
    for ack in ["auto", "stdin"] {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        let full = File::options().write(true).open("/dev/full").unwrap();
        Tail::url(server.url())
            .args(["--ack", ack, "--state"])
            .arg(state.path())
            .stdin_piped()
            .stdout_to(full)
            .run()
            .exit(1)
            .stderr_is_prefixed()
            .stderr_has("cannot write to stdout: No space left");
        state.is(&operation_id(1));
    }
}

/// The runtime opens `/dev/null` in its place, which is no place for records unless it was asked
/// for, also for reading and writing as some parents do.
#[test]
#[cfg(target_os = "linux")]
fn a_closed_one_is_an_error_and_nothing_is_acknowledged() {
    for (redirection, status, position) in
        [(">&-", 1, 1), (">/dev/null", 0, 2), ("1<>/dev/null", 0, 2)]
    {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        let script = format!("exec \"$@\" {redirection}");
        let finished = Tail::of("/bin/sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_oplog-tail")])
            .args(["-n", "1", "--url", &server.url(), "--state"])
            .arg(state.path())
            .run()
            .exit(status);
        if status == 0 {
            finished.stderr_is_empty();
        } else {
            finished.stderr_has("cannot write to stdout: it is closed");
            assert!(server.requests().is_empty());
        }
        state.is(&operation_id(position));
    }
}

#[test]
fn a_reader_that_is_gone_before_the_first_line_ends_it_quietly() {
    let state = State::holding(operation_id(1));
    for body in [insert(2), String::new()] {
        let server = ScriptServer::start([Script::events(body).stall()]);
        let mut run = Tail::url(server.url())
            .arg("--state")
            .arg(state.path())
            .spawn();
        run.close_stdout();
        run.wait().exit(0).stderr_is_empty();
        state.is(&operation_id(1));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_reader_that_stops_for_longer_than_every_timeout() {
    // The server goes on sending for as long as anything takes it.
    let server = ScriptServer::start([Script::events("").flood(insert_numbered)]);
    let state = State::holding(operation_id(0));
    let mut run = Tail::url(server.url())
        .args(["--read-timeout", "300ms", "--connect-timeout", "300ms"])
        .args(["--until-idle", "300ms", "--retries", "0", "--state"])
        .arg(state.path())
        .spawn();
    run.read_lines(1_000);
    run.wait_until_stdout_is_full();
    let before = run.memory_kib("VmRSS");
    // What is tested is that time passes.
    std::thread::sleep(Duration::from_secs(3));
    assert!(run.is_running());
    let after = run.memory_kib("VmRSS");
    assert!(after <= before + 1024, "{before} KiB, then {after} KiB");
    for (number, line) in (1_000..).zip(run.read_lines(20_000)) {
        assert!(line.contains(&operation_id(number)), "{line}");
    }
    run.close_stdout();
    // A stop condition was asked for and not met.
    run.wait()
        .exit(1)
        .stderr_lacks("trying")
        .stderr_lacks("silent");
    assert_eq!(server.requests().len(), 1);
}
