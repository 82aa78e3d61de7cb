//! `--check`: what it finds, and that it changes nothing.

mod agents;
mod differences;
mod network;
mod resume;
mod state;
mod text;
mod time;
mod usage;

use jiff::Timestamp;
use oplog_tail::server::{ServerConfig, ServerThread};
use serde_json::Value;

use crate::support::{Finished, Script, ScriptServer, Tail};

/// A server of the model.
fn server() -> ServerThread {
    ServerThread::on_loopback(ServerConfig::default()).unwrap()
}

/// A check of the agents at these URLs.
fn check<S: AsRef<str>>(urls: &[S]) -> Tail {
    let urls = urls.iter().flat_map(|url| ["--url", url.as_ref()]);
    Tail::new().arg("--check").args(urls)
}

/// The records, which must be JSON lines; nothing else is said.
#[track_caller]
fn records(finished: &Finished) -> Vec<Value> {
    let lines = finished.stdout_lines();
    let records = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(finished.stderr, "");
    records.collect()
}

/// The only record of this kind.
#[track_caller]
fn only(records: &[Value], kind: &str) -> Value {
    let found: Vec<_> = records.iter().filter(|it| it["check"] == kind).collect();
    assert_eq!(found.len(), 1, "{records:#?}");
    found[0].clone()
}

/// The only text in this list of a record.
#[track_caller]
fn only_text<'a>(record: &'a Value, list: &str) -> &'a str {
    let texts = record[list].as_array().unwrap();
    assert_eq!(texts.len(), 1, "{record:#}");
    texts[0].as_str().unwrap()
}

/// Asserts that nothing is wrong.
#[track_caller]
fn is_fine(record: &Value) {
    assert_eq!(record["ok"], true, "{record:#}");
    assert_eq!(record["problems"], serde_json::json!([]), "{record:#}");
    assert_eq!(record["warnings"], serde_json::json!([]), "{record:#}");
}

/// Asserts that this one problem, with all of these words, makes it unusable.
#[track_caller]
fn has_problem(record: &Value, words: &[&str]) {
    assert_eq!(record["ok"], false, "{record:#}");
    let problem = only_text(record, "problems");
    for word in words {
        assert!(problem.contains(word), "{word:?} is not in {problem:?}");
    }
}

/// Asserts that this one warning, with all of these words, is all that is wrong.
#[track_caller]
fn has_warning(record: &Value, words: &[&str]) {
    assert_eq!(record["ok"], true, "{record:#}");
    assert_eq!(record["problems"], serde_json::json!([]), "{record:#}");
    let warning = only_text(record, "warnings");
    for word in words {
        assert!(warning.contains(word), "{word:?} is not in {warning:?}");
    }
}

/// An agent that plays one script where it is asked for its log, another for its `/status`.
fn scripted(stream: Script, status: Script) -> ScriptServer {
    ScriptServer::repeating(Script::choosing(move |request| {
        let path = request.target.split('?').next().unwrap();
        if path.ends_with("/status") {
            status.clone()
        } else {
            stream.clone()
        }
    }))
}

/// A stream on which nothing happens.
fn quiet() -> Script {
    Script::events("").stall()
}

/// A `/status` with this body.
fn status(body: &str) -> Script {
    Script::answer(200, &[("Content-Type", "application/json")], body)
}

/// The `Date` of an answer that many seconds from now.
fn date(from_now: i64) -> String {
    let now = Timestamp::now().as_second() + from_now;
    let at = Timestamp::from_second(now).unwrap();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
