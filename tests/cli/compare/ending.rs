//! How a comparison ends: signals, readers that go away, full disks; and what it does not go with.

use std::fs::OpenOptions;
use std::time::Duration;

use oplog_tail::server::object::Change;
use rustix::process::Signal;

use super::scene::{Scene, line};
use crate::support::{
    FLAGS_OF_FOLLOWING, Gate, Running, Script, ScriptServer, Tail, Terminal, at_once, object_at,
};

/// More differences than a pipe holds.
fn many() -> Scene {
    let scene = Scene::new();
    for number in 0..1500 {
        scene.has(Change::insert("video", &number.to_string()), 1000);
    }
    scene
}

#[test]
fn a_signal_ends_it_at_once_and_nothing_is_printed() {
    let cases = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
    at_once(cases, |(signal, status)| {
        let server = ScriptServer::start([Script::events(object_at(1, "a")).stall()]);
        let run = Tail::url(server.url()).args(["--compare", "-"]).spawn();
        server.wait_for_requests(1);
        run.signal(signal);
        let finished = run.wait().exit(status).within(Duration::from_secs(10));
        finished.stdout_is::<&str>(&[]).stderr_is_empty();
    });
}

/// Whether it has a handler for this signal.
#[cfg(target_os = "linux")]
fn receives(run: &Running, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_reading_of_a_dump_that_does_not_come() {
    let scene = Scene::new();
    let mut run = scene.tail().stdin_piped().spawn();
    run.write_stdin(&line("video/1", 0));
    while !receives(&run, Signal::INT) {
        std::thread::sleep(Duration::from_millis(2));
    }
    run.signal(Signal::INT);
    run.wait().exit(130).stdout_is::<&str>(&[]);
    assert_eq!(scene.requests().len(), 0);
}

#[test]
fn a_signal_ends_it_though_nobody_reads() {
    let scene = many();
    let mut run = scene.tail().spawn();
    scene.while_it_ticks(|| run.wait_until_stdout_is_full());
    run.signal(Signal::TERM);
    run.wait_without_reading().exit(143);
}

#[test]
fn a_reader_that_has_seen_enough_hears_nothing() {
    let scene = many();
    let mut run = scene.tail().spawn();
    scene.while_it_ticks(|| run.read_line());
    run.close_stdout();
    run.wait().exit(8).stderr_is_empty();
}

#[test]
fn a_reader_that_goes_away_before_there_is_anything_ends_it() {
    let server = ScriptServer::start([Script::events(object_at(1, "a")).stall()]);
    let mut run = Tail::url(server.url()).args(["--compare", "-"]).spawn();
    server.wait_for_requests(1);
    run.close_stdout();
    let finished = run.wait().exit(1);
    finished.stderr_has("the reader of stdout went away before the comparison was complete");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let scene = many();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = scene.tail().stdout_to(full);
    let finished = scene.while_it_ticks(|| run.run());
    finished.exit(1).stderr_has("No space left on device");
}

#[test]
fn the_status_line_tells_how_far_it_is() {
    let gate = Gate::new();
    let live = "id: 1795456500000\nevent: live\n\n";
    let script = Script::events(object_at(1, "a")).wait_for(&gate).send(live);
    let server = ScriptServer::start([script.stall()]);
    let terminal = Terminal::with_columns(100);
    let run = Tail::url(server.url())
        .args(["--compare", "-", "--timeout", "3s"])
        .env("TERM", "xterm")
        .stderr_to(terminal.stdio())
        .spawn();
    terminal.wait_for("the numbers", |written| {
        written.contains("replicating: ") && written.contains(" 1 operation, ")
    });
    gate.open();
    terminal.wait_for_text("waiting for another operation");
    run.wait().exit(8);
    let screen = terminal.screen().join(" ");
    assert!(
        !screen.contains("waiting") && screen.contains("compared 0"),
        "{screen}"
    );
}

#[test]
fn flags_of_following_do_not_go_with_it() {
    let others: [&[&str]; 9] = [
        &["--state", "st"],
        &["--start-id", "0"],
        &["--since", "2h"],
        &["--allow-replication"],
        &["--rewind"],
        &["--no-repair"],
        &["--exact-resume"],
        &["--on-resume-failed", "exit"],
        &["--ack", "auto"],
    ];
    at_once(others.into_iter().chain(FLAGS_OF_FOLLOWING), |args| {
        let finished = Tail::new()
            .args(["--demo", "--compare", "-"])
            .args(args)
            .run();
        finished
            .exit(2)
            .stdout_is::<&str>(&[])
            .stderr_has("--compare");
    });
    let both = Tail::new().args(["--demo", "--compare", "-", "--password-file", "-"]);
    both.run().exit(2).stderr_has("both read stdin");
}

#[test]
fn what_is_asked_for_on_the_way_is_told() {
    let server = ScriptServer::start([Script::events(object_at(1, "a")).stall()]);
    let mut run = Tail::url(server.url()).args(["--compare", "-"]).spawn();
    server.wait_for_requests(1);
    run.signal(Signal::USR1);
    run.wait_for_stderr("objects of both sides so far: ");
    run.signal(Signal::TERM);
    run.wait().exit(143);
}
