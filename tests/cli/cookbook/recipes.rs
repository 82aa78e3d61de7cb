//! Recipes that look.

use oplog_tail::server::now_ms;
use oplog_tail::server::object::Change;
use serde_json::Value;

use super::kitchen::{Kitchen, Served, in_both_shells, recipe};
use crate::support::{PATIENCE, Replica, from_now, keeping_server};

/// What a run says that ends before what its replication left out has come.
pub const INCOMPLETE: &str = "oplog-tail: objects that changed in the second before the replication may be missing, \
     because they come only after the next operation of the log; \
     without --state the next run starts over; --until-complete waits for them";

/// The same of a run that keeps its position.
pub fn incomplete_with_state() -> String {
    INCOMPLETE.replace(
        "without --state the next run starts over",
        "the next run continues where this one stopped",
    )
}

/// Runs the snapshot, as it stands or changed, on a log where something happens ten seconds later,
/// by the clock of the model.
pub fn take_snapshot(kitchen: &Kitchen, script: &str) -> Served {
    let cooking = kitchen.start(script);
    kitchen.wait_until("live", || kitchen.read("snapshot.part").contains("live"));
    kitchen
        .server
        .append_at(&Change::insert("video", "later"), now_ms() + 10_000);
    cooking.wait()
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

#[test]
fn count() {
    in_both_shells("count", &["jq"], |kitchen| {
        let cooking = kitchen.cook("count");
        kitchen.wait_for_requests(1);
        for number in 0..1000 {
            let id = number.to_string();
            kitchen.server.append(&match number % 10 {
                0..6 => Change::update("video", &id),
                6..9 => Change::insert("user", &id),
                _ => Change::delete("video", &id),
            });
        }
        let served = cooking.wait().ended(0, "");
        let lines = served.stdout.lines().map(str::trim);
        assert_eq!(
            lines.collect::<Vec<_>>(),
            ["600 video update", "300 user insert", "100 video delete"]
        );
    });
}

#[test]
fn deletions() {
    in_both_shells("deletions", &["jq"], |kitchen| {
        let cooking = kitchen.cook("deletions");
        kitchen.wait_for_requests(1);
        for change in [
            Change::insert("video", "1"),
            Change::delete("video", "1"),
            Change::delete("user", "2"),
            Change::delete("video", "3"),
        ] {
            kitchen.server.append(&change);
        }
        // They come out though nothing follows.
        kitchen.wait_until("two lines", || cooking.stdout().lines().count() == 2);
        let stdout = cooking.stdout();
        let objects = stdout.lines().map(|line| {
            let data: Value = serde_json::from_str(line).unwrap();
            format!("{}/{}", data["type"], data["id"])
        });
        assert_eq!(
            objects.collect::<Vec<_>>(),
            [r#""video"/"1""#, r#""video"/"3""#]
        );
    });
}

#[test]
fn snapshot() {
    in_both_shells("snapshot", &[], |kitchen| {
        for id in ["1", "2", "3"] {
            kitchen.server.append(&Change::insert("video", id));
        }
        kitchen.server.append(&Change::delete("video", "2"));
        take_snapshot(kitchen, &recipe("snapshot")).ended(0, "");
        let lines = kitchen.lines("snapshot.jsonl");
        assert_eq!(
            Replica::of(&lines).names(),
            ["video/1", "video/3", "video/later"]
        );
        let live = lines
            .iter()
            .filter(|line| line.ends_with(r#""event":"live"}"#));
        assert_eq!(live.count(), 1);
    });
}

#[test]
fn half_a_snapshot_is_none() {
    in_both_shells("half_a_snapshot_is_none", &[], |kitchen| {
        let nowhere = format!("{}nowhere", kitchen.server.url());
        kitchen.env("OPLOG_TAIL_URL", &nowhere);
        assert_eq!(kitchen.cook("snapshot").wait().status, 4);
        assert!(!kitchen.path("snapshot.jsonl").exists());
        // On a log at rest it never gets complete.
        kitchen.env("OPLOG_TAIL_URL", &kitchen.server.url());
        kitchen.server.append(&Change::insert("video", "1"));
        let soon = recipe("snapshot").replace("--timeout 1m", "--timeout 1s");
        let served = kitchen.start(&soon).wait();
        assert_eq!(served.status, 7, "{}", served.stderr);
        assert!(served.stderr.contains(INCOMPLETE), "{}", served.stderr);
        assert!(!kitchen.path("snapshot.jsonl").exists());
    });
}

#[test]
fn catch_up() {
    in_both_shells("catch_up", &[], |kitchen| {
        kitchen
            .server
            .append_at(&Change::insert("video", "old"), now_ms() - HOUR_MS);
        let told = from_now("position");
        kitchen.cook("catch-up").wait().ended(0, told.trim_end());
        assert_eq!(kitchen.read("operations.jsonl"), "");
        assert_eq!(kitchen.read("position").len(), 24);
        for ids in [["1", "2"], ["3", "4"]] {
            for id in ids {
                kitchen.server.append(&Change::insert("video", id));
            }
            // The position is a time until the log has gone on for five seconds, so each run gets
            // states.
            let served = kitchen.cook("catch-up").wait();
            served.ended(0, &incomplete_with_state());
            let replica = Replica::of(&kitchen.lines("operations.jsonl"));
            assert!(replica.names().contains(&format!("video/{}", ids[0])));
            assert!(replica.names().contains(&format!("video/{}", ids[1])));
            assert!(!replica.names().contains(&"video/old".to_owned()));
        }
    });
}

#[test]
fn since() {
    in_both_shells("since", &["jq"], |kitchen| {
        let now = now_ms();
        for (change, ago) in [
            (Change::insert("video", "old"), 4 * HOUR_MS),
            (Change::insert("video", "gone"), 3 * HOUR_MS),
            (Change::insert("video", "new"), HOUR_MS),
            (Change::delete("video", "gone"), 30 * MINUTE_MS),
        ] {
            kitchen.server.append_at(&change, now - ago);
        }
        let served = kitchen.cook("since").wait().ended(0, INCOMPLETE);
        let lines = served.stdout.lines();
        let lines: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
        let events: Vec<_> = lines.iter().map(|(_, rest)| *rest).collect();
        assert_eq!(events, ["insert video/new", "delete video/gone"]);
        assert!(lines.iter().all(|(time, _)| time.ends_with('Z')));
    });
}

#[test]
fn lag() {
    in_both_shells("lag", &["jq"], |kitchen| {
        kitchen.tool("logger", r#"echo "$*" >> log"#);
        let _cooking = kitchen.cook("lag");
        kitchen.wait_for_requests(1);
        let late = Change::insert("video", "late").timestamp(now_ms() - 10_000);
        for change in [
            &Change::insert("video", "fine"),
            &late,
            &Change::insert("video", "fine too"),
        ] {
            kitchen.server.append(change);
        }
        kitchen.wait_until("an alert", || kitchen.read("log").ends_with('\n'));
        let log = kitchen.read("log");
        let ms = log
            .strip_prefix("-t oplog video/late came ")
            .and_then(|rest| rest.strip_suffix(" ms late\n"))
            .and_then(|ms| ms.parse::<u64>().ok());
        assert!(ms.is_some_and(|ms| (10_000..60_000).contains(&ms)), "{log}");
    });
}

#[test]
fn compare() {
    in_both_shells("compare", &["jq"], |kitchen| {
        let other = keeping_server();
        kitchen.env("AGENT_A", &kitchen.server.url());
        kitchen.env("AGENT_B", &other.url());
        for id in ["1", "2"] {
            let change = Change::insert("video", id).timestamp(now_ms());
            kitchen.server.append(&change);
            other.append(&change);
        }
        let twice = format!("{INCOMPLETE}\n{INCOMPLETE}");
        let served = kitchen.cook("compare").wait().ended(0, &twice);
        assert_eq!(served.stdout, "both deliver the same\n");
        other.append(&Change::insert("video", "3"));
        let served = kitchen.cook("compare").wait().ended(1, &twice);
        assert!(served.stdout.contains("> video/3 "), "{}", served.stdout);
        // An agent that refuses is no agent that delivers the same nothing.
        kitchen.env("AGENT_A", &format!("{}nowhere", kitchen.server.url()));
        assert_eq!(kitchen.cook("compare").wait().status, 4);
    });
}

#[test]
fn missing() {
    in_both_shells("missing", &[], |kitchen| {
        let server = &kitchen.server;
        let changed = now_ms() - MINUTE_MS;
        for number in 0..40 {
            let change = Change::insert("video", &number.to_string()).timestamp(changed);
            server.append_at(&change, changed);
        }
        let lost = ["video/17", "video/3", "video/30", "video/4", "video/8"];
        let objects = server.objects().into_iter();
        let index: String = objects
            .filter(|(name, _)| !lost.contains(&name.as_str()))
            .map(|(_, data)| data + "\n")
            .collect();
        std::fs::write(kitchen.path("index.jsonl"), index).unwrap();
        let cooking = kitchen.cook("missing");
        server.wait_for_requests(1, PATIENCE);
        server.settle();
        server.append_at(&Change::delete("video", "later"), now_ms() + 10_000);
        let served = cooking.wait();
        assert_eq!(served.status, 8, "{}", served.stderr);
        let names: Vec<_> = served
            .stdout
            .lines()
            .map(|line| line.split(' ').nth(1))
            .collect();
        assert_eq!(names, lost.map(Some), "{}", served.stdout);
    });
}

#[test]
fn behind() {
    in_both_shells("behind", &[], |kitchen| {
        let minute_ago = now_ms() - MINUTE_MS;
        let reached = kitchen
            .server
            .append_at(&Change::insert("video", "handled"), minute_ago - 1000);
        for id in ["1", "2"] {
            let waiting = Change::insert("video", id);
            kitchen.server.append_at(&waiting, minute_ago);
        }
        std::fs::write(kitchen.path("position"), reached.to_string()).unwrap();
        let served = kitchen.cook("behind").wait().ended(0, "");
        let records = served.stdout.lines().map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["warnings"], serde_json::json!([]), "{record}");
            record
        });
        let records: Vec<_> = records.collect();
        let kinds: Vec<_> = records.iter().map(|record| &record["check"]).collect();
        assert_eq!(kinds, ["agent", "state", "resume"]);
        assert_eq!(records[2]["waiting"], 2);
        let oldest = records[2]["oldest_ms"].as_u64().unwrap();
        assert!((60_000..120_000).contains(&oldest), "{oldest}");
        assert_eq!(kitchen.read("position"), reached.to_string());
    });
}

#[test]
fn check() {
    in_both_shells("check", &["jq"], |kitchen| {
        kitchen.tool("logger", r#"echo "$*" >> log"#);
        let now = now_ms();
        let reached = kitchen
            .server
            .append_at(&Change::insert("video", "1"), now - HOUR_MS);
        std::fs::write(kitchen.path("position"), reached.to_string()).unwrap();
        // Nothing is wrong but that nobody consumes.
        kitchen.cook("check").wait().ended(0, "");
        assert_eq!(
            kitchen.read("log"),
            "-t oplog state position: no consumer runs\n"
        );
        kitchen
            .server
            .append_at(&Change::insert("video", "2"), now - HOUR_MS / 2);
        kitchen.server.figures().events_discarded = 3;
        kitchen.cook("check").wait().ended(0, "");
        let url = kitchen.server.url();
        for line in [
            &format!("-t oplog agent {url}: it has discarded 3 operations"),
            &format!("-t oplog resume {url}: 1 operations wait"),
        ] {
            assert!(
                kitchen.read("log").contains(line),
                "{}",
                kitchen.read("log")
            );
        }
        // A consumer that runs and is up to date, and an agent that is well.
        std::fs::remove_file(kitchen.path("log")).unwrap();
        kitchen.server.figures().events_discarded = 0;
        let consumer = kitchen.start("exec oplog-tail --state position > operations");
        kitchen.wait_until_caught_up();
        kitchen.start(&recipe("check")).wait().ended(0, "");
        assert_eq!(kitchen.read("log"), "");
        drop(consumer);
        std::fs::write(kitchen.path("position"), "nonsense").unwrap();
        kitchen.cook("check").wait().ended(0, "");
        let log = kitchen.read("log");
        assert!(log.contains("state position: holds \"nonsense\""), "{log}");
    });
}
