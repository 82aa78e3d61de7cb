//! A state file that is missing or empty, and what is there before the first save.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use super::state::{refused, stream};
use crate::support::{Script, ScriptServer, State, Tail, operation_id};

#[test]
fn looking_at_no_position_is_refused() {
    for (state, words) in [
        (State::absent(), "does not exist"),
        (State::holding(""), "holds nothing"),
        (State::holding(" \n"), "holds nothing"),
    ] {
        for start in [
            &[][..],
            &["--start-id", "0"],
            &["--since", "1h", "--rewind"],
        ] {
            let (before, server) = (state.content(), stream());
            Tail::url(server.url())
                .args(start)
                .args(["-n", "1", "--ack", "none"])
                .state(state.path())
                .run()
                .exit(5)
                .stderr_is_prefixed()
                .stderr_has(&state.path().display().to_string())
                .stderr_has(words)
                .stdout_is::<&str>(&[]);
            assert!(server.requests().is_empty());
            assert_eq!(state.content(), before);
        }
    }
}

#[test]
fn a_run_from_now_says_why() {
    for (content, why) in [
        (None, "is new"),
        (Some(""), "holds nothing"),
        (Some("\n"), "holds nothing"),
    ] {
        let state = || content.map_or_else(State::absent, State::holding);
        for (args, is_told) in [
            (&[][..], true),
            (&["-v"], true),
            (&["-q"], false),
            (&["--start-id", "now"], false),
            (&["--start-id", "0"], false),
            (&["--since", "1h"], false),
            (&["--allow-replication"], false),
        ] {
            let (state, server) = (state(), stream());
            let finished = Tail::url(server.url())
                .args(args)
                .args(["-n", "1"])
                .state(state.path())
                .run()
                .exit(0);
            let line = format!(
                "{} {why}, so the run starts from now",
                state.path().display()
            );
            assert_eq!(
                finished.stderr.contains(&line),
                is_told,
                "{}",
                finished.stderr
            );
            state.is(&operation_id(2));
        }
    }
}

/// What is there before the first save is no state file: an empty one would look like a consumer
/// without a position.
#[test]
fn no_empty_file_is_made() {
    let state = State::absent();
    // Nothing answers, so there is nothing to save.
    let server = ScriptServer::start([Script::silent()]);
    let mut run = Tail::url(server.url()).state(state.path()).spawn();
    run.wait_for_stderr("starts from now");
    assert_eq!(state.content(), None);
    refused(state.path()).stderr_has("in use by process");
    run.signal(Signal::KILL);
    run.wait();
    assert_eq!(state.content(), None);

    let server = stream();
    Tail::url(server.url())
        .args(["-n", "1"])
        .state(state.path())
        .run()
        .exit(0);
    state.is(&operation_id(2));
}

#[test]
fn a_run_that_does_not_begin_leaves_nothing() {
    let state = State::absent();
    Tail::of("/bin/sh")
        .args([
            "-c",
            "exec \"$0\" \"$@\" >&-",
            env!("CARGO_BIN_EXE_oplog-tail"),
        ])
        .args(["--url", "http://127.0.0.1:1/"])
        .state(state.path())
        .run()
        .exit(1);
    assert!(state.files().is_empty(), "{:?}", state.files());
}

#[test]
fn a_run_without_a_connection_changes_nothing() {
    let state = State::holding(format!(" {}\n", operation_id(1)));
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let before = state.path().metadata().unwrap();
    Tail::url(crate::support::closed_port())
        .args(["--retries", "0"])
        .state(state.path())
        .run()
        .exit(4);
    state.is(&format!(" {}\n", operation_id(1)));
    let after = state.path().metadata().unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(before.permissions(), after.permissions());
}
