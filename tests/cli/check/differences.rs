//! What differs between agents of one log is pointed out.

use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerConfig, ServerThread};
use serde_json::Value;

use super::{check, date, has_warning, is_fine, quiet, records, scripted, server, status};
use crate::support::{Script, ScriptServer};

/// Checks agents of which the one at `odd` differs: it alone has a warning, with these words.
#[track_caller]
fn points_out(agents: &[String], odd: usize, words: &[&str]) {
    let finished = check(agents).run().exit(0);
    for (place, agent) in records(&finished).iter().enumerate() {
        if place == odd {
            has_warning(agent, words);
        } else {
            is_fine(agent);
        }
    }
}

/// Three agents of one store.
#[test]
fn which_of_three_loses_operations() {
    let first = server();
    let (second, third) = (first.another(0).unwrap(), first.another(0).unwrap());
    let urls = [first.url(), second.url(), third.url()];
    second.figures().events_discarded = 12;
    points_out(&urls, 1, &["discarded 12 operations"]);
}

#[test]
fn another_version() {
    let first = server();
    let (second, third) = (first.another(0).unwrap(), first.another(0).unwrap());
    let urls = [first.url(), second.url(), third.url()];
    first.figures().server = "oplog/1.1.5".into();
    let words = ["its server is oplog/1.1.5", &second.url(), "oplog/1.1.6"];
    points_out(&urls, 0, &words);
}

#[test]
fn another_queue() {
    let first = server();
    let second = first.another(0).unwrap();
    second.figures().queue_max_size = 10;
    let urls = [first.url(), second.url()];
    points_out(&urls, 1, &["its largest queue is 10", "100,000"]);
}

#[test]
fn no_status_where_others_have_one() {
    let agents = [
        scripted(quiet(), status(r#"{"clients":1}"#)),
        scripted(quiet(), Script::status(404)),
    ];
    let urls = agents.each_ref().map(ScriptServer::url);
    points_out(&urls, 1, &["its /status is missing", &urls[0]]);
}

#[test]
fn clocks_that_are_apart_from_each_other_only() {
    let at = |seconds| {
        let stream = Script::events_at(&date(seconds), "").stall();
        scripted(stream, Script::status(404))
    };
    let agents = [at(0), at(-2), at(3600)];
    let urls = agents.each_ref().map(ScriptServer::url);
    points_out(&urls, 2, &["about 1 h ahead of"]);
}

/// Each differs from this machine, and more from the other.
#[test]
fn clocks_on_both_sides_of_this_machine() {
    let at = |seconds| {
        let stream = Script::events_at(&date(seconds), "").stall();
        scripted(stream, Script::status(404))
    };
    let agents = [at(20), at(-20)];
    let urls = agents.each_ref().map(ScriptServer::url);
    let finished = check(&urls).run().exit(0);
    let records = records(&finished);
    has_warning(&records[0], &["ahead of the one of this machine"]);
    let warnings = records[1]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let apart = warnings[1].as_str().unwrap();
    let words = format!("its clock and the one of {} are about ", urls[0]);
    assert!(apart.starts_with(&words), "{apart}");
}

#[test]
fn one_that_no_longer_has_the_operation() {
    let small = ServerConfig {
        model: ModelConfig {
            capacity: 1,
            ..ModelConfig::default()
        },
        ..ServerConfig::default()
    };
    let (keeps, forgets) = (server(), ServerThread::on_loopback(small).unwrap());
    let mut first = None;
    for number in ["1", "2", "3"] {
        for server in [&keeps, &forgets] {
            let id = server.append(&Change::insert("video", number)).to_string();
            first.get_or_insert(id);
        }
    }
    let finished = check(&[forgets.url(), keeps.url()])
        .args(["--start-id", &first.unwrap()])
        .run()
        .exit(0);
    let records = records(&finished);
    let resumes: Vec<_> = records
        .iter()
        .filter(|it| it["check"] == "resume")
        .collect();
    assert_eq!(resumes[0]["kept"], false);
    let warnings = resumes[0]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0]
            .as_str()
            .unwrap()
            .contains("no longer has operation")
    );
    let other = Value::from(format!("{} still has it", keeps.url()));
    assert!(
        warnings[1]
            .as_str()
            .unwrap()
            .starts_with(other.as_str().unwrap())
    );
    assert_eq!(resumes[1]["kept"], true);
    is_fine(resumes[1]);
}
