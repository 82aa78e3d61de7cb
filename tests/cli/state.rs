//! The state file: what it may hold, and when it is written.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use crate::support::{Finished, Script, ScriptServer, State, Tail, insert, operation_id};

pub fn stream() -> ScriptServer {
    ScriptServer::start([Script::events(insert(2) + &insert(3)).stall()])
}

/// A run with a state file that cannot be used: it must not even connect.
#[track_caller]
pub fn refused(path: &std::path::Path) -> Finished {
    let server = stream();
    let finished = Tail::url(server.url())
        .state(path)
        .run()
        .exit(5)
        .stderr_is_prefixed()
        .stderr_has(&path.display().to_string())
        .stdout_is::<&str>(&[]);
    assert!(server.requests().is_empty());
    finished
}

#[test]
fn white_space_around_the_id_is_fine() {
    for content in ["{}\n", " {}", "\r\n\t{} \r\n", "{}", "\u{feff}{}\r\n"] {
        let state = State::holding(content.replace("{}", &operation_id(1)));
        let server = stream();
        Tail::url(server.url())
            .args(["-n", "2"])
            .state(state.path())
            .run()
            .exit(0)
            .stderr_is_empty();
        server.request().asks_after(&operation_id(1));
        state.is(&operation_id(3));
    }
}

#[test]
fn an_empty_file_is_no_position() {
    for content in ["", "\n", "  \n"] {
        let state = State::holding(content);
        let server = stream();
        Tail::url(server.url())
            .args(["-n", "1", "--start-id", "0", "--state-file"])
            .arg(state.path())
            .run()
            .exit(0)
            .stderr_is_empty();
        server.request().asks_after("0");
        state.is(&operation_id(2));
    }
}

#[test]
fn other_content_is_refused_and_left_alone() {
    let two_ids = format!("{}\n{}\n", operation_id(1), operation_id(2));
    for content in [
        "abc",
        "-1",
        "12345678901234",
        "545b55c7f095528dd0f3863",
        "{}",
        &two_ids,
    ] {
        let state = State::holding(content);
        let first = content.lines().next().unwrap();
        refused(state.path()).stderr_has(first);
        state.is(content);
    }
    let state = State::holding(b"\xff\xfe\x00");
    refused(state.path());
    assert_eq!(std::fs::read(state.path()).unwrap(), b"\xff\xfe\x00");
}

#[test]
fn a_folder_that_is_not_there_and_a_file_that_is_a_folder_are_refused() {
    let state = State::absent();
    refused(&state.folder().join("none/state"));
    refused(state.folder());
    assert!(state.files().is_empty());
}

#[test]
fn what_cannot_be_written_or_read_is_refused() {
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root.
        return;
    }
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let state = State::holding(operation_id(1));
    mode(state.folder(), 0o555);
    refused(state.path());
    refused(&state.folder().join("new"));
    mode(state.folder(), 0o755);
    state.is(&operation_id(1));
    mode(state.path(), 0o000);
    refused(state.path());
    mode(state.path(), 0o644);
    state.is(&operation_id(1));
}

#[test]
fn one_process_at_a_time() {
    let state = State::holding(operation_id(1));
    let server = ScriptServer::start([Script::events(insert(2)).stall()]);
    let mut first = Tail::url(server.url()).state(state.path()).spawn();
    first.read_line();
    let finished = refused(state.path());
    if cfg!(target_os = "linux") {
        let holder = format!("process {} (oplog-tail)", first.id());
        finished.stderr_has(&holder);
    }
    // Also once the first has saved, which puts a new file in the place of the old one.
    state.wait_for(&operation_id(2));
    refused(state.path());
    state.is(&operation_id(2));

    let looking = stream();
    Tail::url(looking.url())
        .args(["-n", "1", "--ack", "none"])
        .state(state.path())
        .run()
        .exit(0);
    looking.request().asks_after(&operation_id(2));

    first.signal(Signal::TERM);
    first.wait().exit(0);
    let server = stream();
    Tail::url(server.url())
        .args(["-n", "1"])
        .state(state.path())
        .run()
        .exit(0);
}

#[test]
fn looking_only_writes_nothing() {
    let state = State::holding(operation_id(1) + "\n");
    let server = stream();
    Tail::url(server.url())
        .args(["-n", "2", "--ack", "none"])
        .state(state.path())
        .run()
        .exit(0);
    server.request().asks_after(&operation_id(1));
    state.is(&(operation_id(1) + "\n"));
}

#[test]
fn only_the_file_is_left_when_killed_in_the_middle() {
    let state = State::holding(operation_id(0));
    let script = Script::events("").flood(crate::support::insert_numbered);
    let server = ScriptServer::repeating(script);
    for _ in 0..3 {
        let before = state.content();
        let mut run = Tail::url(server.url()).state(state.path()).spawn();
        run.wait_for_line(|_| state.content() != before);
        run.signal(Signal::KILL);
        assert_eq!(run.wait().shell_status(), 128 + 9);
        let content = state.content().unwrap();
        assert!(
            content.len() == 24 && content.starts_with("6b047e00"),
            "{content:?}"
        );
    }
}

#[test]
fn the_position_is_saved_while_it_runs_and_before_it_ends() {
    let state = State::absent();
    let server = ScriptServer::start([Script::events(insert(1) + &insert(2)).stall()]);
    let mut run = Tail::url(server.url()).state(state.path()).spawn();
    run.read_lines(2);
    state.wait_for(&operation_id(2));
    run.signal(Signal::INT);
    run.wait().exit(0);
    state.is(&operation_id(2));
}

#[test]
fn a_failing_run_saves_what_was_acknowledged() {
    let state = State::absent();
    let scripts = [Script::events(insert(1) + &insert(2)), Script::status(401)];
    let server = ScriptServer::start(scripts);
    Tail::url(server.url()).state(state.path()).run().exit(3);
    state.is(&operation_id(2));
}

#[test]
fn the_position_is_not_ahead_of_what_was_written() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else {
        // Only Linux has this device.
        return;
    };
    let state = State::holding(operation_id(1));
    let server = stream();
    Tail::url(server.url())
        .state(state.path())
        .stdout_to(full)
        .run()
        .exit(1)
        .stderr_is_prefixed();
    state.is(&operation_id(1));
}

/// Whoever reads `reset` forgets everything, so from that line on the file must not hold a place
/// after which the server sends only a part, whenever the process dies.
#[test]
fn a_reset_comes_out_when_the_file_no_longer_holds_an_earlier_position() {
    let (body, reset) = (
        crate::support::fixture("fallback.sse"),
        "id: 1\nevent: reset\n\n",
    );
    for acknowledging in ["auto", "stdin"] {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start([
            Script::events(body.as_slice()).stall(),
            Script::events(reset).stall(),
        ]);
        let mut run = Tail::url(server.url())
            .args(["--on-resume-failed", "replicate", "--ack", acknowledging])
            .state(state.path())
            .stdin_piped()
            .spawn();
        assert_eq!(run.read_line(), r#"{"id":"1","event":"reset"}"#);
        let held = state.content().unwrap();
        assert!(["0", "1"].contains(&held.as_str()), "{held}");
        if acknowledging == "stdin" {
            assert_eq!(held, "0");
            run.write_stdin("1\n");
        }
        state.wait_for("1");
        run.signal(Signal::TERM);
        run.wait().exit(0);
    }
}
