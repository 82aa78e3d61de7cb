//! The clock jumps: waiting, idling and saving go by a clock that does not.
//!
//! Setting the clock takes a privilege and disturbs the machine, so a library loaded ahead of the
//! C library lets the time of day jump each time the program reads it.

#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Gate, Script, ScriptServer, State, Tail, insert, operation_id};

/// The library, compiled for this test.
struct Jumps {
    library: PathBuf,
    _folder: TempDir,
}

impl Jumps {
    /// `None`, and a word about it, where there is no compiler.
    fn build(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("clock_jumps.so");
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/faults/preload/clock_jumps.rs"
        );
        let output = Command::new(compiler)
            .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
            .arg(&library)
            .arg(source)
            .output();
        match output {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{said}");
                Some(Self {
                    library,
                    _folder: folder,
                })
            }
            Err(error) => {
                // Past the capture of the test runner.
                let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: no rustc: {error}");
                None
            }
        }
    }

    fn tail(&self, server: &ScriptServer) -> Tail {
        Tail::url(server.url()).env("LD_PRELOAD", &self.library)
    }
}

/// Operations, 50 ms apart.
fn steady() -> ScriptServer {
    let script = (2..200).fold(Script::events(""), |script, number| {
        script.send(insert(number)).pause(Duration::from_millis(50))
    });
    ScriptServer::start([script])
}

/// The times of arrival show that it jumps.
fn does_jump(jumps: &Jumps) {
    // Each operation is sent when the one before has been printed: what arrives together is
    // stamped with one reading.
    let gates: Vec<_> = (0..12).map(|_| Gate::new()).collect();
    let script = gates.iter().fold(Script::events(""), |script, gate| {
        script.wait_for(gate).send(insert(1))
    });
    let server = ScriptServer::start([script.stall()]);
    let mut run = jumps.tail(&server).args(["--lag", "-n", "12"]).spawn();
    let mut days = BTreeSet::new();
    for gate in &gates {
        gate.open();
        let line = run.read_line();
        let (_, received) = line.split_once(r#""received":""#).expect("a time");
        days.insert(received[..10].to_owned());
    }
    run.wait().exit(0);
    assert!(days.len() >= 3, "{days:?}");
}

#[test]
fn jumps_of_the_clock_change_nothing() {
    let Some(jumps) = Jumps::build("jumps_of_the_clock_change_nothing") else {
        return;
    };
    does_jump(&jumps);

    // A second, then two, each with up to half of it off.
    let busy = Script::status(503);
    let server = ScriptServer::start([busy.clone(), busy, Script::events(insert(1)).stall()]);
    let finished = jumps.tail(&server).args(["-n", "1"]).run().exit(0);
    let took = finished.within(Duration::from_secs(8)).elapsed;
    assert!(took >= Duration::from_millis(1_500), "{took:?}");

    // Neither idle nor silent too early, nor too late.
    let beating = Script::events(insert(1)).heartbeats(Duration::from_millis(50));
    let server = ScriptServer::start([beating]);
    let finished = jumps
        .tail(&server)
        .args(["--until-idle", "2s", "--read-timeout", "1s"])
        .run()
        .exit(0)
        .stderr_is_empty()
        .within(Duration::from_secs(6));
    assert!(finished.elapsed >= Duration::from_secs(2));

    let silent = Script::events(insert(1)).stall();
    let server = ScriptServer::start([silent, Script::events(insert(2)).stall()]);
    let finished = jumps
        .tail(&server)
        .args(["-n", "2", "--read-timeout", "1s"])
        .run()
        .exit(0)
        .within(Duration::from_secs(6));
    assert!(finished.elapsed >= Duration::from_millis(1_500));

    let server = ScriptServer::start([Script::events("").stall()]);
    let finished = jumps
        .tail(&server)
        .args(["-n", "1", "--timeout", "1s"])
        .run()
        .exit(7)
        .within(Duration::from_secs(5));
    assert!(finished.elapsed >= Duration::from_secs(1));
}

#[test]
fn the_position_is_saved_once_a_second_all_the_same() {
    let Some(jumps) = Jumps::build("the_position_is_saved_once_a_second_all_the_same") else {
        return;
    };
    let state = State::holding(operation_id(1));
    let server = steady();
    let mut run = jumps.tail(&server).state(state.path()).spawn();
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        run.read_line();
        seen.insert(state.content().unwrap());
    }
    // 60 lines take three seconds, give or take.
    assert!((3..20).contains(&seen.len()), "{seen:#?}");
}
