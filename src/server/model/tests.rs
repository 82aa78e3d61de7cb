use super::*;

/// The clock of the recordings in `tests/fixtures`, ms.
const BASE: u64 = 1_795_456_000_000;
const QUOTED: &str = "été ☃ \"quoted\" \\ back";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/", $name))
    };
}

fn model(lossy: bool) -> Model {
    let mut model = Model::new(ModelConfig {
        object_url: Some("http://api.example.com/{{type}}/{{id}}".into()),
        lossy,
        ..ModelConfig::default()
    });
    model.id_tail = 0x686c_822d_8e07_494d - 7;
    model
}

fn at(model: &mut Model, ms: u64, change: &Change) -> ObjectId {
    model.append(change, BASE + ms)
}

/// What had happened when `replication.sse` was recorded.
fn before_replication(lossy: bool) -> Model {
    let mut model = model(lossy);
    let v2 = Change::insert("video", "v2").parents(["user/u2", "video/v2"]);
    at(&mut model, 509_994, &v2.timestamp(BASE + 509_993));
    let u1 = Change::insert("user", "u1").parents(["user/u1"]);
    at(&mut model, 510_520, &u1.timestamp(1_415_271_879_041));
    let quoted = Change::insert("playlist", QUOTED);
    at(&mut model, 510_535, &quoted.timestamp(BASE + 510_530));
    at(&mut model, 510_540, &Change::insert("video", "v3"));
    let v1 = Change::insert("video", "v1").parents(["user/u1"]);
    at(&mut model, 511_846, &v1);
    at(&mut model, 511_858, &Change::delete("video", "v3"));
    let v4 = Change::insert("video", "v4").timestamp(BASE + 513_173);
    at(&mut model, 513_174, &v4);
    model
}

/// What happened while `live.sse` was recorded.
fn change(model: &mut Model) {
    let v1 = Change::update("video", "v1").parents(["user/u1"]);
    at(model, 517_996, &v1);
    at(model, 518_004, &Change::delete("playlist", QUOTED));
    let v5 = Change::insert("video", "v5").parents(["user/u2"]);
    at(model, 518_012, &v5.timestamp(BASE + 518_011));
}

/// What happened between the other recordings and `fallback.sse`.
fn overrun(model: &mut Model) {
    let times = [
        (549_923, 922),
        (549_930, 930),
        (549_937, 937),
        (549_944, 944),
        (549_950, 950),
        (549_956, 956),
        (549_963, 962),
        (549_969, 969),
        (549_975, 975),
        (549_981, 981),
        (549_988, 988),
        (549_994, 994),
        (550_001, 1001),
        (550_007, 1007),
        (550_013, 1013),
        (550_019, 1019),
        (550_027, 1027),
        (550_034, 1033),
        (550_040, 1039),
        (550_046, 1046),
    ];
    for (number, (ms, data_ms)) in (1..).zip(times) {
        let change = Change::insert("video", &format!("n{number}"));
        at(model, ms, &change.timestamp(BASE + 549_000 + data_ms));
    }
    at(model, 551_100, &Change::delete("video", "n7"));
    model.shrink_log(5);
}

fn subscribe(model: &mut Model, last_event_id: &str) -> Subscription {
    model
        .subscribe(Some(last_event_id), Filter::default())
        .unwrap()
}

fn drain(model: &mut Model, subscription: &Subscription) -> String {
    let mut out = Vec::new();
    while model.poll(subscription, &mut out) == Polled::More {}
    String::from_utf8(out).unwrap()
}

fn sent(model: &mut Model, last_event_id: &str) -> String {
    let subscription = subscribe(model, last_event_id);
    drain(model, &subscription)
}

#[test]
fn replicates_all_but_the_second_of_the_newest_operation() {
    assert_eq!(
        sent(&mut before_replication(true), "0"),
        fixture!("replication.sse")
    );
}

#[test]
fn replicates_everything_without_the_fault() {
    let mut model = before_replication(false);
    let stream = sent(&mut model, "0");
    assert!(stream.contains(r#""id":"v4""#), "{stream}");
    assert!(stream.ends_with("id: 1795456513174\nevent: live\n\n"));
}

#[test]
fn filters_by_type_and_parent() {
    let mut model = before_replication(true);
    let mut filtered = |types: &[&str], parents: &[&str]| {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let filter = Filter {
            types: owned(types),
            parents: owned(parents),
        };
        let subscription = model.subscribe(Some("0"), filter).unwrap();
        drain(&mut model, &subscription)
    };
    assert_eq!(
        filtered(&["video"], &[]),
        fixture!("replication-types-video.sse")
    );
    let both = filtered(&["video", "user"], &["user/u1", "user/u9"]);
    assert!(both.contains(r#""id":"v1""#) && both.contains(r#""id":"u1""#));
    assert!(!both.contains(r#""id":"v2""#));
}

#[test]
fn without_a_position_only_what_follows_is_sent() {
    let mut model = before_replication(true);
    let subscription = model.subscribe(None, Filter::default()).unwrap();
    assert_eq!(drain(&mut model, &subscription), "");
    change(&mut model);
    let heartbeat = ":\n";
    assert_eq!(
        drain(&mut model, &subscription) + heartbeat,
        fixture!("live.sse")
    );
}

#[test]
fn resumes_after_an_operation_in_the_log() {
    let mut model = before_replication(true);
    change(&mut model);
    assert_eq!(
        sent(&mut model, "6b047e05686c822d8e07494d"),
        fixture!("resume-operation.sse")
    );
}

#[test]
fn a_time_brings_no_deletions() {
    let mut model = before_replication(true);
    change(&mut model);
    assert_eq!(
        sent(&mut model, "1795456511846"),
        fixture!("resume-timestamp.sse")
    );
}

#[test]
fn a_synthetic_operation_brings_deletions() {
    let mut model = before_replication(true);
    change(&mut model);
    assert_eq!(
        sent(&mut model, "6b047dff0000000000000000"),
        fixture!("resume-synthetic.sse")
    );
}

#[test]
fn an_operation_that_has_left_the_log_brings_the_states_since() {
    let mut model = before_replication(true);
    change(&mut model);
    overrun(&mut model);
    let first_of_live = "6b047e05686c822d8e07494d";
    assert_eq!(sent(&mut model, first_of_live), fixture!("fallback.sse"));
}

#[test]
fn a_fallback_from_second_0_resets_and_has_deletions() {
    let mut model = before_replication(true);
    let stream = sent(&mut model, "00000000686c822d8e07494d");
    assert!(stream.starts_with("id: 1\nevent: reset\n\n"));
    assert!(stream.contains("event: delete\n"));
    assert!(!sent(&mut model, "000000010000000000000000").contains("reset"));
}

#[test]
fn live_has_an_empty_id_where_nothing_was_replicated() {
    let mut model = before_replication(true);
    assert_eq!(sent(&mut model, "9999999999999"), "id: \nevent: live\n\n");
}

#[test]
fn an_empty_log_bounds_nothing() {
    let mut model = before_replication(true);
    model.shrink_log(0);
    assert_eq!(model.newest(), None);
    let subscription = subscribe(&mut model, "0");
    assert!(drain(&mut model, &subscription).contains(r#""id":"v4""#));
    change(&mut model);
    assert!(drain(&mut model, &subscription).contains("6b047e05686c822d8e07494d"));
}

#[test]
fn what_changes_during_a_replication_follows_it() {
    for lossy in [true, false] {
        let mut model = model(lossy);
        for number in 0..3 * BATCH {
            at(&mut model, 1, &Change::insert("video", &number.to_string()));
        }
        at(&mut model, 5500, &Change::insert("video", "newest"));
        let subscription = subscribe(&mut model, "0");
        let mut out = Vec::new();
        assert_eq!(model.poll(&subscription, &mut out), Polled::More);
        at(&mut model, 7000, &Change::update("video", "1400"));
        let rest = drain(&mut model, &subscription);
        let (replicated, live) = rest.split_once("event: live").unwrap();
        assert!(!replicated.contains(r#""id":"1400""#));
        assert_eq!(live.matches(r#""id":"1400""#).count(), 1);
        assert_eq!(replicated.contains("newest"), !lossy);
    }
}

#[test]
fn a_slow_subscription_loses_or_ends() {
    for (lossy, outcome) in [(true, Polled::Waiting), (false, Polled::Ended)] {
        let mut model = model(lossy);
        model.config.capacity = 3;
        let subscription = model.subscribe(None, Filter::default()).unwrap();
        for number in 0..5 {
            at(&mut model, 1, &Change::insert("video", &number.to_string()));
        }
        let mut out = Vec::new();
        assert_eq!(model.poll(&subscription, &mut out), outcome);
        assert_eq!(out.is_empty(), !lossy);
        assert_eq!(model.log.appended() - model.log.first(), 3);
    }
}

#[test]
fn the_store_makes_the_ids_and_each_agent_stamps_states() {
    let mut model = model(true);
    let first = model.append_by(-2500, &Change::insert("user", "behind"), BASE);
    let second = model.append_by(2500, &Change::insert("user", "ahead"), BASE - 1000);
    assert_eq!(u64::from(first.second()) * 1000, BASE);
    assert_eq!(u64::from(second.second()) * 1000, BASE);
    assert!(second > first, "the clock of a store never runs backwards");
    assert_eq!(model.newest(), Some(second));
    at(&mut model, 9000, &Change::insert("user", "last"));
    let stream = sent(&mut model, "0");
    for (object, offset) in [("behind", -2500), ("ahead", 2500)] {
        let ms = BASE.saturating_add_signed(offset);
        let event = format!("id: {ms}\nevent: insert\ndata: {{\"timestamp\":\"");
        let (_, data) = stream.split_once(&event).unwrap();
        assert!(data.lines().next().unwrap().contains(object), "{stream}");
    }
}

/// `oplogd` resumes behind the gap, and nothing in the stream tells.
#[test]
fn what_an_overtaken_subscription_skips_is_counted() {
    let mut model = model(true);
    model.config.capacity = 3;
    let filter = Filter {
        types: vec!["video".into()],
        ..Filter::default()
    };
    let slow = model.subscribe(None, filter).unwrap();
    let fast = model.subscribe(None, Filter::default()).unwrap();
    let ended = model.subscribe(None, Filter::default()).unwrap();
    let mut ids = Vec::new();
    for number in 0..8 {
        let kind = ["video", "user"][number % 2];
        let change = Change::insert(kind, &number.to_string());
        ids.push(at(&mut model, 1, &change));
        drain(&mut model, &fast);
    }
    assert_eq!(model.gaps(), [], "nobody has gone on behind a gap");
    let stream = drain(&mut model, &slow);
    assert!(stream.contains(r#""id":"6""#) && !stream.contains(r#""id":"4""#));
    // Videos 0, 2 and 4.
    let (count, newest) = (3, ids[4]);
    assert_eq!(model.gaps(), [Gap { count, newest }]);
    assert_eq!(model.skipped(), 3);
    drain(&mut model, &ended);
    assert_eq!((model.skipped(), model.gaps().len()), (8, 2));
    model.end(&slow);
    model.end(&ended);
    assert_eq!(model.subscribers(), 1);
}

#[test]
fn after_an_error_of_the_store_a_fallback_has_no_more_deletions() {
    for states in 0..=4 {
        let mut model = model(true);
        for number in 0..4 {
            let change = Change::delete("video", &number.to_string());
            at(&mut model, number, &change);
        }
        at(&mut model, 10, &Change::insert("video", "there"));
        at(&mut model, 5000, &Change::insert("video", "newest"));
        model.fail_after_states(states);
        let second = format!("{:08x}0000000000000000", BASE / 1000);
        let stream = sent(&mut model, &second);
        assert_eq!(stream.matches("event: delete").count(), states.min(4));
        assert!(stream.contains("there"), "{stream}");
        assert_eq!(stream.matches("event: live").count(), 1);
        assert_eq!(model.states.failing_after, None);
        let again = sent(&mut model, &second);
        assert_eq!(again.matches("event: delete").count(), 4, "asked again");
    }
}

/// `oplogd` asks for `insert` alone, unless it falls back.
#[test]
fn replications_leave_out_what_oplog_sync_wrote() {
    let mut model = model(true);
    let synced = at(&mut model, 1000, &Change::create("video", "synced"));
    at(&mut model, 2000, &Change::insert("video", "inserted"));
    at(&mut model, 9000, &Change::insert("video", "newest"));
    let has = |stream: &str| stream.contains("event: create\ndata: ");
    assert!(!has(&sent(&mut model, "0")));
    assert!(!has(&sent(&mut model, "1")));
    assert!(has(&sent(&mut model, "000000010000000000000000")));
    let live = model.subscribe(None, Filter::default()).unwrap();
    at(&mut model, 9500, &Change::create("video", "synced"));
    assert!(has(&drain(&mut model, &live)));
    assert!(model.objects().contains_key("video/synced"));
    at(&mut model, 19_000, &Change::insert("video", "newest"));
    model.shrink_log(1);
    assert!(has(&sent(&mut model, &synced.to_string())));
}

#[test]
fn objects_are_those_that_live() {
    let mut model = before_replication(true);
    change(&mut model);
    let objects = model.objects();
    let keys: Vec<_> = objects.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["user/u1", "video/v1", "video/v2", "video/v4", "video/v5"]
    );
    assert!(fixture!("live.sse").contains(&objects["video/v5"]));
}

#[test]
fn refuses_what_is_no_position() {
    let mut model = model(true);
    for text in ["abc", "12345678901234", "-1"] {
        assert!(model.subscribe(Some(text), Filter::default()).is_err());
    }
    assert!(model.subscribe(Some(""), Filter::default()).is_ok());
}
