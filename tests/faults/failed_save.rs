//! A save has failed, and the thread that found out cannot end the process.
#![cfg(target_os = "linux")]

use std::io::Write as _;

use crate::support::{Script, ScriptServer, State, Tail, insert, operation_id, wait_for};

/// The main thread has found that a save failed and cannot say so, because nobody reads stderr.
/// A signal must still end the run with the status of the state file.
#[test]
fn a_failed_save_is_the_status_though_nobody_reads_stderr() {
    let (_reader, writer) = rustix::pipe::pipe().unwrap();
    let mut full = std::fs::File::from(writer.try_clone().unwrap());
    rustix::io::ioctl_fionbio(&full, true).unwrap();
    while full.write(&[b'x'; 4096]).is_ok() {}
    while full.write(b"x").is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).unwrap();
    let outer = tempfile::tempdir().unwrap();
    let state = State::in_folder(outer.path(), operation_id(1));
    let gate = crate::support::Gate::new();
    let script = Script::events(insert(2)).wait_for(&gate).send(insert(3));
    let server = ScriptServer::start([script.stall()]);
    let run = Tail::url(server.url())
        .state(state.path())
        .stderr_to(writer)
        .spawn();
    state.wait_for(&operation_id(2));
    std::fs::remove_dir_all(state.folder()).unwrap();
    gate.open();
    // Writing to descriptor 2: call 1 on x86-64, 64 on others.
    let call = format!("/proc/{}/syscall", run.id());
    let is_stuck = |now: &str| ["1 0x2 ", "64 0x2 "].iter().any(|it| now.starts_with(it));
    let now = || std::fs::read_to_string(&call).unwrap();
    wait_for(
        || format!("not stuck: {}", now()),
        || is_stuck(&now()).then_some(()),
    );
    run.signal(rustix::process::Signal::TERM);
    run.wait().exit(5);
}
