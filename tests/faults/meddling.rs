//! Somebody meddles with the state file or its folder while the program uses it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::disk::{steady, steady_id};
use crate::support::{
    Gate, Running, Script, ScriptServer, State, Tail, insert, insert_numbered, operation_id,
};

/// An operation, then another one when the gate opens.
pub fn one_then(gate: &Gate) -> ScriptServer {
    let script = Script::events(insert(2)).wait_for(gate).send(insert(3));
    ScriptServer::start([script.stall()])
}

fn follow(server: &ScriptServer, state: &State) -> Running {
    Tail::url(server.url()).state(state.path()).spawn()
}

/// A run that has saved one operation; another one comes when the gate opens.
fn between_two(state: &State, gate: &Gate) -> (ScriptServer, Running) {
    let server = one_then(gate);
    let run = follow(&server, state);
    state.wait_for(&operation_id(2));
    (server, run)
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
fn a_folder_that_becomes_read_only_ends_the_run() {
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
fn a_folder_that_goes_away_ends_the_run() {
    let (state, gate) = (State::holding(operation_id(1)), Gate::new());
    let (_server, run) = between_two(&state, &gate);
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
    let server = ScriptServer::start([Script::events("").flood(insert_numbered)]);
    let state = State::holding(operation_id(0));
    let mut run = follow(&server, &state);
    run.read_lines(1_000);
    std::fs::remove_dir_all(state.folder()).unwrap();
    let removed = Instant::now();
    run.wait().exit(5);
    assert!(removed.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_file_that_is_deleted_is_made_again() {
    let (state, gate) = (State::holding(operation_id(1)), Gate::new());
    let (_server, run) = between_two(&state, &gate);
    std::fs::remove_file(state.path()).unwrap();
    gate.open();
    state.wait_for(&operation_id(3));
    run.signal(Signal::TERM);
    run.wait().exit(0).stderr_is_empty();
    state.is(&operation_id(3));
}

#[test]
fn a_file_that_is_replaced_ends_the_run_and_stays() {
    let (state, gate) = (State::holding(operation_id(1)), Gate::new());
    let (_server, run) = between_two(&state, &gate);
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
            .state(state.path())
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
        assert!(line.contains(&steady_id(number)), "{line}");
    }
    state.is(&steady_id(lines.len() as u64 + 1));
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
            .args(["-n", "1"])
            .state(&link)
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
