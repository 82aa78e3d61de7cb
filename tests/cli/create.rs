//! `create`, which `oplog-sync` writes: an insert in all but its name, and missing in full
//! replications.

use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerConfig, ServerThread};

use crate::support::{Replica, Script, ScriptServer, Tail, expected_json, insert, operation_id};

/// The first line of stdout, with its colours.
fn coloured(event: &str) -> String {
    let server = ScriptServer::start([Script::events(event).stall()]);
    let finished = Tail::url(server.url())
        .args(["-n", "1", "-o", "text", "--color", "always"])
        .run()
        .exit(0);
    finished.stdout_text().to_owned()
}

#[test]
fn has_the_colour_and_the_count_of_an_insert() {
    let event = insert(1).replace("event: insert", "event: create");
    let server = ScriptServer::start([Script::events(event.clone()).stall()]);
    Tail::url(server.url())
        .args(["-n", "1", "--stats", "-o", "json"])
        .run()
        .exit(0)
        .stdout_is(&expected_json(event.as_bytes()))
        .stderr_has("\"insert\":1,")
        .stderr_has(&operation_id(1));
    assert_eq!(
        coloured(&event).replace("create", "insert"),
        coloured(&insert(1))
    );
}

/// The documented way brings what a full replication misses.
#[test]
fn a_full_replication_misses_it_and_the_id_of_second_1_does_not() {
    let server = ServerThread::on_loopback(ServerConfig::default()).unwrap();
    let at = |second: u64| 1_795_456_500_000 + second * 1_000;
    server.append_at(&Change::insert("video", "inserted"), at(0));
    server.append_at(&Change::create("video", "created"), at(1));
    server.append_at(&Change::create("video", "deleted"), at(2));
    server.append_at(&Change::delete("video", "deleted"), at(3));
    server.append_at(&Change::insert("video", "last"), at(10));
    server.append_at(&Change::insert("video", "last"), at(20));
    for (id, expected) in [
        ("0", &["video/inserted", "video/last"][..]),
        (
            "000000010000000000000000",
            &["video/created", "video/inserted", "video/last"],
        ),
    ] {
        let finished = Tail::url(server.url())
            .args(["--start-id", id, "--until-live", "-o", "json"])
            .run()
            .exit(0);
        let names = Replica::of(&finished.stdout_lines()).names();
        assert_eq!(names, expected, "{id}");
        let is_told = finished.stdout_text().contains("deleted");
        assert_eq!(is_told, id != "0", "the deletion");
    }
}
