//! What is a difference, and how it is printed.

use oplog_tail::server::ServerConfig;
use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::Change;

use super::scene::{Scene, line, record, time, unix_ms};
use crate::support::{AfterLast, Script, ScriptServer, Tail};

/// A server with one object of each kind, and the dump that differs from it.
fn every_kind() -> (Scene, String) {
    let scene = Scene::new();
    scene.has(Change::insert("video", "same"), 1000);
    scene.has(Change::insert("video", "missing"), 2000);
    scene.has(Change::update("video", "older"), 3000);
    scene.has(Change::insert("user", "newer"), 4000);
    scene.has(Change::insert("user", "gone"), 4000);
    scene.has(Change::delete("user", "gone"), 5000);
    scene.has(Change::create("video", "synced"), 6000);
    let dump = [
        line("video/older", 2999),
        line("user/newer", 4001),
        line("user/gone", 4000),
        line("user/extra", 4000),
        line("video/same", 1000),
        line("video/synced", 6000),
        line("video/last", 7000),
    ];
    (scene, dump.concat())
}

#[test]
fn every_difference_in_order() {
    let (scene, dump) = every_kind();
    scene.has(Change::insert("video", "last"), 7000);
    let records = [
        record("extra", "user/extra", None, Some(4000)),
        record("extra", "user/gone", None, Some(4000)),
        record("newer", "user/newer", Some(4000), Some(4001)),
        record("missing", "video/missing", Some(2000), None),
        record("older", "video/older", Some(3000), Some(2999)),
    ];
    let told = format!(
        "oplog-tail: compared 7 objects in the dump with 6 on the server: 1 missing, 1 older, \
         1 newer, 2 extra; 0 changed after the newest timestamp of the dump ({}) and do not count\n",
        time(7000)
    );
    let finished = scene.differs(&*dump, &records);
    assert_eq!(finished.stderr, told);
    let request = &scene.requests()[0];
    assert_eq!(
        request.header("last-event-id"),
        Some("000000010000000000000000")
    );
    scene
        .compare(&*dump, &["-q"])
        .exit(8)
        .stdout_is(&records)
        .stderr_is_empty();
}

#[test]
fn text_for_people() {
    let (scene, dump) = every_kind();
    scene.has(Change::insert("video", "last"), 7000);
    let server = |ms| format!("server {}", time(ms));
    let dumped = |ms| format!("dump {}", time(ms));
    let lines = [
        format!("extra user/extra  server -  {}", dumped(4000)),
        format!("extra user/gone  server -  {}", dumped(4000)),
        format!("newer user/newer  {}  {}", server(4000), dumped(4001)),
        format!("missing video/missing  {}  dump -", server(2000)),
        format!("older video/older  {}  {}", server(3000), dumped(2999)),
    ];
    let text = scene.compare(&*dump, &["-o", "text"]);
    text.exit(8).stdout_is(&lines);
    let colored = scene.compare(&*dump, &["-o", "text", "--color", "always"]);
    assert!(colored.exit(8).stdout_text().contains("\u{1b}["));
}

#[test]
fn the_same_is_no_difference() {
    let scene = Scene::new();
    for number in 0..500 {
        scene.has(Change::insert("video", &number.to_string()), number);
    }
    // As jq makes it of what this program prints.
    let dump = scene.objects().into_values();
    let dump: String = dump.map(|data| data + "\n").collect();
    let finished = scene.differs(format!("null\n{dump}null\n"), &[]);
    finished.stderr_has("compared 500 objects in the dump with 500 on the server: 0 missing");
}

#[test]
fn times_are_compared_whatever_their_offset_or_digits() {
    let scene = Scene::new();
    for id in ["1", "2", "3", "4"] {
        scene.has(Change::insert("video", id), 1120);
    }
    let line = |id: &str, time: &str| {
        format!("{{\"id\":\"{id}\",\"type\":\"video\",\"timestamp\":\"{time}\"}}\n")
    };
    let dump = [
        line("1", "2026-11-23T17:55:01.12Z"),
        line("2", "2026-11-23T09:55:01.120999-08:00"),
        line("3", "2026-11-23T23:25:01.120+05:30"),
        line("4", "2026-11-23T17:55:01.121000000Z"),
    ];
    scene.differs(
        dump.concat(),
        &[record("newer", "video/4", Some(1120), Some(1121))],
    );
}

#[test]
fn what_changed_after_the_dump_is_no_difference() {
    let scene = Scene::new();
    scene.has(Change::insert("video", "at"), 5000);
    scene.has(Change::update("video", "updated"), 5001);
    scene.has(Change::insert("video", "new"), 5001);
    scene.has(Change::delete("video", "deleted"), 5001);
    scene.has(Change::delete("video", "come and gone"), 5001);
    let dump = [
        line("video/updated", 1000),
        line("video/deleted", 1000),
        line("video/newest", 5000),
    ];
    scene.has(Change::insert("video", "newest"), 5000);
    let records = [record("missing", "video/at", Some(5000), None)];
    scene
        .differs(dump.concat(), &records)
        .stderr_has("compared 3 objects in the dump with 4 on the server: 1 missing")
        .stderr_has("; 4 changed after the newest timestamp of the dump");
}

#[test]
fn operations_meanwhile_count() {
    let scene = Scene::new();
    for id in ["changed", "deleted", "kept"] {
        scene.has(Change::insert("video", id), 1000);
    }
    scene.has(Change::insert("video", "last"), 2000);
    let dump = ["changed", "deleted", "kept", "last"];
    let dump = dump.map(|id| line(&format!("video/{id}"), 1000)).concat() + &line("video/l", 9000);
    let run = scene.tail().stdin_bytes(dump).spawn();
    scene.wait_for_requests(1, crate::support::PATIENCE);
    scene.settle();
    // Their timestamps lie before the newest one of the dump.
    scene.changes(Change::update("video", "changed"), 8000);
    scene.changes(Change::delete("video", "deleted"), 8000);
    scene.changes(Change::insert("video", "new"), 8000);
    let finished = scene.while_it_ticks(|| run.wait());
    finished.exit(8).stdout_is(&[
        record("older", "video/changed", Some(8000), Some(1000)),
        record("extra", "video/deleted", None, Some(1000)),
        record("extra", "video/l", None, Some(9000)),
        record("older", "video/last", Some(2000), Some(1000)),
        record("missing", "video/new", Some(8000), None),
    ]);
}

#[test]
fn an_empty_dump_makes_every_object_missing() {
    let scene = Scene::new();
    scene.has(Change::insert("video", "1"), 1000);
    scene.has(Change::insert("video", "2"), 1000);
    scene.has(Change::delete("video", "2"), 2000);
    let finished = scene.differs("", &[record("missing", "video/1", Some(1000), None)]);
    let told = "oplog-tail: compared 0 objects in the dump with 1 on the server: 1 missing, \
                0 older, 0 newer, 0 extra\n";
    assert_eq!(finished.stderr, told);
}

#[test]
fn filters_apply_to_both_sides() {
    let scene = Scene::new();
    let child = |kind, id| Change::insert(kind, id).parents(["user/1"]);
    scene.has(child("video", "1"), 1000);
    scene.has(child("user", "2"), 1000);
    scene.has(Change::insert("video", "3"), 1000);
    let child = |name, ms| {
        let line = line(name, ms);
        line.replace('}', r#","parents":["video/7","user/1"]}"#)
    };
    let dump = [
        child("video/1", 999),
        child("user/2", 999),
        line("video/3", 999),
        line("list/4", 2000),
    ]
    .concat();
    let older = |name| record("older", name, Some(1000), Some(999));
    let extra = record("extra", "list/4", None, Some(2000));
    for (args, records) in [
        (
            &["--types", "video"][..],
            vec![older("video/1"), older("video/3")],
        ),
        (
            &["--types", "user,video", "--parents", "user/1"],
            vec![older("user/2"), older("video/1")],
        ),
        (&["--parents", "user/7"], vec![]),
        (
            &[],
            vec![
                extra.clone(),
                older("user/2"),
                older("video/1"),
                older("video/3"),
            ],
        ),
    ] {
        let finished = scene.compare(&*dump, args);
        finished
            .exit(if records.is_empty() { 0 } else { 8 })
            .stdout_is(&records);
    }
    // As part of the URL, too.
    let url = format!("{}?types=list", scene.url());
    let run = Tail::url(url).args(["--compare", "-", "--timeout", "2s"]);
    run.stdin_bytes(dump).run().exit(8).stdout_is(&[extra]);
}

#[test]
fn a_ref_is_shown_where_the_server_sends_one() {
    let scene = Scene::with(ServerConfig {
        model: ModelConfig {
            object_url: Some("http://api/{{type}}/{{id}}".into()),
            ..ModelConfig::default()
        },
        ..ServerConfig::default()
    });
    scene.has(Change::insert("video", "1"), 1000);
    let missing = record("missing", "video/1", Some(1000), None);
    let with_ref = missing.replace('}', r#","ref":"http://api/video/1"}"#);
    let extra = record("extra", "user/1", None, Some(1000));
    scene.differs(line("user/1", 1000), &[extra, with_ref]);
}

/// An answer of a server that knows this, as a repair gets it too.
fn played(events: &str) -> ScriptServer {
    let stream = format!("{events}id: 1795456500000\nevent: live\n\n");
    ScriptServer::with([Script::events(stream).stall()], AfterLast::Repeat)
}

#[test]
fn nothing_drives_the_terminal() {
    let stamp = unix_ms(0);
    let data = format!(
        r#"{{"timestamp":"{}","type":"v\u001b[2J","id":"\u202ex"}}"#,
        time(0)
    );
    let server = played(&format!("id: {stamp}\nevent: insert\ndata: {data}\n\n"));
    let run = |args: &[&str]| {
        let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "2s"]);
        tail.args(args).run().exit(8)
    };
    let text = format!(
        r"missing v\u{{1b}}[2J/\u{{202e}}x  server {}  dump -",
        time(0)
    );
    run(&["-o", "text"]).stdout_is(&[text]);
    let json = run(&["-o", "json"]);
    let read: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&read["type"], &read["id"]),
        (&"v\u{1b}[2J".into(), &"\u{202e}x".into())
    );
}

#[test]
fn unknown_events_say_nothing_about_an_object() {
    let data = line("video/1", 0);
    let server = played(&format!("id: {}\nevent: noted\ndata: {data}\n", unix_ms(0)));
    let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "2s"]);
    tail.run().exit(0).stdout_is::<&str>(&[]);
}

/// A dump that a demo has printed a moment ago shows no false difference in another.
#[test]
fn one_demo_knows_what_another_one_printed() {
    let printed = Tail::new()
        .args(["--demo", "--start-id", "0", "--until-complete"])
        .run()
        .exit(0);
    let mut data = String::new();
    for line in printed.stdout_lines() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        // What jq -c .data makes of it.
        data += &line["data"].to_string();
        data.push('\n');
    }
    assert!(data.starts_with("null\n{"), "{data}");
    let tail = Tail::new().args(["--demo", "--compare", "-"]);
    tail.stdin_bytes(data).run().exit(0).stdout_is::<&str>(&[]);
}
