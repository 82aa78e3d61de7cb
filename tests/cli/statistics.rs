//! What came, in numbers: at the end with `--stats`, and whenever SIGUSR1 asks for it.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Script, ScriptServer, State, Tail, from_now, insert, insert_numbered, operation_id,
};

/// One of each event, one that is no operation, and two of a kind; `live` comes last.
const BODY: &str = "\
id: 1
event: reset

id: 1795456509994
event: insert
data: {\"timestamp\":\"2026-11-23T17:55:09.993Z\",\"parents\":[],\"type\":\"video\",\"id\":\"v1\"}

id: 6b047e00686c822d00000001
event: insert
data: {\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"v2\"}

id: 6b047e00686c822d00000002
event: insert
data: [

id: 6b047e00686c822d00000003
event: update
data: {\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"v1\"}

id: 6b047e00686c822d00000004
event: delete
data: {\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"v1\"}

id: 6b047e00686c822d00000005
event: moved
data: {\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"v1\"}

id: 6b047e00686c822d00000005
event: live

";

/// An operation that happened a day from now by the clock of the server.
fn ahead() -> String {
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    insert(7).replace("2026-11-23T17:55:12Z", &format!("{tomorrow:.3}"))
}

/// The summary in the last line of stderr.
fn last_summary(stderr: &str) -> Value {
    serde_json::from_str(stderr.lines().last().unwrap()).unwrap()
}

fn is_near(found: &Value, wanted_ms: i64) -> bool {
    found
        .as_i64()
        .is_some_and(|ms| (ms - wanted_ms).abs() < 60_000)
}

/// The parts of a summary come in this order, and without a space.
#[track_caller]
fn is_in_order(summary: &str) {
    let order = [
        "{\"events\":{\"insert\":",
        ",\"update\":",
        ",\"delete\":",
        ",\"reset\":",
        ",\"live\":",
        ",\"other\":",
        "},\"invalid\":",
        ",\"first_id\":",
        ",\"last_id\":",
        ",\"position\":",
        ",\"lag_ms\":{\"median\":",
        ",\"p99\":",
        ",\"max\":",
        "},\"reconnections\":",
        ",\"repaired\":",
        ",\"repair\":",
        ",\"in_flight\":{\"lines\":",
        ",\"limit\":",
        ",\"oldest\":",
        "},\"elapsed_ms\":",
        ",\"saved_ms_ago\":",
    ];
    let mut rest = summary;
    for part in order {
        let (before, after) = rest.split_once(part).unwrap_or_else(|| panic!("{summary}"));
        assert!(!before.contains(['{', ':', ' ']), "{summary}");
        rest = after;
    }
}

#[test]
fn json_is_the_last_line() {
    let server = ScriptServer::start([Script::events(BODY).stall()]);
    let run = Tail::url(server.url())
        .args(["--start-id", "0", "--until-live", "--no-repair"])
        .args(["--stats", "-o", "json"])
        .run()
        .exit(0);
    let last = run.stderr.strip_suffix('\n').unwrap().lines().last();
    let last = last.unwrap();
    let mut summary: Value = serde_json::from_str(last).unwrap();
    is_in_order(last);
    let elapsed = summary["elapsed_ms"].take().as_u64().unwrap();
    assert!(elapsed <= u64::try_from(run.elapsed.as_millis()).unwrap());
    let age = jiff::Timestamp::now().as_millisecond() - 1_795_456_512_000;
    let lag = summary["lag_ms"].take();
    for figure in ["median", "p99", "max"] {
        // They all happened in one second, so this is exact but for the time that the test takes.
        assert!(is_near(&lag[figure], age), "{figure}: {lag}, not {age}");
    }
    assert_eq!(
        summary,
        json!({
            "events": {"insert": 2, "update": 1, "delete": 1, "reset": 1, "live": 1, "other": 1},
            "invalid": 1,
            "first_id": "1",
            "last_id": operation_id(5),
            "position": operation_id(5),
            "lag_ms": null,
            "reconnections": 0,
            "repaired": 0,
            "repair": null,
            "in_flight": {"lines": 0, "limit": null, "oldest": null},
            "elapsed_ms": null,
            "saved_ms_ago": null,
        })
    );
}

#[test]
fn what_is_not_known_is_null() {
    let run = Tail::url(crate::support::closed_port())
        .args(["--retries", "0", "--stats"])
        .run()
        .exit(4);
    // Why it failed comes before.
    let summary = last_summary(&run.stderr);
    for unknown in ["first_id", "last_id", "position", "lag_ms", "saved_ms_ago"] {
        assert!(summary[unknown].is_null(), "{unknown}");
    }
}

#[test]
fn text_for_people() {
    let server = ScriptServer::start([Script::events(insert(1)), Script::events(BODY).stall()]);
    Tail::url(server.url())
        .args(["-n", "7", "--no-repair", "--stats", "-o", "text"])
        .run()
        .exit(0)
        .stderr_is_prefixed()
        .stderr_has("oplog-tail: insert         3\noplog-tail: update         1\n")
        .stderr_has("oplog-tail: delete         1\noplog-tail: reset          1\n")
        .stderr_has("oplog-tail: other events   1\noplog-tail: not decoded    1\n")
        .stderr_has("oplog-tail: reconnections  1\n")
        .stderr_has(&format!("oplog-tail: first id       {}\n", operation_id(1)))
        .stderr_has(", not kept without --state\n")
        .stderr_has("oplog-tail: lag            median ")
        .stderr_has("oplog-tail: elapsed        ")
        // What is zero is left out.
        .stderr_lacks("live")
        .stderr_lacks("fetched late")
        .stderr_lacks("unacknowledged");
}

#[test]
fn a_clock_that_is_ahead_is_shown_as_such() {
    const DAY_MS: i64 = 86_400_000;
    let server = ScriptServer::repeating(Script::events(ahead()).stall());
    let args = ["-n", "1", "--lag", "--stats"];
    let run = Tail::url(server.url()).args(args).run().exit(0);
    let record: Value = serde_json::from_str(&run.stdout_lines()[0]).unwrap();
    assert!(is_near(&record["lag_ms"], -DAY_MS), "{record}");
    let summary = last_summary(&run.stderr);
    for figure in ["median", "p99", "max"] {
        assert!(is_near(&summary["lag_ms"][figure], -DAY_MS), "{summary}");
    }
    let run = Tail::url(server.url())
        .args(args)
        .args(["-o", "text"])
        .run()
        .exit(0)
        .stderr_has("oplog-tail: lag            median -");
    let line = run.stdout_lines().remove(0);
    let lag = line.rsplit_once(" -").unwrap().1;
    let seconds: f64 = lag.strip_suffix('s').unwrap().parse().unwrap();
    assert!((86_200.0..=86_400.0).contains(&seconds), "{line}");
}

#[test]
fn on_demand_without_stopping() {
    for args in [&[][..], &["--stats"]] {
        let gate = crate::support::Gate::new();
        let state = State::absent();
        let script = Script::events(insert(1)).wait_for(&gate).send(insert(2));
        let server = ScriptServer::start([script.stall()]);
        let mut run = Tail::url(server.url())
            .args(["-n", "2"])
            .state(state.path())
            .args(args)
            .spawn();
        run.read_line();
        state.wait_for(&operation_id(1));
        run.signal(Signal::USR1);
        let so_far = run.wait_for_stderr("}\n");
        let so_far = so_far.replace(&from_now(state.path()), "");
        let summary: Value = serde_json::from_str(so_far.trim_end()).unwrap();
        assert_eq!(summary["events"]["insert"], 1);
        assert_eq!(summary["position"], operation_id(1));
        // How late the operation came is known in any case.
        let age = jiff::Timestamp::now().as_millisecond() - 1_795_456_512_000;
        assert!(is_near(&summary["lag_ms"]["median"], age), "{summary}");
        gate.open();
        let finished = run.wait().exit(0);
        assert_eq!(finished.stdout_lines().len(), 2);
        // The first line says that the run starts from now.
        assert_eq!(finished.stderr.lines().count(), 2 + args.len());
    }
}

/// The thread that prints is stuck in writing then.
#[test]
fn also_while_nobody_reads_stdout() {
    let server = ScriptServer::start([Script::events("").flood(insert_numbered)]);
    let mut run = Tail::url(server.url()).arg("--stats").spawn();
    run.wait_until_stdout_is_full();
    // More of them than orders to the stuck thread have a place.
    for number in 1..=6 {
        let summary = ask(&mut run, number);
        assert!(summary["events"]["insert"].as_u64().unwrap() > 100);
        assert!(summary["position"].is_string(), "{summary}");
    }
    run.signal(Signal::TERM);
    let finished = run
        .wait_without_reading()
        .exit(0)
        .within(Duration::from_secs(20));
    // Before it stopped the reader may have been too slow, which is told as well.
    let summaries = finished.stderr.lines().filter(|line| line.starts_with('{'));
    assert_eq!(summaries.count(), 7);
    let summary = last_summary(&finished.stderr);
    assert!(summary["lag_ms"]["max"].is_i64(), "{summary}");
}

/// Asks a run for its summary, which is the line of stderr with this number.
fn ask(run: &mut crate::support::Running, number: usize) -> Value {
    run.signal(Signal::USR1);
    let so_far = run.wait_for_stderr_lines(number);
    last_summary(&so_far)
}

#[test]
fn what_a_stuck_consumer_waits_for() {
    let server = ScriptServer::start([Script::events(BODY.replace("reset", "sleep")).stall()]);
    let state = State::holding(operation_id(0));
    let mut run = Tail::url(server.url())
        .args([
            "--ack",
            "stdin",
            "--max-in-flight",
            "3",
            "--no-repair",
            "--on-resume-failed",
            "continue",
            "-q",
        ])
        .state(state.path())
        .stdin_piped()
        .spawn();
    run.read_lines(3);
    let wanted =
        |id: &str, event: &str, object: Value| json!({"id": id, "event": event, "object": object});
    let asked = std::time::Instant::now();
    let mut number = 0;
    // Until it has been out for a while that can be told from none.
    let summary = loop {
        number += 1;
        let summary = ask(&mut run, number);
        if summary["in_flight"]["oldest"]["out_ms"].as_u64().unwrap() >= 20 {
            break summary;
        }
        assert!(asked.elapsed() < crate::support::PATIENCE);
    };
    let mut in_flight = summary["in_flight"].clone();
    let out_ms = in_flight["oldest"]
        .as_object_mut()
        .unwrap()
        .remove("out_ms")
        .unwrap();
    assert!(out_ms.as_u64().unwrap() < 20_000);
    assert_eq!(
        in_flight,
        json!({"lines": 3, "limit": 3, "oldest": wanted("1", "sleep", Value::Null)})
    );

    // The one after it is the oldest once it is acknowledged.
    run.write_stdin("1\n");
    run.read_line();
    let mut summary = ask(&mut run, number + 1);
    let oldest = summary["in_flight"]["oldest"].as_object_mut().unwrap();
    oldest.remove("out_ms");
    assert_eq!(
        json!(oldest),
        wanted("1795456509994", "insert", "video/v1".into())
    );
    run.signal(Signal::TERM);
    run.wait().exit(0);
}

#[test]
fn what_a_stuck_consumer_waits_for_in_text() {
    let server = ScriptServer::start([Script::events(insert(1) + &insert(2)).stall()]);
    let state = State::holding(operation_id(0));
    let mut run = Tail::url(server.url())
        .args(["--ack", "stdin", "--stats", "-o", "text"])
        .state(state.path())
        .stdin_piped()
        .spawn();
    run.read_lines(2);
    run.signal(Signal::USR1);
    let told = run.wait_for_stderr("elapsed");
    let oldest = format!(
        "oplog-tail: unacknowledged 2 of 1000; oldest: insert #{} video/1, for ",
        operation_id(1)
    );
    assert!(told.contains(&oldest), "{told}");
    for number in [1, 2] {
        run.write_stdin(&(operation_id(number) + "\n"));
    }
    state.wait_for(&operation_id(2));
    run.close_stdin();
    let finished = run.wait().exit(0);
    let saved = format!("oplog-tail: position       {}, saved ", operation_id(2));
    let finished = finished.stderr_has(&saved);
    // Of the two summaries only the first has something unacknowledged.
    assert_eq!(finished.stderr.matches("unacknowledged").count(), 1);
}

/// The thread that prints knows nothing of a save that ends while it is stuck.
#[test]
fn when_the_position_was_saved_though_nobody_reads_stdout() {
    let server = ScriptServer::start([Script::events("").flood(insert_numbered)]);
    let state = State::absent();
    let mut run = Tail::url(server.url())
        .args(["-q"])
        .state(state.path())
        .spawn();
    run.wait_until_stdout_is_full();
    let asked = std::time::Instant::now();
    for number in 1.. {
        let summary = ask(&mut run, number);
        assert!(summary["lag_ms"]["max"].is_i64(), "{summary}");
        if summary["saved_ms_ago"].is_u64() {
            break;
        }
        assert!(asked.elapsed() < crate::support::PATIENCE);
    }
    run.signal(Signal::KILL);
    run.wait_without_reading();
}
