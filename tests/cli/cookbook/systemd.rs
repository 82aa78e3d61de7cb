//! The unit for systemd: what it says is obeyed here by a supervisor of a few lines.

use std::process::Command;
use std::time::Duration;

use oplog_tail::exit::ExitStatus;

use super::kitchen::{Kitchen, Producer, in_both_shells, installed, recipe};
use crate::support::{Replica, from_now};

/// The value of a setting of the unit.
#[track_caller]
fn setting(name: &str) -> String {
    let unit = recipe("systemd");
    let values = unit
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("{name}=")));
    let values: Vec<_> = values.collect();
    assert_eq!(values.len(), 1, "{name} in\n{unit}");
    values[0].to_owned()
}

/// What the unit starts, with the folders of the test instead of those of the system.
fn command(kitchen: &Kitchen) -> String {
    let folder = kitchen.path("").display().to_string();
    setting("ExecStart")
        .replace("/usr/bin/oplog-tail", "oplog-tail")
        .replace("/var/lib/oplog-tail/", &folder)
}

#[test]
fn a_killed_run_goes_on() {
    in_both_shells("a_killed_run_goes_on", &[], |kitchen| {
        assert_eq!(setting("Restart"), "always");
        let script = format!("exec {}", command(kitchen));
        let mut cooking = kitchen.start(&script);
        kitchen.wait_for_requests(1);
        let producer = Producer::start(&kitchen.server, Duration::from_millis(4));
        for round in 1..6 {
            let enough = kitchen.lines("operations.jsonl").len() + 40 * round;
            kitchen.wait_until("the file grows", || {
                kitchen.lines("operations.jsonl").len() >= enough
            });
            cooking.kill();
            kitchen.wait_until_free();
            cooking = kitchen.start(&script);
        }
        let count = producer.stop();
        kitchen.wait_until_live();
        let names = Replica::of(&kitchen.lines("operations.jsonl")).names();
        let missing: Vec<_> = (1..=count)
            .map(|id| format!("video/{id}"))
            .filter(|name| !names.contains(name))
            .collect();
        assert!(missing.is_empty(), "{missing:?} of {count}");
    });
}

#[test]
fn only_what_a_person_must_see_to_prevents_a_restart() {
    let prevented = setting("RestartPreventExitStatus");
    let prevented: Vec<u8> = prevented
        .split(' ')
        .map(|status| status.parse().unwrap())
        .collect();
    let wanted = [
        ExitStatus::Usage,
        ExitStatus::AccessDenied,
        ExitStatus::CannotConnect,
        ExitStatus::StateFile,
        ExitStatus::ResumeFailed,
    ];
    assert_eq!(prevented, wanted.map(ExitStatus::code));
}

#[test]
fn the_status_and_the_signal_are_those_of_the_program() {
    in_both_shells("the_status_and_the_signal", &[], |kitchen| {
        std::fs::write(kitchen.path("position"), "nonsense").unwrap();
        let served = kitchen.start(&format!("exec {}", command(kitchen))).wait();
        assert_eq!(served.status, 5);
        std::fs::remove_file(kitchen.path("position")).unwrap();
        // systemd signals the process it started: `exec` makes that the program.
        let script = format!(
            "{} & until [ -s position ]; do sleep 0.01; done; kill -TERM $!; wait $!",
            command(kitchen)
        );
        let told = from_now(kitchen.path("position"));
        kitchen.start(&script).wait().ended(0, told.trim_end());
    });
}

#[test]
fn systemd_understands_it() {
    if !installed("systemd_understands_it", &["systemd-analyze"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("oplog-tail.service");
    std::fs::write(&unit, recipe("systemd")).unwrap();
    let output = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Where systemd does not run, it says so; that is no fault of the unit.
    let about_unit: Vec<_> = said
        .lines()
        .filter(|line| line.contains("oplog-tail.service"))
        .collect();
    assert!(about_unit.is_empty(), "{said}");
}
