use std::time::Duration;

use crate::support::Tail;

fn shell(script: &str) -> Tail {
    Tail::of("/bin/sh").arg("-c").arg(script)
}

#[test]
fn captures_both_outputs_and_the_status() {
    shell("echo out; echo err >&2; exit 3")
        .run()
        .exit(3)
        .stdout_is(&["out"])
        .stderr_has("err");
}

#[test]
fn clears_the_environment() {
    let run = shell("env").env("ONLY", "this").run().exit(0);
    let names: Vec<_> = run
        .stdout_lines()
        .iter()
        .map(|line| line.split('=').next().unwrap().to_owned())
        .collect();
    for name in ["HOME", "HTTP_PROXY", "http_proxy", "CARGO", "USER"] {
        assert!(!names.iter().any(|n| n == name), "{name} is set");
    }
    assert!(names.iter().any(|n| n == "ONLY"));
}

#[test]
fn gives_stdin() {
    let many = "x\n".repeat(100_000);
    shell("wc -l")
        .stdin_bytes(many)
        .run()
        .stdout_is(&["100000"]);
    let mut cat = shell("while read line; do echo got $line; done")
        .stdin_piped()
        .spawn();
    cat.write_stdin("a\n");
    assert_eq!(cat.read_line(), "got a");
    cat.write_stdin("b\n");
    assert_eq!(cat.wait_for_line(|line| line.ends_with('b')), "got b");
    cat.close_stdin();
    cat.wait().exit(0).stdout_is(&["got a", "got b"]);
}

#[test]
fn sends_signals_and_tells_them_from_statuses() {
    use rustix::process::Signal;
    let mut caught = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done").spawn();
    caught.read_line();
    caught.signal(Signal::TERM);
    caught.wait().exit(9);
    let mut killed = shell("echo ready; exec sleep 100").spawn();
    killed.read_line();
    killed.signal(Signal::TERM);
    assert_eq!(killed.wait().shell_status(), 128 + 15);
}

#[test]
fn a_reader_can_go_away() {
    let mut endless = shell("while echo y; do :; done 2>/dev/null; exit 4").spawn();
    endless.read_line();
    endless.wait_until_stdout_is_full();
    endless.close_stdout();
    endless.wait();
}

#[test]
fn waits_for_stderr() {
    let mut run = shell("echo one >&2; echo two >&2; read x; exit 0")
        .stdin_piped()
        .spawn();
    run.wait_for_stderr("two");
    run.close_stdin();
    run.wait();
}

#[test]
#[should_panic(expected = "said so far")]
fn a_run_that_hangs_is_killed_and_shown() {
    shell("echo said so far; exec sleep 100")
        .patience(Duration::from_secs(1))
        .run();
}

#[test]
#[should_panic(expected = "- two")]
fn a_difference_is_shown() {
    shell("echo one; echo three")
        .run()
        .stdout_is(&["one", "two"]);
}
