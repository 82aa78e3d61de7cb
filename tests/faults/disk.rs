//! The disk of the state file fails, or somebody else meddles with it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::strace;
use crate::support::{
    Gate, Running, Script, ScriptServer, State, Tail, at_once, insert, number_of, operation_id,
};

/// An operation, then another one when the gate opens.
fn one_then(gate: &Gate) -> ScriptServer {
    let script = Script::events(insert(2)).wait_for(gate).send(insert(3));
    ScriptServer::start([script.stall()])
}

fn follow(server: &ScriptServer, state: &State) -> Running {
    Tail::url(server.url())
        .arg("--state")
        .arg(state.path())
        .spawn()
}

/// Operations for as long as they are taken, a few each 10 ms.
fn steady() -> ScriptServer {
    let mut script = Script::events("");
    for number in 2..3_000 {
        script = script.send(insert(number)).pause(Duration::from_millis(10));
    }
    ScriptServer::start([script])
}

/// The same, and each connection goes on after the operation that it asks for.
fn steady_after() -> ScriptServer {
    ScriptServer::repeating(Script::choosing(|request| {
        let last = number_of(request.last_event_id().unwrap());
        (last + 1..3_000).fold(Script::events(""), |script, number| {
            script.send(insert(number)).pause(Duration::from_millis(10))
        })
    }))
}

#[test]
fn killed_before_any_call_of_a_save() {
    if !strace::works("killed_before_any_call_of_a_save") {
        return;
    }
    let logs = tempfile::tempdir().unwrap();
    let run = |state: &State, name: &str, inject: Option<&str>| {
        let server = steady();
        strace::traced(state, &logs.path().join(name), inject)
            .args(["--url", &server.url(), "--timeout", "5s", "--state"])
            .arg(state.path())
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
            .args(["-n", "1", "--state"])
            .arg(state.path())
            .run()
            .exit(0)
            .stderr_is_empty();
        state.is(&operation_id(2));
    });
}

#[test]
fn a_save_that_fails() {
    if !strace::works("a_save_that_fails") {
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
            .args(["--url", &server.url(), "--state"])
            .arg(state.path());
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
fn a_disk_without_room() {
    // The size a file may have stands for the room on the disk; it needs neither root nor tools.
    let gate = Gate::new();
    let server = one_then(&gate);
    let state = State::holding(operation_id(1));
    let finished = Tail::of("/bin/sh")
        .args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_oplog-tail"))
        .args(["--url", &server.url(), "--state"])
        .arg(state.path())
        .run()
        .exit(5)
        .stderr_is_prefixed()
        .stderr_has("File too large")
        .stderr_has(&state.path().display().to_string());
    assert!(finished.stdout_lines().len() <= 1);
    state.is(&operation_id(1));
}

#[test]
fn stdout_is_a_file_that_may_not_grow() {
    let server = ScriptServer::start([Script::events("").flood(crate::support::insert_numbered)]);
    let state = State::holding(operation_id(0));
    let out = tempfile::NamedTempFile::new().unwrap();
    Tail::of("/bin/sh")
        .args(["-c", "ulimit -f 512; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_oplog-tail"))
        .args(["--url", &server.url(), "--state"])
        .arg(state.path())
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

/// A run that may do no more than its file modes say, also where the tests run as root.
fn unprivileged(server: &ScriptServer, state: &State) -> std::process::Child {
    let mut command = if rustix::process::geteuid().is_root() {
        // A copy, because the folder of the program may be closed to others.
        let copy = state.folder().parent().unwrap().join("oplog-tail");
        std::fs::copy(env!("CARGO_BIN_EXE_oplog-tail"), &copy).unwrap();
        std::os::unix::fs::chown(state.folder(), Some(65_534), Some(65_534)).unwrap();
        std::os::unix::fs::chown(state.path(), Some(65_534), Some(65_534)).unwrap();
        let mut command = Command::new(copy);
        command.uid(65_534).gid(65_534);
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_oplog-tail"))
    };
    command
        .args(["--url", &server.url(), "--state"])
        .arg(state.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn the_folder_becomes_read_only() {
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let outer = tempfile::tempdir().unwrap();
    mode(outer.path(), 0o755);
    let state = State::in_folder(outer.path(), operation_id(1));
    let gate = Gate::new();
    let server = one_then(&gate);
    let run = unprivileged(&server, &state);
    state.wait_for(&operation_id(2));
    mode(state.folder(), 0o555);
    gate.open();
    let started = Instant::now();
    let finished = run.wait_with_output().unwrap();
    let stderr = String::from_utf8(finished.stderr).unwrap();
    assert_eq!(finished.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("Permission denied"), "{stderr}");
    assert!(started.elapsed() < Duration::from_secs(5));
    mode(state.folder(), 0o755);
    state.is(&operation_id(2));
}

#[test]
fn the_folder_goes_away() {
    let state = State::holding(operation_id(1));
    let gate = Gate::new();
    let server = one_then(&gate);
    let run = follow(&server, &state);
    state.wait_for(&operation_id(2));
    std::fs::remove_dir_all(state.folder()).unwrap();
    gate.open();
    run.wait()
        .exit(5)
        .stderr_is_prefixed()
        .stderr_has(&operation_id(3))
        .stderr_has("No such file");
}

#[test]
fn printing_ends_soon_after_saving_does() {
    // Also while a reader takes lines as fast as they come.
    let server = ScriptServer::start([Script::events("").flood(crate::support::insert_numbered)]);
    let state = State::holding(operation_id(0));
    let mut run = follow(&server, &state);
    run.read_lines(1_000);
    std::fs::remove_dir_all(state.folder()).unwrap();
    let removed = Instant::now();
    run.wait().exit(5);
    assert!(removed.elapsed() < Duration::from_secs(10));
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
        .args([
            "--url",
            &server.url(),
            "-n",
            "700",
            "--read-timeout",
            "2s",
            "--state",
        ])
        .arg(state.path())
        .spawn();
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    for number in 2..702 {
        let line = run.read_line();
        assert!(line.contains(&operation_id(number)), "{line}");
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    let finished = run.wait().exit(0).stderr_is_prefixed();
    let warnings = finished.stderr.lines().count();
    assert_eq!(warnings, 1, "{}", finished.stderr);
    finished.stderr_has("waiting for the disk");
    // Three seconds into the save it stopped, and it went on when the save was done.
    assert!(longest >= Duration::from_secs(3), "{longest:?}");
    state.is(&operation_id(701));
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
        .arg("--state")
        .arg(state.path())
        .run()
        .exit(0)
        .stderr_has("waiting for the disk")
        .stdout_is(&[r#"{"id":"1","event":"reset"}"#]);
}

#[test]
fn the_file_is_deleted_while_it_is_used() {
    let state = State::holding(operation_id(1));
    let gate = Gate::new();
    let server = one_then(&gate);
    let run = follow(&server, &state);
    state.wait_for(&operation_id(2));
    std::fs::remove_file(state.path()).unwrap();
    gate.open();
    state.wait_for(&operation_id(3));
    run.signal(Signal::TERM);
    run.wait().exit(0).stderr_is_empty();
    state.is(&operation_id(3));
}

#[test]
fn the_file_is_replaced_while_it_is_used() {
    let state = State::holding(operation_id(1));
    let gate = Gate::new();
    let server = one_then(&gate);
    let run = follow(&server, &state);
    state.wait_for(&operation_id(2));
    let other = state.folder().join("other");
    std::fs::write(&other, "17").unwrap();
    std::fs::rename(&other, state.path()).unwrap();
    gate.open();
    run.wait()
        .exit(5)
        .stderr_has(&state.path().display().to_string())
        .stderr_has("replaced");
    state.is("17");
}

#[test]
fn a_second_process_is_refused_and_the_first_one_does_not_notice() {
    let state = State::holding(operation_id(1));
    let server = steady();
    let mut first = follow(&server, &state);
    first.read_line();
    // It saves once a second: three saves and more pass by.
    let mut seen = BTreeSet::new();
    while seen.len() < 4 {
        Tail::url(server.url())
            .arg("--state")
            .arg(state.path())
            .run()
            .exit(5)
            .stderr_has("in use")
            .stdout_is::<&str>(&[]);
        seen.insert(state.content().unwrap());
    }
    first.signal(Signal::TERM);
    let finished = first.wait().exit(0).stderr_is_empty();
    let lines = finished.stdout_lines();
    for (number, line) in (2..).zip(&lines) {
        assert!(line.contains(&operation_id(number)), "{line}");
    }
    state.is(&operation_id(lines.len() as u64 + 1));
    // Nobody but the first ever connected.
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_link_stays_one_and_the_mode_stays_too() {
    for mode in [0o600, 0o640] {
        let state = State::holding(operation_id(1));
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let links = tempfile::tempdir().unwrap();
        let link = links.path().join("link");
        std::os::unix::fs::symlink(state.path(), &link).unwrap();
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        Tail::url(server.url())
            .args(["-n", "1", "--state"])
            .arg(&link)
            .run()
            .exit(0)
            .stderr_is_empty();
        state.is(&operation_id(2));
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(links.path()).unwrap().count(), 1);
        let metadata = std::fs::metadata(state.path()).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode);
    }
}
