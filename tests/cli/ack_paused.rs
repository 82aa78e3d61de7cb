//! What holds while nothing is read because acknowledgements are missing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{
    PATIENCE, Request, Running, Script, ScriptServer, Tail, expected_json, fixture, insert,
    insert_numbered, number_of, operation_id,
};

fn acking(server: &ScriptServer, args: &[&str]) -> Running {
    Tail::url(server.url())
        .args(["--ack", "stdin"])
        .args(args)
        .stdin_piped()
        .spawn()
}

/// Makes operations and counts them.
fn counted(number: u64) -> Vec<u8> {
    MADE.fetch_max(number, Ordering::Relaxed);
    insert_numbered(number)
}

static MADE: AtomicU64 = AtomicU64::new(0);

/// Waits until the server gets rid of no more; returns how many operations it has made by then.
fn wait_until_the_server_is_stuck() -> u64 {
    const SETTLED: Duration = Duration::from_millis(300);
    let until = Instant::now() + PATIENCE;
    let (mut made, mut since) = (0, Instant::now());
    while made == 0 || since.elapsed() < SETTLED {
        let now = MADE.load(Ordering::Relaxed);
        if now != made {
            (made, since) = (now, Instant::now());
        }
        assert!(Instant::now() < until, "everything is read: {made}");
        sleep(Duration::from_millis(5));
    }
    made
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_flat_while_the_cap_is_reached() {
    // On a loaded machine the pause may be so long that the connection is made again.
    let server = ScriptServer::repeating(Script::choosing(|request| {
        let first = request.last_event_id().map_or(0, |id| number_of(id) + 1);
        Script::events("").flood_from(first, counted)
    }));
    let mut run = acking(&server, &["--max-in-flight", "10"]);
    let mut next = 0;
    for round in 0..3 {
        let lines = run.read_lines(10);
        let made = wait_until_the_server_is_stuck();
        // What the two sockets hold, and no more: tens of megabytes would be hundreds of
        // thousands of operations.
        assert!(made < 200_000, "{made} operations sent in round {round}");
        let peak = run.memory_kib("VmHWM");
        assert!(peak < 64 * 1024, "{peak} KiB");
        let ids: String = (next..next + 10).map(|n| operation_id(n) + "\n").collect();
        assert_eq!(lines.len(), 10);
        run.write_stdin(&ids);
        next += 10;
    }
}

#[test]
fn waiting_for_acknowledgements_is_no_silence_of_the_server() {
    // Each longer than the timeout, which is what is tested. After a longer pause the connection
    // is made again: what the server skipped meanwhile only a new request tells.
    for (pause, is_made_again) in [(500, false), (1_800, true)] {
        let events: String = (1..=3).map(insert).collect();
        let server = ScriptServer::start([
            Script::events(events).stall(),
            Script::events(insert(3)).stall(),
        ]);
        let mut run = acking(
            &server,
            &["--read-timeout", "400ms", "--max-in-flight", "2", "-n", "3"],
        );
        run.read_lines(2);
        sleep(Duration::from_millis(pause));
        run.write_stdin(&(operation_id(1) + "\n"));
        let third = run.read_line();
        assert!(third.contains(&operation_id(3)), "{third}");
        run.write_stdin(&format!("{}\n{}\n", operation_id(2), operation_id(3)));
        run.wait().exit(0).stderr_is_empty();
        let requests = server.requests();
        let again: Vec<_> = requests[1..].iter().map(Request::last_event_id).collect();
        if is_made_again {
            assert_eq!(again, [Some(&*operation_id(2))]);
        } else {
            assert_eq!(again, []);
        }
    }
}

#[test]
fn waiting_for_acknowledgements_is_no_idle_time() {
    let body = fixture("replication.sse");
    let expected = expected_json(&body);
    let server = ScriptServer::start([Script::events(body.as_slice()).stall()]);
    let mut run = acking(&server, &["--start-id", "0", "--until-idle", "400ms"]);
    run.read_line();
    // Longer than the idle time, which is what is tested.
    sleep(Duration::from_millis(1200));
    run.write_stdin("1\n");
    for line in run.read_lines(expected.len() - 1) {
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        run.write_stdin(&format!("{}\n", record["id"].as_str().unwrap()));
    }
    run.wait().exit(0).stdout_is(&expected);
}
