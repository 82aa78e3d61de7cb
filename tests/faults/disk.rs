//! The disk of the state file fails, is full or hangs, and so does that behind stdout.

use std::time::{Duration, Instant};

use crate::meddling::one_then;
use crate::strace;
use crate::support::{
    Gate, Script, ScriptServer, State, Tail, at_once, id_after, insert_after, insert_numbered,
    number_of, operation_id,
};

/// The seconds between two operations of a steady log: so many that they never seem to come later
/// and later, however slowly they are sent.
const STEP: u64 = 10;

/// The id of an operation of a steady log.
pub fn steady_id(number: u64) -> String {
    id_after(number * STEP, number)
}

/// The operation with this pause after it, as a steady log sends it.
fn send_steadily(script: Script, number: u64) -> Script {
    script
        .send(insert_after(number * STEP, number))
        .pause(Duration::from_millis(10))
}

/// Operations for as long as they are taken, one each 10 ms.
pub fn steady() -> ScriptServer {
    ScriptServer::start([(2..3_000).fold(Script::events(""), send_steadily)])
}

/// The same, and each connection goes on after the operation that it asks for.
fn steady_after() -> ScriptServer {
    ScriptServer::repeating(Script::choosing(|request| {
        let last = number_of(request.last_event_id().unwrap());
        (last + 1..3_000).fold(Script::events(""), send_steadily)
    }))
}

#[test]
fn the_file_is_whole_when_killed_before_any_call_of_a_save() {
    if !strace::works("the_file_is_whole_when_killed_before_any_call_of_a_save") {
        return;
    }
    let logs = tempfile::tempdir().unwrap();
    let run = |state: &State, name: &str, inject: Option<&str>| {
        let server = steady();
        strace::traced(state, &logs.path().join(name), inject)
            .args(["--url", &server.url(), "--timeout", "5s"])
            .state(state.path())
            .run()
    };
    let old = operation_id(1);
    run(&State::holding(&old), "all", None).exit(0);
    let places = strace::reachable_calls(&logs.path().join("all"));
    for call in ["openat", "write", "fsync", "flock", "rename"] {
        assert!(places.iter().any(|place| place.0 == call), "{places:?}");
    }
    at_once(places, |(call, number)| {
        let place = format!("{call}-{number}");
        let state = State::holding(&old);
        let inject = format!("{call}:signal=KILL:when={number}");
        let finished = run(&state, &place, Some(&inject));
        assert_eq!(
            finished.shell_status(),
            128 + 9,
            "{place}: {}",
            finished.stderr
        );
        let content = state.content().expect("the file is there");
        let printed = String::from_utf8(finished.stdout).unwrap();
        let id = format!("\"id\":\"{content}\"");
        let line = printed
            .split_inclusive('\n')
            .find(|line| line.contains(&id));
        assert!(
            line.is_some_and(|line| line.ends_with('\n')),
            "{place}: {content:?}"
        );
        // The next run finds the file neither locked nor broken, and clears up.
        let server = steady();
        Tail::url(server.url())
            .args(["-n", "1"])
            .state(state.path())
            .run()
            .exit(0)
            .stderr_is_empty();
        state.is(&steady_id(2));
    });
}

#[test]
fn a_save_that_fails_ends_the_run() {
    if !strace::works("a_save_that_fails_ends_the_run") {
        return;
    }
    let (full, read_only) = ("No space left", "Read-only file system");
    let faults = [
        // The new file of the third save; that of the second is the third that a thread opens,
        // as is the one that is made for a check at the start.
        ("openat:error=EROFS:when=5", read_only),
        ("write:error=ENOSPC:when=1", full),
        ("fsync:error=ENOSPC:when=1", full),
        ("rename:error=EROFS:when=1", read_only),
        ("write:error=ENOSPC:when=2", full),
        ("rename:error=EROFS:when=2", read_only),
    ];
    at_once(faults, |(fault, message)| {
        let server = steady();
        let state = State::holding(operation_id(1));
        let log = tempfile::NamedTempFile::new().unwrap();
        let run = strace::traced(&state, log.path(), Some(fault))
            .args(["--url", &server.url()])
            .state(state.path());
        let finished = run.run().exit(5).stderr_is_prefixed().stderr_has(message);
        let path = state.path().display().to_string();
        let told = finished.stderr.matches(message).count();
        assert_eq!(told, 1, "{fault}: {}", finished.stderr);
        // What was saved stays, and is not ahead of what was printed.
        let content = state.content().unwrap();
        let printed = finished.stderr_has(&path).stdout_lines();
        let is_printed = printed.iter().any(|line| line.contains(&content));
        assert!(
            content == operation_id(1) || is_printed,
            "{fault}: {content}"
        );
        assert_eq!(state.files(), ["state"], "{fault}");
        // The third save comes two seconds after the first; hardly more than that is printed.
        assert!(printed.len() < 500, "{fault}: {} lines", printed.len());
    });
}

#[test]
fn a_disk_without_room_ends_the_run() {
    // The size a file may have stands for the room on the disk; it needs neither root nor tools.
    let gate = Gate::new();
    let server = one_then(&gate);
    let state = State::holding(operation_id(1));
    let finished = Tail::of("/bin/sh")
        .args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_oplog-tail"))
        .args(["--url", &server.url()])
        .state(state.path())
        .run()
        .exit(5)
        .stderr_is_prefixed()
        .stderr_has("File too large")
        .stderr_has(&state.path().display().to_string());
    assert!(finished.stdout_lines().len() <= 1);
    state.is(&operation_id(1));
}

#[test]
fn a_stdout_that_may_not_grow_ends_the_run() {
    let server = ScriptServer::start([Script::events("").flood(insert_numbered)]);
    let state = State::holding(operation_id(0));
    let out = tempfile::NamedTempFile::new().unwrap();
    Tail::of("/bin/sh")
        .args(["-c", "ulimit -f 512; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_oplog-tail"))
        .args(["--url", &server.url()])
        .state(state.path())
        .stdout_to(out.reopen().unwrap())
        .run()
        .exit(1)
        .stderr_is_prefixed()
        .stderr_has("cannot write to stdout: File too large");
    let printed = std::fs::read_to_string(out.path()).unwrap();
    let content = state.content().unwrap();
    let saved = printed
        .split_inclusive('\n')
        .find(|line| line.contains(&content));
    assert!(
        saved.is_some_and(|line| line.ends_with('\n')),
        "{content} is saved"
    );
}

#[test]
fn printing_waits_for_a_disk_that_hangs() {
    if !strace::works("printing_waits_for_a_disk_that_hangs") {
        return;
    }
    let server = steady_after();
    let state = State::holding(operation_id(1));
    let log = tempfile::NamedTempFile::new().unwrap();
    // The third time is that of the second save: the first syncs the file, then the folder.
    let mut run = strace::traced(&state, log.path(), Some("fsync:delay_enter=8000000:when=3"))
        .args(["--url", &server.url(), "-n", "700", "--read-timeout", "2s"])
        .state(state.path())
        .spawn();
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    for number in 2..702 {
        let line = run.read_line();
        assert!(line.contains(&steady_id(number)), "{line}");
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    let finished = run.wait().exit(0).stderr_is_prefixed();
    let warnings = finished.stderr.lines().count();
    assert_eq!(warnings, 1, "{}", finished.stderr);
    finished.stderr_has("waiting for the disk");
    // Three seconds into the save it stopped, and it went on when the save was done.
    assert!(longest >= Duration::from_secs(3), "{longest:?}");
    state.is(&steady_id(701));
    // What the server skipped in so long a pause only a new request tells; nothing came twice.
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:#?}");
    let again = number_of(requests[1].last_event_id().unwrap());
    assert!((2..701).contains(&again), "{again}");
}

/// A `reset` comes out once the file holds `0`. While that takes long, nothing else happens that
/// could tell why nothing comes.
#[test]
fn a_reset_waits_for_a_disk_that_hangs_and_says_so() {
    if !strace::works("a_reset_waits_for_a_disk_that_hangs_and_says_so") {
        return;
    }
    let server = ScriptServer::start([Script::events("id: 1\nevent: reset\n\n").stall()]);
    let state = State::absent();
    let log = tempfile::NamedTempFile::new().unwrap();
    strace::traced(&state, log.path(), Some("fsync:delay_enter=5000000:when=1"))
        .args(["--url", &server.url(), "-n", "1", "--start-id", "0"])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_has("waiting for the disk")
        .stdout_is(&[r#"{"id":"1","event":"reset"}"#]);
}
