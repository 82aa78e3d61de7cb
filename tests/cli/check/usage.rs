//! Which flags go with `--check`.

use super::{check, server};
use crate::support::FLAGS_OF_FOLLOWING;

#[test]
fn what_is_for_runs_that_follow_is_refused() {
    let acks: [&[&str]; 2] = [&["--ack", "stdin"], &["--ack", "none"]];
    for args in acks.into_iter().chain(FLAGS_OF_FOLLOWING) {
        let flag = if args[0] == "-n" { "--count" } else { args[0] };
        let finished = check(&["http://127.0.0.1:1/"])
            .args(args)
            .run()
            .exit(2)
            .stderr_has("--check")
            .stderr_has(flag);
        finished.stdout_is::<&str>(&[]);
    }
}

#[test]
fn the_flags_of_source_position_and_failure_are_taken() {
    let server = server();
    check(&[server.url()])
        .args([
            "--types",
            "video",
            "--password",
            "x",
            "--insecure",
            "-H",
            "X: y",
        ])
        .args(["--since", "1h", "--exact-resume", "--no-repair"])
        .args([
            "--on-resume-failed",
            "replicate",
            "--retries",
            "3",
            "--connect-timeout",
            "5s",
        ])
        .args([
            "--read-timeout",
            "5s",
            "--on-invalid",
            "exit",
            "--timeout",
            "9s",
            "-q",
        ])
        .args(["-o", "text", "--color", "never"])
        .run()
        .exit(0);
}

#[test]
fn stdout_that_cannot_be_written_is_a_failure() {
    let server = server();
    let script = "exec \"$0\" --check \"$1\" >/dev/full";
    crate::support::Tail::of("/bin/sh")
        .args([
            "-c",
            script,
            env!("CARGO_BIN_EXE_oplog-tail"),
            &server.url(),
        ])
        .run()
        .exit(1)
        .stderr_has("cannot write to stdout");
}
