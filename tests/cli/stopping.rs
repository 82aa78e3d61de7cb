//! When a run ends, and with which status.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{
    Finished, Left, Running, Script, ScriptServer, State, Tail, at_once, expected_json, fixture,
    insert, insert_numbered, operation_id,
};

/// Two seconds are promised for signals, and one for a reader that goes away; a loaded machine may
/// add some.
const IN_TIME: Duration = Duration::from_secs(6);

fn inserts(count: u64) -> String {
    (1..=count).map(insert).collect()
}

/// A run with these arguments ends well and has printed what is in this body.
#[track_caller]
fn ends_after(server: &ScriptServer, args: &[&str], body: &str) -> Finished {
    Tail::url(server.url())
        .args(args)
        .run()
        .exit(0)
        .stdout_is(&expected_json(body.as_bytes()))
}

/// Operations for as long as they are taken.
fn flood() -> ScriptServer {
    ScriptServer::start([Script::events("").flood(insert_numbered)])
}

/// The reader goes away: the run ends well and soon.
#[track_caller]
fn ends_when_the_reader_goes_away(mut run: Running) -> Finished {
    let gone = Instant::now();
    run.close_stdout();
    let finished = run.wait().exit(0);
    assert!(gone.elapsed() < IN_TIME);
    finished
}

#[test]
fn after_so_many_lines() {
    let state = State::absent();
    let server = ScriptServer::start([Script::events(inserts(5)).stall()]);
    Tail::url(server.url())
        .args(["--count", "2"])
        .state(state.path())
        .run()
        .exit(0)
        .stderr_is_from_now(state.path())
        .stdout_is(&expected_json(inserts(2).as_bytes()));
    state.is(&operation_id(2));
}

#[test]
fn lines_are_counted_over_all_connections() {
    let server = ScriptServer::start([
        Script::events(insert(1)),
        Script::events(insert(2) + &insert(3)).stall(),
    ]);
    ends_after(&server, &["-n", "2"], &inserts(2));
}

#[test]
fn markers_are_lines_too() {
    let body = fixture("replication.sse");
    let server = ScriptServer::start([Script::events(body.as_slice()).stall()]);
    Tail::url(server.url())
        .args(["-n", "2"])
        .run()
        .exit(0)
        .stdout_is(&expected_json(&body)[..2]);
}

#[test]
fn at_live() {
    let mut body = fixture("replication.sse");
    let expected = expected_json(&body);
    body.extend(insert(1).into_bytes());
    let state = State::absent();
    let path = state.path().to_str().unwrap();
    for (args, remedy) in [
        (&[][..], "without --state the next run starts over"),
        (
            &["--state", path],
            "; the next run continues where this one stopped",
        ),
    ] {
        let server = ScriptServer::start([Script::events(body.clone()).stall()]);
        Tail::url(server.url())
            .args(["--start-id", "0", "--until-live"])
            .args(args)
            .run()
            .exit(0)
            .says_incomplete(Left::Repair)
            .stderr_has(remedy)
            .stdout_is(&expected);
    }
}

/// The position is kept, though not by this run.
#[test]
fn a_look_at_the_state_is_not_told_to_give_state() {
    let state = State::holding("0");
    let server = ScriptServer::start([Script::events(fixture("replication.sse")).stall()]);
    Tail::url(server.url())
        .args(["--until-live", "--ack", "none"])
        .state(state.path())
        .run()
        .exit(0)
        .says_incomplete(Left::Repair)
        .stderr_lacks("without --state");
}

#[test]
fn when_idle_though_heartbeats_come() {
    let script = Script::events(inserts(2)).heartbeats(Duration::from_millis(50));
    let server = ScriptServer::start([script]);
    let finished = ends_after(&server, &["--until-idle", "1s"], &inserts(2));
    assert!(finished.elapsed >= Duration::from_secs(1));
}

#[test]
fn not_idle_while_operations_come() {
    // One operation each 250 ms, eight of them: longer in all than the idle time.
    let mut script = Script::events("");
    for number in 1..=8 {
        script = script
            .send(insert(number))
            .pause(Duration::from_millis(250));
    }
    let server = ScriptServer::start([script.stall()]);
    ends_after(&server, &["--until-idle", "1500ms"], &inserts(8));
}

#[test]
fn not_idle_while_disconnected() {
    let server = ScriptServer::start([Script::status(503), Script::events(insert(1)).stall()]);
    ends_after(&server, &["--until-idle", "1s"], &insert(1));
}

#[test]
fn whichever_condition_is_met_first() {
    let body = fixture("replication.sse");
    let expected = expected_json(&body);
    let server = ScriptServer::repeating(Script::events(body).stall());
    for (args, lines) in [
        (&["-n", "3", "--until-live"][..], 3),
        (&["-n", "100", "--until-live"], expected.len()),
        (&["-n", "100", "--until-idle", "1s"], expected.len()),
    ] {
        let tail = Tail::url(server.url()).args(args);
        tail.run().exit(0).stdout_is(&expected[..lines]);
    }
}

#[test]
fn after_the_timeout() {
    let server = ScriptServer::repeating(Script::events(insert(1)).stall());
    let silent = ScriptServer::repeating(Script::silent().stall());
    let stops = [
        (&[][..], 0),
        (&["-n", "2"], 7),
        (&["--until-live"], 7),
        (&["--until-idle", "1h"], 7),
    ];
    for (server, printed) in [(&server, 1), (&silent, 0)] {
        at_once(stops, |(args, status)| {
            let finished = Tail::url(server.url())
                .args(["--timeout", "2s"])
                .args(args)
                .run()
                .exit(status)
                .within(IN_TIME);
            assert!(finished.elapsed >= Duration::from_secs(2));
            assert_eq!(finished.stdout_lines().len(), printed);
        });
    }
}

#[test]
fn the_timeout_does_not_matter_once_the_condition_is_met() {
    let server = ScriptServer::start([Script::events(insert(1)).stall()]);
    Tail::url(server.url())
        .args(["--timeout", "10s", "-n", "1"])
        .run()
        .exit(0);
}

#[test]
fn the_timeout_passes_while_waiting_to_try_again() {
    let server = ScriptServer::repeating(Script::answer(503, &[("Retry-After", "60")], ""));
    Tail::url(server.url())
        .args(["--timeout", "400ms", "-n", "1"])
        .run()
        .exit(7)
        .stderr_is_prefixed()
        .stderr_has("stopped by --timeout before -n or --until-… was reached (exit 7)")
        .within(IN_TIME);
}

#[test]
fn at_a_signal() {
    let server = ScriptServer::repeating(Script::events(insert(1)).stall());
    for (signal, number) in [(Signal::HUP, 1), (Signal::INT, 2), (Signal::TERM, 15)] {
        for (args, status) in [
            (&[][..], 0),
            (&["--timeout", "1h"], 0),
            (&["-n", "2"], 128 + number),
            (&["--until-live"], 128 + number),
            (&["--until-idle", "1h"], 128 + number),
        ] {
            let state = State::absent();
            let tail = Tail::url(server.url()).args(args).state(state.path());
            let mut run = tail.spawn();
            run.read_line();
            let sent = Instant::now();
            run.signal(signal);
            let finished = run.wait().exit(status);
            assert!(sent.elapsed() < IN_TIME);
            finished.stdout_is(&expected_json(insert(1).as_bytes()));
            state.is(&operation_id(1));
        }
    }
}

#[test]
fn at_a_signal_while_connecting_or_waiting() {
    let silent = ScriptServer::repeating(Script::silent().stall());
    let busy = ScriptServer::repeating(Script::answer(503, &[("Retry-After", "60")], ""));
    for server in [&silent, &busy] {
        let run = Tail::url(server.url()).spawn();
        server.wait_for_requests(1);
        let sent = Instant::now();
        run.signal(Signal::TERM);
        run.wait().exit(0);
        assert!(sent.elapsed() < IN_TIME);
    }
}

#[test]
fn the_timeout_passes_while_nobody_reads_stdout() {
    let told = "oplog-tail: stopped by --timeout before -n or --until-… was reached (exit 7)\n";
    for (flag, said) in [("-n", told), ("-qn", "")] {
        let server = flood();
        let mut run = Tail::url(server.url())
            .args(["--timeout", "3s", flag, "100000000"])
            .spawn();
        run.wait_until_stdout_is_full();
        let finished = run.wait_without_reading().exit(7);
        // Before it stopped the reader may have been too slow, which is told first.
        let lines = finished.stderr.split_inclusive('\n');
        let stderr: String = lines
            .filter(|line| !line.contains("reading fell behind"))
            .collect();
        assert_eq!(stderr, said);
        assert_eq!(finished.stderr.is_empty(), said.is_empty());
    }
}

#[test]
fn at_a_signal_though_nobody_reads_stdout() {
    for signal in [Signal::TERM, Signal::INT] {
        let state = State::absent();
        let server = flood();
        let mut run = Tail::url(server.url()).state(state.path()).spawn();
        run.wait_until_stdout_is_full();
        let sent = Instant::now();
        run.signal(signal);
        let finished = run.wait_without_reading().exit(0);
        assert!(sent.elapsed() < IN_TIME);
        // What the pipe did not take was not handed over.
        let text = finished.stdout_text();
        let whole_lines = text.matches('\n').count();
        let saved = state.content().unwrap();
        let saved = u32::from_str_radix(&saved[16..], 16).unwrap();
        assert!(
            (saved as usize) < whole_lines,
            "{saved} saved, {whole_lines} lines written"
        );
    }
}

#[test]
fn when_the_reader_goes_away_while_idle() {
    let server = ScriptServer::start([Script::events(inserts(2)).stall()]);
    let mut run = Tail::url(server.url()).spawn();
    run.read_lines(2);
    ends_when_the_reader_goes_away(run).stderr_is_empty();
}

#[test]
fn when_the_reader_goes_away_while_busy() {
    let state = State::absent();
    let server = flood();
    let mut run = Tail::url(server.url()).state(state.path()).spawn();
    run.read_line();
    ends_when_the_reader_goes_away(run).stderr_is_from_now(state.path());
    state.is(&state.content().unwrap());
}

#[test]
fn when_the_reader_goes_away_while_stdout_is_full() {
    let server = flood();
    let mut run = Tail::url(server.url()).spawn();
    run.wait_until_stdout_is_full();
    ends_when_the_reader_goes_away(run).stderr_is_empty();
}
