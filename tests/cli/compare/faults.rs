//! The server fails, or is none.

use std::time::Duration;

use oplog_tail::server::ServerConfig;
use oplog_tail::server::object::Change;

use super::scene::{Scene, line, record, unix_ms};
use crate::support::{
    Interruption, PATIENCE, Relay, Script, ScriptServer, Tail, at_once, closed_port, operation_id,
};

#[test]
fn the_next_agent_is_tried() {
    let scene = Scene::new();
    scene.has(Change::insert("video", "1"), 1000);
    let tail = Tail::url(closed_port())
        .args(["--url", &scene.url(), "--compare", "-"])
        .stdin_bytes(line("user/1", 1000));
    scene.while_it_ticks(|| tail.run()).exit(8).stdout_is(&[
        record("extra", "user/1", None, Some(1000)),
        record("missing", "video/1", Some(1000), None),
    ]);
}

/// With the deletions after the cut, and what changed in between.
#[test]
fn an_interrupted_replication_goes_on() {
    let scene = Scene::new();
    for number in 0..200 {
        scene.has(Change::insert("video", &number.to_string()), 1000);
    }
    for number in 0..100 {
        scene.has(Change::delete("video", &number.to_string()), 2000);
    }
    scene.has_a_tick();
    let relay = Relay::start(scene.address(), 150, Interruption::Cut);
    let tail = Tail::url(relay.url()).args(["--compare", "-"]);
    let dump = (50..150).map(|number| line(&format!("video/{number}"), 1000));
    let dump = dump.collect::<String>() + &line("video/180", 9000);
    let run = tail.stdin_bytes(dump).spawn();
    relay.wait_until_interrupted();
    scene.changes(Change::update("video", "149"), 3000);
    scene.changes(Change::delete("video", "180"), 3000);
    relay.go_on();
    let finished = scene.while_it_ticks(|| run.wait()).exit(8);
    let mut expected = Vec::new();
    for number in 0..200 {
        let name = format!("video/{number}");
        expected.extend(match number {
            50..100 => Some(record("extra", &name, None, Some(1000))),
            149 => Some(record("older", &name, Some(3000), Some(1000))),
            180 => Some(record("extra", &name, None, Some(9000))),
            150.. => Some(record("missing", &name, Some(1000), None)),
            _ => None,
        });
    }
    // By type and id, which are text.
    expected.sort_by_key(|line| line.split("\"id\":").nth(1).unwrap().to_owned());
    finished.stdout_is(&expected);
}

#[test]
fn a_server_that_cannot_be_followed_ends_it_as_any_run() {
    let cases = [
        (Script::status(401), 3, "access denied"),
        (Script::status(404), 4, "404"),
        (
            Script::answer(200, &[("Content-Type", "text/html")], "hello"),
            4,
            "text/html",
        ),
    ];
    at_once(cases, |(script, status, told)| {
        let server = ScriptServer::repeating(script);
        let tail = Tail::url(server.url()).args(["--compare", "-"]);
        let finished = tail.stdin_bytes(line("video/1", 0)).run().exit(status);
        finished.stdout_is::<&str>(&[]).stderr_has(told);
    });
    let tail = Tail::url(closed_port()).args(["--compare", "-", "--retries", "0"]);
    tail.run().exit(4).stdout_is::<&str>(&[]);
}

#[test]
fn the_password_goes_with_it() {
    let scene = Scene::with(ServerConfig {
        password: Some("secret".into()),
        ..ServerConfig::default()
    });
    scene.has(Change::insert("video", "1"), 1000);
    let tail = |password| scene.tail().args(["--password", password]);
    tail("wrong").run().exit(3);
    let run = || tail("secret").stdin_bytes(line("video/1", 1000)).run();
    scene.while_it_ticks(run).exit(0);
}

/// What changed in the second of the newest operation is not known, and that is said.
#[test]
fn a_quiet_server_leaves_it_incomplete() {
    let scene = Scene::new();
    scene.has(Change::insert("video", "1"), 1000);
    scene.changes(Change::insert("video", "last"), 2000);
    let dump = [line("video/1", 1000), line("video/last", 2000)].concat();
    let doubt = "could not be fetched, so they may be missing from the server's side";
    let run = |dump: &str| {
        let tail = scene.tail().args(["--timeout", "2s"]);
        tail.stdin_bytes(dump).run().within(Duration::from_secs(9))
    };
    run(&line("video/1", 1000)).exit(0).stderr_has(doubt);
    run(&dump)
        .exit(8)
        .stdout_is(&[record("extra", "video/last", None, Some(2000))])
        .stderr_has(doubt);
    let finished = scene.differs(dump, &[]);
    finished.stderr_lacks("could not be fetched");
}

/// An extra object that is so old is certain to be one.
#[test]
fn it_is_said_how_many_differences_may_be_none() {
    let state = format!(
        "id: {}\nevent: insert\ndata: {}\n",
        unix_ms(60_000),
        line("video/1", 60_000)
    );
    let live = "id: 1795456560000\nevent: live\n\n";
    let server = ScriptServer::start([Script::events(state + live).stall()]);
    let dump = [
        line("video/1", 60_000),
        line("video/old", 1000),
        line("video/young", 60_500),
    ];
    let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "2s"]);
    tail.stdin_bytes(dump.concat())
        .run()
        .exit(8)
        .stderr_has("; 1 object listed as extra may be one of them\n");
}

/// Without `--timeout`.
#[test]
fn ten_seconds_are_waited_for_an_operation() {
    let live = "id: \nevent: live\n\n";
    let server = ScriptServer::start([Script::events(live).heartbeats(Duration::from_secs(1))]);
    let tail = Tail::url(server.url()).args(["--compare", "-"]);
    let finished = tail.patience(2 * PATIENCE).run().exit(0);
    assert!(
        finished.elapsed >= Duration::from_secs(10),
        "{:?}",
        finished.elapsed
    );
}

/// What a replication left out cannot be had, and that is said.
#[test]
fn a_second_connection_that_is_refused_leaves_it_incomplete() {
    let live = "id: 1795456500000\nevent: live\n\n";
    let later = |number| {
        let id = operation_id(number).replace("6b047e00", "fb047e00");
        let data = line("video/1", i64::try_from(number).unwrap());
        format!("id: {id}\nevent: insert\ndata: {data}\n")
    };
    let main = live.to_owned() + &later(1) + &later(2);
    let server = ScriptServer::start([Script::events(main).stall(), Script::status(403)]);
    let tail = Tail::url(server.url()).args(["--compare", "-"]);
    tail.stdin_bytes(line("video/1", 2))
        .run()
        .exit(0)
        .stderr_has("cannot be fetched and stay missing")
        .stderr_has("may be missing from the server's side");
}

#[test]
fn what_cannot_be_decoded_is_shown() {
    let bad = "id: 1795456500000\nevent: insert\ndata: {}\n\n";
    let undated = "id: 1795456500000\nevent: insert\ndata: \
                   {\"timestamp\":\"today\",\"type\":\"video\",\"id\":\"2\"}\n\n";
    let live = "id: 1795456500000\nevent: live\n\n";
    for (events, told) in [
        (bad, "missing field"),
        (undated, "\"today\" is not an RFC 3339 time"),
    ] {
        let run = |args: &[&str]| {
            let server = ScriptServer::repeating(Script::events(events.to_owned() + live).stall());
            let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "2s"]);
            tail.args(args).run()
        };
        run(&[]).exit(0).stderr_has(told).stderr_is_prefixed();
        let ended = run(&["--on-invalid", "exit"]).exit(1);
        ended.stdout_is::<&str>(&[]).stderr_has(told);
    }
}

/// A server that starts over has said nothing before.
#[test]
fn after_a_reset_only_what_follows_counts() {
    let state = |name: &str| {
        let data = line(name, 1000);
        format!("id: {}\nevent: insert\ndata: {data}\n", unix_ms(1000))
    };
    let reset = "id: 1\nevent: reset\n\n";
    let live = "id: 1795456500000\nevent: live\n\n";
    let events = [&state("video/1"), reset, &state("video/2"), live].concat();
    let server = ScriptServer::start([Script::events(events).stall()]);
    let tail = Tail::url(server.url()).args(["--compare", "-", "--timeout", "2s"]);
    let finished = tail.run().exit(8);
    finished.stdout_is(&[record("missing", "video/2", Some(1000), None)]);
}
