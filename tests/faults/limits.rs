//! The limits of the process are too low for a run: a clear error, never a panic.

use std::time::Duration;

use crate::strace;
use crate::support::{Finished, Script, ScriptServer, State, Tail, at_once, insert, operation_id};

fn is_clear(finished: &Finished) {
    for bad in ["panicked", "RUST_BACKTRACE", "(os error", "aborted"] {
        assert!(!finished.stderr.contains(bad), "{}", finished.stderr);
    }
}

#[test]
fn few_descriptors() {
    at_once(3..=40, |limit| {
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        let state = State::holding(operation_id(1));
        let finished = Tail::of("/bin/sh")
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_oplog-tail"))
            .args(["-n", "1", "--timeout", "20s", "--url", &server.url()])
            .state(state.path())
            .run()
            .within(Duration::from_secs(15));
        is_clear(&finished);
        match finished.shell_status() {
            0 => assert!(limit > 20, "{limit} is enough"),
            // The system cannot even load the libraries of the program.
            127 => assert!(limit == 3, "{limit}: {}", finished.stderr),
            _ => {
                let finished = finished.exit(1).stderr_is_prefixed();
                finished
                    .stderr_has(&format!("the limit on open files ({limit}) is too low"))
                    .stderr_has("ulimit -n")
                    .stdout_is::<&str>(&[]);
                assert!(server.requests().is_empty());
                state.is(&operation_id(1));
            }
        }
    });
}

/// The limit that the error names is enough, also for what needs most.
#[test]
fn the_limit_that_is_named_is_enough() {
    let state = State::absent();
    let run = |limit: &str| {
        Tail::of("/bin/sh")
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_oplog-tail"))
            .args(["--demo", "--until-complete"])
            .state(state.path())
            .run()
    };
    let refused = run("10").exit(1);
    let named = refused.stderr.split("ulimit -n ").nth(1).unwrap();
    run(named.trim_end().trim_end_matches(')'))
        .exit(0)
        .stderr_is_empty();
}

#[test]
fn no_threads() {
    if !strace::works("no_threads") {
        return;
    }
    // Three are tried at the start; then come those that a run needs.
    at_once(1..=7, |number| {
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        let state = State::holding(operation_id(1));
        let log = tempfile::NamedTempFile::new().unwrap();
        // Looking up a name takes a thread.
        let url = server.url().replace("127.0.0.1", "localhost");
        let finished = Tail::of("strace")
            .args(["-f", "-qq", "-o"])
            .arg(log.path())
            .args([
                "-e",
                &format!("inject=clone3,clone:error=EAGAIN:when={number}+"),
            ])
            .arg(env!("CARGO_BIN_EXE_oplog-tail"))
            .args(["-n", "1", "--retries", "0", "--url", &url])
            .state(state.path())
            .run();
        is_clear(&finished);
        if finished.shell_status() != 0 {
            finished
                .stderr_is_prefixed()
                .stderr_has("temporarily unavailable");
            state.is(&operation_id(1));
        }
    });
}
