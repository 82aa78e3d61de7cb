//! When a lost connection is tried again, and what counts as a connection that works.

use std::time::{Duration, Instant};

use crate::support::{
    AfterLast, Gate, Script, ScriptServer, Tail, at_once, insert, object_at, operation_id,
};

/// The time from the loss of the first connection to the next request.
fn pause_after(script: Script, then: Script) -> Duration {
    let gate = Gate::new();
    let server = ScriptServer::start([script.wait_for(&gate), then]);
    let _run = Tail::url(server.url()).spawn();
    server.wait_for_requests(1);
    let lost = Instant::now();
    gate.open();
    server.wait_for_requests(2);
    lost.elapsed()
}

#[test]
fn retries_are_counted_afresh_after_a_heartbeat() {
    let cut = Script::events(":\n");
    let scripts = vec![cut.clone(), cut.clone(), cut];
    let server = ScriptServer::with(scripts, AfterLast::Refuse);
    Tail::url(server.url())
        .args(["--retries", "1"])
        .run()
        .exit(4);
    assert_eq!(server.requests().len(), 3);
}

/// A connection that brings nothing is none that works.
#[test]
fn a_connection_that_is_closed_at_once_counts_as_a_failure() {
    let server = ScriptServer::repeating(Script::events(""));
    let started = Instant::now();
    Tail::url(server.url())
        .args(["--retries", "2"])
        .run()
        .exit(4)
        .stderr_has("gave up after 3 tries");
    assert_eq!(server.requests().len(), 3);
    // Half a second and a second at least.
    assert!(started.elapsed() >= Duration::from_millis(1_500));
}

#[test]
fn the_stream_says_how_long_to_wait_before_a_new_connection() {
    let waits = Duration::from_millis(2_500);
    let field = "retry: 2500\n\n";
    let asks = [
        field.to_owned(),
        // It counts at once, and within an event, whatever becomes of that.
        "retry: 2500\n".to_owned(),
        insert(1).replace("event:", "retry: 2500\nevent:"),
        field.replace('\n', "\r\n"),
        // What is no number takes nothing back.
        format!("{field}retry: \n\nretry: soon\n\nretry: -1\n\nretry: 1.5\n\n"),
    ];
    let stays = || Script::events("").stall();
    at_once(asks, |ask| {
        let pause = pause_after(Script::events(ask.as_str()), stays());
        assert!(pause >= waits, "{ask:?}: {pause:?}");
        assert!(pause < 3 * waits, "{ask:?}: {pause:?}");
    });
    // Less than the own pause changes nothing, and neither does what is odd.
    at_once(["retry: 0\n\n", "retry: 9999s\n\n", "retry\n\n"], |ask| {
        let pause = pause_after(Script::events(ask), stays());
        let own = Duration::from_millis(500)..Duration::from_secs(5);
        assert!(own.contains(&pause), "{ask:?}: {pause:?}");
    });
}

/// From then on: it does not have to be said again.
#[test]
fn the_pause_that_a_stream_asks_for_stays() {
    let scripts = [
        Script::events("retry: 3000\n\n"),
        Script::events(insert(1)),
        Script::events(insert(2)).stall(),
    ];
    let server = ScriptServer::start(scripts);
    let mut run = Tail::url(server.url()).spawn();
    run.read_line();
    let lost = Instant::now();
    run.read_line();
    // The loss may have been noticed a moment before the line was read. The own pause is a second at
    // most.
    assert!(lost.elapsed() >= Duration::from_millis(1_500));
}

#[test]
fn an_absurd_pause_is_capped() {
    for digits in ["9".repeat(15), "9".repeat(22)] {
        for absurd in [
            Script::events(format!("retry: {digits}\n\n")),
            Script::answer(503, &[("Retry-After", &digits)], ""),
        ] {
            let server = ScriptServer::start([absurd]);
            let mut run = Tail::url(server.url()).spawn();
            run.wait_for_stderr("trying again in 1 d");
        }
    }
}

#[test]
fn the_pause_of_one_agent_does_not_hold_up_another() {
    let slow = ScriptServer::start([Script::events("retry: 60000\n\n")]);
    let other = ScriptServer::start([Script::events(insert(1)).stall()]);
    Tail::url(slow.url())
        .args(["--url", &other.url(), "-n", "1"])
        .run()
        .exit(0)
        .within(Duration::from_secs(10));
}

/// Two agents that each send an event and close keep each other going, but not without a pause.
#[test]
fn agents_that_work_for_a_moment_each_get_a_pause() {
    let [first, second] =
        [1, 2].map(|number| ScriptServer::repeating(Script::events(insert(number))));
    let mut run = Tail::url(first.url())
        .args(["--url", &second.url()])
        .spawn();
    let started = Instant::now();
    first.wait_for_requests(4);
    // Three pauses of half a second at least.
    assert!(started.elapsed() >= Duration::from_millis(1_500));
    assert!(second.requests().len() <= 4);
    assert!(run.is_running());
    let line = run.read_line();
    assert!(line.contains(&operation_id(1)), "{line}");
}

/// The second connection fetches what a replication missed. What comes over it says nothing about
/// the main one, so an outage of that is told once.
#[test]
fn heartbeats_of_the_second_connection_end_no_outage() {
    // The second connection is made once an operation comes that is so much later.
    let later = |number| insert(number).replace("6b047e00", "6b047e09");
    let live = 1_795_456_500_000_u64;
    let replication = [
        "id: 1\nevent: reset\n\n",
        &object_at(live - 60_000, "1"),
        &format!("id: {live}\nevent: live\n\n"),
        &insert(1),
        &later(2),
    ]
    .concat();
    let gate = Gate::new();
    let server = ScriptServer::start([
        Script::events(replication).wait_for(&gate),
        Script::events("").heartbeats(Duration::from_millis(20)),
        Script::status(503),
        Script::status(503),
        Script::events(later(3)).stall(),
    ]);
    let mut run = Tail::url(server.url()).args(["--start-id", "0"]).spawn();
    run.read_lines(5);
    server.wait_for_requests(2);
    gate.open();
    run.read_line();
    let told = run.wait_for_stderr(" again, after ");
    assert_eq!(told.matches("answered 503").count(), 1, "{told}");
}
