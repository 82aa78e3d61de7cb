//! What is found out about the state file, and that it is left alone.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use oplog_tail::server::object::Change;
use serde_json::{Value, json};

use super::{check, has_problem, has_warning, is_fine, only, records, server};
use crate::support::{Finished, Script, ScriptServer, State, Tail, operation_id};

/// Everything about the files of a folder that a write would change.
fn traces(folder: &Path) -> Vec<(String, u64, i64, i64, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut traces: Vec<_> = entries
        .map(|entry| {
            let there = entry.metadata().unwrap();
            let changed = (there.mtime_nsec(), there.ctime_nsec());
            let name = entry.file_name().display().to_string();
            (name, there.ino(), changed.0, changed.1, there.len())
        })
        .collect();
    traces.sort();
    let itself = std::fs::metadata(folder).unwrap();
    traces.push((
        ".".into(),
        itself.ino(),
        itself.mtime_nsec(),
        itself.ctime_nsec(),
        0,
    ));
    traces
}

/// Checks with this state file, which must stay as it is.
#[track_caller]
fn checked(path: &Path, args: &[&str], code: i32) -> Finished {
    let server = server();
    let before = traces(path.parent().unwrap());
    let finished = check(&[server.url()])
        .state(path)
        .args(args)
        .run()
        .exit(code);
    assert_eq!(traces(path.parent().unwrap()), before);
    finished
}

/// The record of this state file.
#[track_caller]
fn state_of(path: &Path, args: &[&str], code: i32) -> Value {
    only(&records(&checked(path, args, code)), "state")
}

#[test]
fn a_file_that_is_well() {
    let state = State::holding(operation_id(1) + "\n");
    let finished = checked(state.path(), &[], 0);
    let record = only(&records(&finished), "state");
    is_fine(&record);
    let expected = format!(
        r#"{{"check":"state","file":"{}","ok":true,"position":"{}","at":"2026-11-23T17:56:00Z","age_ms":{},"in_use":false,"problems":[],"warnings":[]}}"#,
        state.path().display(),
        operation_id(1),
        record["age_ms"]
    );
    let expected = expected.replace("2026-11-23T17:56:00Z", record["at"].as_str().unwrap());
    assert_eq!(finished.stdout_lines()[1], expected);
    let at: Timestamp = record["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at.as_second(), 0x6b04_7e00);
    let age = Timestamp::now().as_millisecond() - at.as_millisecond();
    let told = record["age_ms"].as_i64().unwrap();
    assert!((age - 20_000..=age).contains(&told), "{told}");
}

#[test]
fn the_records_come_in_order() {
    let (first, second) = (server(), server());
    let id = first.append(&Change::insert("video", "1")).to_string();
    let state = State::holding(&id);
    let finished = check(&[first.url(), second.url()])
        .state(state.path())
        .run()
        .exit(0);
    let kinds = records(&finished);
    let kinds: Vec<_> = kinds
        .iter()
        .map(|it| it["check"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["agent", "agent", "state", "resume", "resume"]);
}

#[test]
fn every_key_is_in_the_man_page() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/man/oplog-tail.1");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("\n.SH INSTEAD OF FOLLOWING\n").unwrap();
    let section = rest.split("\n.SH ").next().unwrap();
    let (server, state) = (server(), State::holding(operation_id(1)));
    let finished = check(&[server.url()]).state(state.path()).run().exit(0);
    for record in records(&finished) {
        for key in record.as_object().unwrap().keys() {
            let is_there = section
                .lines()
                .filter(|line| line.starts_with(".B"))
                .any(|line| line.split([' ', ',', '"']).any(|word| word == key));
            assert!(is_there, "{key} is not in the man page");
        }
    }
}

#[test]
fn positions_of_other_kinds() {
    for (content, position, at) in [
        (
            "1795456511846",
            "1795456511846",
            json!("2026-11-23T17:55:11.846Z"),
        ),
        ("0", "0", Value::Null),
        ("1", "1", json!("1970-01-01T00:00:00.001Z")),
    ] {
        let state = State::holding(content);
        let record = state_of(state.path(), &[], 0);
        is_fine(&record);
        assert_eq!(record["position"], position);
        assert_eq!(record["at"], at);
        assert_eq!(record["age_ms"].is_null(), at.is_null());
    }
}

/// A mistyped name must not look like a consumer that is up to date.
#[test]
fn no_position() {
    let (absent, empty) = (State::absent(), State::holding(""));
    for (state, why) in [
        (&absent, "there is no such file"),
        (&empty, "it holds nothing"),
    ] {
        let record = state_of(state.path(), &[], 0);
        has_warning(&record, &[why, "starts from now", "--start-id"]);
        for key in ["position", "at", "age_ms"] {
            assert_eq!(record[key], Value::Null);
        }
        assert_eq!(record["in_use"], false);
        is_fine(&state_of(state.path(), &["--start-id", "now"], 0));
        is_fine(&state_of(state.path(), &["--since", "1h"], 0));
    }
}

#[test]
fn what_would_end_a_run_is_a_problem() {
    for content in ["abc", "-1", "12345678901234", "545b55c7f095528dd0f3863"] {
        let state = State::holding(content);
        let record = state_of(state.path(), &[], 5);
        has_problem(&record, &[content, "not a position", "remove the file"]);
        assert_eq!(record["position"], Value::Null);
    }
    let folder = tempfile::tempdir().unwrap();
    let record = state_of(&folder.path().join("none"), &["--start-id", "now"], 0);
    is_fine(&record);
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    for name in ["inner", "none/", "none/."] {
        let record = state_of(&folder.path().join(name), &[], 5);
        has_problem(&record, &["not a regular file"]);
    }
    let long = folder.path().join("n".repeat(250));
    has_problem(&state_of(&long, &[], 5), &["shorter name"]);
    let server = server();
    for (path, words) in [
        ("/proc/none/st", "its folder does not exist"),
        ("/dev/null", "not a regular file"),
        ("/dev/null/st", "correct the name"),
    ] {
        let finished = check(&[server.url()]).args(["--state", path]).run().exit(5);
        has_problem(&only(&records(&finished), "state"), &[words]);
    }
}

/// The agent comes first, and its problem counts; the state file is looked at all the same.
#[test]
fn the_first_problem_counts() {
    let state = State::holding("abc");
    let finished = check(&[crate::support::closed_port()])
        .state(state.path())
        .run()
        .exit(4);
    has_problem(&only(&records(&finished), "state"), &["abc"]);
}

/// A run that uses the state file.
fn run_with(url: &str, state: &State) -> crate::support::Running {
    Tail::url(url).state(state.path()).spawn()
}

/// The record of a state file that a run uses and may save meanwhile.
#[track_caller]
fn state_in_use(state: &State, running: &crate::support::Running) {
    let server = server();
    let finished = check(&[server.url()])
        .args(["--start-id", "now"])
        .state(state.path())
        .run()
        .exit(0);
    let record = only(&records(&finished), "state");
    assert_eq!(record["in_use"], true);
    let process = format!("process {} (oplog-tail)", running.id());
    has_warning(&record, &[&process, "stop that process"]);
}

#[test]
#[cfg(target_os = "linux")]
fn who_has_it_open_is_named() {
    let server = server();
    let id = server.append(&Change::insert("video", "1")).to_string();
    let state = State::holding(&id);
    let mut running = run_with(&server.url(), &state);
    server.wait_for_requests(1, crate::support::PATIENCE);
    state_in_use(&state, &running);
    // Whoever has it goes on.
    server.append(&Change::insert("video", "2"));
    running.read_line();
    assert!(running.is_running());
    state_in_use(&state, &running);
}

/// Before its first save a run has locked the file that will become the state file.
#[test]
#[cfg(target_os = "linux")]
fn a_run_that_has_not_saved_yet_is_named_too() {
    let silent = Script::silent().stall();
    let (server, state) = (ScriptServer::repeating(silent), State::absent());
    let running = run_with(&server.url(), &state);
    server.wait_for_requests(1);
    state_in_use(&state, &running);
    assert_eq!(state.content(), None);
}

/// No lock that could keep another process out: whoever wants it gets it at any moment.
#[test]
fn it_takes_no_lock() {
    let (server, state) = (server(), State::holding(operation_id(1)));
    let is_over = AtomicBool::new(false);
    let file = File::open(state.path()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                file.try_lock().unwrap();
                file.unlock().unwrap();
            }
        });
        for _ in 0..5 {
            check(&[server.url()]).state(state.path()).run().exit(0);
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// A name that drives the terminal or the reader of JSON.
#[test]
fn a_file_of_an_odd_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("st\u{1b}[31m\n\"x\"");
    std::fs::write(&path, operation_id(1)).unwrap();
    let record = state_of(&path, &[], 0);
    assert_eq!(record["file"], path.display().to_string());
    let text = checked(&path, &["-o", "text"], 0);
    assert!(
        text.stdout_text().contains(r#"st\u{1b}[31m\u{a}"x""#),
        "{}",
        text.stdout_text()
    );
}
