//! Several agents of one log, of which some ask to be left alone for a while.

use std::time::{Duration, Instant};

use crate::support::{Script, ScriptServer, Tail, expected_json, insert};

/// An answer of an agent that is not to be asked again for so many seconds.
fn unavailable_for(seconds: &str) -> Script {
    Script::answer(503, &[("Retry-After", seconds)], "")
}

#[test]
fn an_agent_that_asks_to_be_left_alone_holds_up_no_other() {
    // Wherever it stands among the others.
    for place in 0..3 {
        let resting = ScriptServer::repeating(unavailable_for("120"));
        let failing = ScriptServer::repeating(Script::status(503));
        let back_soon = ScriptServer::start([
            Script::status(503),
            Script::status(503),
            Script::events(insert(1)).stall(),
        ]);
        let mut urls = vec![failing.url(), back_soon.url()];
        urls.insert(place, resting.url());
        Tail::new()
            .args(urls)
            .args(["-n", "1"])
            .run()
            .exit(0)
            .stdout_is(&expected_json(insert(1).as_bytes()));
        assert_eq!(resting.requests().len(), 1);
    }
}

#[test]
fn an_agent_is_left_alone_for_as_long_as_it_asks_while_another_one_works() {
    let resting = ScriptServer::repeating(unavailable_for("4"));
    // It works for a moment each time, so that another agent is wanted again and again.
    let working = ScriptServer::repeating(Script::events(insert(1)));
    let started = Instant::now();
    let _run = Tail::url(resting.url())
        .args(["--url", &working.url()])
        .spawn();
    resting.wait_for_requests(2);
    assert!(started.elapsed() >= Duration::from_secs(4));
    assert!(working.requests().len() > 1);
}

/// Also while one of them is left alone.
#[test]
fn failures_of_those_that_may_be_tried_are_counted_for_a_person() {
    let resting = ScriptServer::repeating(unavailable_for("120"));
    let failing = ScriptServer::repeating(Script::status(503));
    let mut run = Tail::url(failing.url())
        .args(["--url", &resting.url()])
        .patience(Duration::from_mins(1))
        .spawn();
    let told = run.wait_for_stderr(" failures in ");
    let (_, told) = told.split_once("still trying, ").unwrap();
    let (failures, _) = told.split_once(" failures in ").unwrap();
    // After ten seconds, with pauses that double from one second.
    let failures: usize = failures.parse().unwrap();
    assert_eq!(failures, failing.requests().len());
    assert!(failures > 2, "{failures}");
}

/// One round is over when every agent has failed. Until then the pauses of those that may be tried
/// grow.
#[test]
fn a_round_waits_for_an_agent_that_asks_to_be_left_alone() {
    let resting = ScriptServer::repeating(unavailable_for("6"));
    let failing = ScriptServer::repeating(Script::status(503));
    let started = Instant::now();
    Tail::url(failing.url())
        .args(["--url", &resting.url(), "--retries", "1"])
        .run()
        .exit(4)
        .stderr_has("gave up after 2 tries");
    assert!(started.elapsed() >= Duration::from_secs(6));
    assert_eq!(resting.requests().len(), 2);
    // With the shortest pauses: at once, and after half a second, 1, 2 and 4.
    let tries = failing.requests().len();
    assert!((3..=6).contains(&tries), "{tries}");
}
