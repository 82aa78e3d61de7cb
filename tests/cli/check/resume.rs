//! What is found out about the place in the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerConfig, ServerThread, now_ms};
use serde_json::{Value, json};

use super::{check, has_problem, has_warning, is_fine, only, records, scripted, server};
use crate::support::{
    Finished, Script, State, at_once, insert, insert_numbered, object_at, operation_id,
};

const MINUTE_MS: u64 = 60_000;

/// A server with operations of ten, two and one minutes ago, and the id of the first.
fn with_three() -> (ServerThread, String) {
    let server = server();
    let [first, ..] = [10, 2, 1].map(|minutes| {
        let change = Change::insert("video", &minutes.to_string());
        server.append_at(&change, now_ms() - minutes * MINUTE_MS)
    });
    (server, first.to_string())
}

/// Nothing is wrong, and two operations wait.
#[track_caller]
fn two_wait(finished: &Finished) {
    let resume = only(&records(finished), "resume");
    is_fine(&resume);
    assert_eq!(
        (&resume["waiting"], &resume["all_counted"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn a_place_that_the_server_still_has() {
    let (server, first) = with_three();
    let state = State::holding(&first);
    let finished = check(&[server.url()]).state(state.path()).run().exit(0);
    let resume = only(&records(&finished), "resume");
    is_fine(&resume);
    let expected = format!(
        r#"{{"check":"resume","url":"{}","ok":true,"position":"{first}","kept":true,"waiting":2,"all_counted":true,"oldest_ms":{},"problems":[],"warnings":[]}}"#,
        server.url(),
        resume["oldest_ms"]
    );
    assert_eq!(finished.stdout_lines()[2], expected);
    let oldest = resume["oldest_ms"].as_u64().unwrap();
    assert!((2 * MINUTE_MS..3 * MINUTE_MS).contains(&oldest), "{oldest}");
    state.is(&first);
}

#[test]
fn without_a_place_there_is_no_record() {
    let (server, _) = with_three();
    for args in [&[][..], &["--start-id", "now"]] {
        let finished = check(&[server.url()]).args(args).run().exit(0);
        assert_eq!(records(&finished).len(), 1);
    }
}

/// What a run would ask for is what is asked for.
#[test]
fn it_asks_as_a_run_does() {
    let id = operation_id(1);
    let state = State::holding("1795456511846");
    let file = state.path().display().to_string();
    for (args, sent, position) in [
        (&["--start-id", &id][..], Some(&*id), Some(&*id)),
        (
            &["--start-id", "1795456511846"],
            Some("1795456511846"),
            Some("1795456511846"),
        ),
        (&["--allow-replication"], Some("0"), Some("0")),
        (
            &["--since", "2026-11-23"],
            Some("6b0382000000000000000000"),
            Some("6b0382000000000000000000"),
        ),
        (
            &["-s", &file],
            Some("6b047dff0000000000000000"),
            Some("1795456511846"),
        ),
        (
            &["-s", &file, "--exact-resume"],
            Some("1795456511846"),
            Some("1795456511846"),
        ),
        (
            &["-s", &file, "--start-id", &id],
            Some("6b047dff0000000000000000"),
            Some("1795456511846"),
        ),
        (
            &["-s", &file, "--start-id", &id, "--rewind"],
            Some(&*id),
            Some(&*id),
        ),
        (&["-s", &file, "--start-id", "now", "--rewind"], None, None),
    ] {
        let live = Script::events("id: \nevent: live\n\n").stall();
        let server = scripted(live, Script::status(404));
        let finished = check(&[server.url()]).args(args).run().exit(0);
        let streams = server.requests();
        assert_eq!(streams[0].last_event_id(), sent, "{args:?}");
        let records = records(&finished);
        let resume = records.iter().find(|it| it["check"] == "resume");
        let told = resume.map(|it| it["position"].as_str().unwrap());
        assert_eq!(told, position, "{args:?}");
    }
}

#[test]
fn only_what_the_filters_let_through_is_counted() {
    let (server, first) = with_three();
    server.append(&Change::insert("user", "1"));
    let finished = check(&[server.url()])
        .args(["--types", "user", "--start-id", &first])
        .run()
        .exit(0);
    assert_eq!(only(&records(&finished), "resume")["waiting"], 1);
}

/// A server whose log no longer has its first operation, and the id of that.
fn that_forgets() -> (ServerThread, String) {
    let config = ServerConfig {
        model: ModelConfig {
            capacity: 2,
            ..ModelConfig::default()
        },
        ..ServerConfig::default()
    };
    let server = ServerThread::on_loopback(config).unwrap();
    let [first, ..] = [9, 8, 7, 6].map(|minutes| {
        let change = Change::insert("video", &minutes.to_string());
        server.append_at(&change, now_ms() - minutes * MINUTE_MS)
    });
    (server, first.to_string())
}

#[test]
fn a_place_that_the_server_no_longer_has() {
    let (server, first) = that_forgets();
    for choice in ["continue", "replicate"] {
        let finished = check(&[server.url()])
            .args(["--start-id", &first, "--on-resume-failed", choice])
            .run()
            .exit(0);
        let resume = only(&records(&finished), "resume");
        has_warning(
            &resume,
            &["no longer has operation", &first, "--on-resume-failed"],
        );
        assert_eq!(resume["kept"], false);
        assert!(resume["waiting"].as_u64().unwrap() >= 2, "{resume}");
    }
    // It ends a run that was told to end then.
    let finished = check(&[server.url()])
        .args(["--start-id", &first, "--on-resume-failed", "exit"])
        .run()
        .exit(6);
    has_problem(
        &only(&records(&finished), "resume"),
        &["no longer has operation"],
    );
}

#[test]
fn whether_it_is_kept_is_not_always_known() {
    let (server, _) = with_three();
    let newest = server.newest().unwrap().to_string();
    for (start, value, waiting) in [
        ("--start-id", newest.as_str(), 0),
        ("--start-id", "1", 3),
        ("--since", "5m", 2),
    ] {
        let finished = check(&[server.url()]).args([start, value]).run().exit(0);
        let resume = only(&records(&finished), "resume");
        is_fine(&resume);
        assert_eq!(resume["kept"], Value::Null, "{value}");
        // A replication leaves out what changed in the second of the newest operation.
        let told = resume["waiting"].as_u64().unwrap();
        assert!(
            (waiting.max(1) - 1..=waiting).contains(&told),
            "{value}: {told}"
        );
        assert_eq!(resume["all_counted"], true);
    }
    let gone = scripted(
        Script::events("id: \nevent: live\n\n").stall(),
        Script::status(404),
    );
    let finished = check(&[gone.url()])
        .args(["--start-id", &operation_id(1)])
        .run()
        .exit(0);
    assert_eq!(only(&records(&finished), "resume")["kept"], false);
}

/// `reset` and `live` are no operations, heartbeats are silence.
#[test]
fn what_counts() {
    let states = object_at(1_795_456_511_846, "a") + &object_at(1_795_456_511_846, "b");
    let body = format!(
        "id: 1\nevent: reset\n\n{states}id: 1795456511846\nevent: live\n\n:\n{}\n\n",
        insert(1)
    );
    let heartbeats = Script::events(body).heartbeats(Duration::from_millis(20));
    let server = scripted(heartbeats, Script::status(404));
    let finished = check(&[server.url()])
        .args(["--start-id", "0"])
        .run()
        .exit(0);
    let resume = only(&records(&finished), "resume");
    is_fine(&resume);
    assert_eq!(
        (&resume["waiting"], &resume["all_counted"]),
        (&json!(3), &json!(true))
    );
    finished.within(Duration::from_secs(15));
}

/// An operation that is on its way is no silence.
#[test]
fn an_operation_that_comes_slowly() {
    let operation = insert(2).into_bytes();
    let pieces = operation.chunks(operation.len() / 5);
    let stream = pieces.fold(Script::events(insert(1)), |stream, piece| {
        stream.pause(Duration::from_millis(400)).send(piece)
    });
    let server = scripted(stream.stall(), Script::status(404));
    let finished = check(&[server.url()])
        .args(["--start-id", &operation_id(0)])
        .run()
        .exit(0);
    assert_eq!(only(&records(&finished), "resume")["waiting"], 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_log_that_never_rests_ends_with_the_time_and_takes_no_memory() {
    let server = scripted(
        Script::events("").flood(insert_numbered),
        Script::status(404),
    );
    let mut running = check(&[server.url()])
        .args(["--start-id", &operation_id(0), "--timeout", "2s"])
        .spawn();
    // The agent is told as soon as it is known.
    running.read_line();
    let deadline = std::time::Instant::now() + Duration::from_secs(1);
    let mut most = 0;
    while std::time::Instant::now() < deadline && running.is_running() {
        most = running.memory_kib("VmHWM");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most < 100 << 10, "{most} KiB");
    let finished = running.wait().exit(0).within(Duration::from_secs(6));
    let resume = only(&records(&finished), "resume");
    assert_eq!(
        (&resume["kept"], &resume["all_counted"]),
        (&json!(true), &json!(false))
    );
    assert!(resume["waiting"].as_u64().unwrap() > 1000, "{resume}");
}

/// What waited has come at the first operation that is younger than the check.
#[test]
fn a_log_that_never_rests_is_counted_up_to_the_check() {
    let (server, first) = with_three();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // An end of its own, so that a failure is told.
            for number in 0..800 {
                // Past the margin for clocks that differ.
                let change = Change::update("video", "1");
                server.append_at(&change, now_ms() + 20_000 + number);
                std::thread::sleep(Duration::from_millis(50));
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let finished = check(&[server.url()]).args(["--start-id", &first]).run();
        is_over.store(true, Ordering::Relaxed);
        let finished = finished.exit(0).within(Duration::from_secs(20));
        two_wait(&finished);
    });
}

/// A server sorts all states before the first one comes.
#[test]
fn states_that_are_long_in_coming() {
    let states = object_at(1_795_456_511_846, "a") + &object_at(1_795_456_511_846, "b");
    let live = "id: 1795456511846\nevent: live\n\n";
    at_once(
        [
            &["--start-id", "1795456511846"][..],
            &["--since", "2026-11-23T10:00:00Z"],
            &["--allow-replication"],
        ],
        |args| {
            let pause = Duration::from_millis(1500);
            let stream = Script::events("").pause(pause).send(states.clone());
            let stream = stream.pause(pause).send(live).stall();
            let server = scripted(stream, Script::status(404));
            let finished = check(&[server.url()]).args(args).run().exit(0);
            two_wait(&finished);
        },
    );
}

#[test]
fn a_position_in_the_future() {
    let (server, _) = with_three();
    let id = |ahead_ms| format!("{:08x}686c822d00000001", (now_ms() + ahead_ms) / 1000);
    let words = ["in the future", "another system", "--since"];
    let finished = check(&[server.url()])
        .args([
            "--start-id",
            &id(60 * MINUTE_MS),
            "--on-resume-failed",
            "replicate",
        ])
        .run()
        .exit(0);
    let resume = only(&records(&finished), "resume");
    assert!(
        resume["warnings"].to_string().contains(words[0]),
        "{resume}"
    );
    // One that is saved is told at the file.
    let state = State::holding(id(60 * MINUTE_MS));
    let finished = check(&[server.url()]).state(state.path()).run().exit(0);
    has_warning(&only(&records(&finished), "state"), &words);
    let resume = only(&records(&finished), "resume");
    assert!(
        !resume["warnings"].to_string().contains(words[0]),
        "{resume}"
    );
    // Clocks differ a little.
    let state = State::holding(id(MINUTE_MS / 2));
    let finished = check(&[server.url()]).state(state.path()).run().exit(0);
    is_fine(&only(&records(&finished), "state"));
}

#[test]
fn a_connection_that_ends() {
    at_once(
        [
            Script::events(insert(2) + &insert(3)),
            Script::events(insert(2) + &insert(3) + "id: 1"),
            Script::events(insert(2) + &insert(3)).reset(),
        ],
        |stream| {
            let server = scripted(stream, Script::status(404));
            let finished = check(&[server.url()])
                .args(["--start-id", &operation_id(1)])
                .run()
                .exit(0);
            let resume = only(&records(&finished), "resume");
            has_warning(&resume, &["the connection broke"]);
            assert_eq!(
                (&resume["waiting"], &resume["all_counted"]),
                (&json!(2), &json!(false))
            );
        },
    );
    // An agent whose log is empty crashes at every request.
    let server = scripted(Script::events(""), Script::status(404));
    let finished = check(&[server.url()])
        .args(["--start-id", &operation_id(1)])
        .run()
        .exit(4);
    has_problem(
        &only(&records(&finished), "resume"),
        &["ended", "log is empty"],
    );
}
