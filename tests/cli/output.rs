//! What is printed for what the server sent.

use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Finished, Script, ScriptServer, Tail, expected_json, expected_text, fixture, insert, left_by,
    record_count, with_line_ends,
};

const CAPTURES: [&str; 7] = [
    "fallback.sse",
    "live.sse",
    "replication-types-video.sse",
    "replication.sse",
    "resume-operation.sse",
    "resume-synthetic.sse",
    "resume-timestamp.sse",
];

const CHUNK_SIZES: [usize; 6] = [1, 2, 3, 7, 64, 1000];

/// Sends `body`, cut into pieces, to a run that stops after `count` lines.
fn printed(body: &[u8], size: usize, count: usize, args: &[&str]) -> Finished {
    let server = ScriptServer::start([Script::events("").send_in_chunks(body, size).stall()]);
    Tail::url(server.url())
        .args(["-n", &count.to_string()])
        .args(args)
        .run()
        .exit(0)
        .says_incomplete(left_by(body))
}

fn in_json(body: &str) -> Finished {
    printed(
        body.as_bytes(),
        1000,
        record_count(body.as_bytes()),
        &["-o", "json"],
    )
}

fn in_text(body: &str) -> Finished {
    printed(
        body.as_bytes(),
        1000,
        record_count(body.as_bytes()),
        &["-o", "text"],
    )
}

fn insert_with_data(data: &str) -> String {
    format!("id: 545b55c7f095528dd0f3863c\nevent: insert\ndata: {data}\n\n")
}

fn every_capture_whatever_way_it_is_cut(format: &str, expected: fn(&[u8]) -> Vec<String>) {
    for name in CAPTURES {
        let body = fixture(name);
        let expected = expected(&body);
        for size in CHUNK_SIZES {
            printed(&body, size, expected.len(), &["-o", format]).stdout_is(&expected);
        }
    }
}

#[test]
fn every_capture_in_json_whatever_way_it_is_cut() {
    every_capture_whatever_way_it_is_cut("json", expected_json);
}

#[test]
fn every_capture_in_text_whatever_way_it_is_cut() {
    every_capture_whatever_way_it_is_cut("text", expected_text);
}

#[test]
fn every_line_end_and_a_byte_order_mark() {
    for name in ["replication.sse", "live.sse"] {
        let body = fixture(name);
        let expected = expected_json(&body);
        for end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let mut sent = mark.as_bytes().to_vec();
                sent.extend(with_line_ends(&body, end));
                for size in [1, 2, 3, 1000] {
                    printed(&sent, size, expected.len(), &[]).stdout_is(&expected);
                }
            }
        }
    }
}

#[test]
fn http_chunks_make_no_difference() {
    let body = fixture("replication.sse");
    let expected = expected_json(&body);
    for size in [1, 7, 1000] {
        let script = Script::chunked_events(":\n").send_in_chunks(body.as_slice(), size);
        let server = ScriptServer::start([script.stall()]);
        Tail::url(server.url())
            .arg("--until-live")
            .run()
            .exit(0)
            .stdout_is(&expected);
    }
}

#[test]
fn nothing_is_printed_that_was_not_sent() {
    for name in CAPTURES {
        let body = fixture(name);
        let server = ScriptServer::start([Script::events(body.as_slice()).stall()]);
        Tail::url(server.url())
            .args(["--until-idle", "1s"])
            .run()
            .exit(0)
            .says_incomplete(left_by(&body))
            .stdout_is(&expected_json(&body));
    }
}

#[test]
fn heartbeats_between_and_inside_events_are_not_printed() {
    let body = String::from_utf8(fixture("replication.sse")).unwrap();
    let expected = expected_json(body.as_bytes());
    let everywhere = format!(":\n{}:\n:\n", body.replace('\n', "\n:\n"));
    let after_events = format!(":\n{}", body.replace("\n\n", "\n\n:\n"));
    for sent in [everywhere, after_events] {
        for size in [1, 3, 1000] {
            printed(sent.as_bytes(), size, expected.len(), &[]).stdout_is(&expected);
        }
    }
}

#[test]
fn json_unless_stdout_is_a_terminal() {
    let body = fixture("live.sse");
    for args in [&[][..], &["-o", "auto"], &["--output", "json"]] {
        printed(&body, 1000, 3, args).stdout_is(&expected_json(&body));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let server = ScriptServer::start([Script::events(body.as_slice()).stall()]);
    Tail::url(server.url())
        .args(["-n", "3"])
        .stdout_to(std::fs::File::create(&path).unwrap())
        .run()
        .exit(0);
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), expected_json(&body));
}

#[test]
fn data_is_printed_byte_for_byte() {
    let data = r#"{ "id" : "\u00e9\/1" ,"type":"video","timestamp":"2014-11-06T03:04:39.041-08:00", "parents" :null,"more":[1.0,1e2,{"a":{}}],"é":"☃𝄞" }"#;
    in_json(&insert_with_data(data)).stdout_is(&[format!(
        r#"{{"id":"545b55c7f095528dd0f3863c","event":"insert","data":{data}}}"#
    )]);
}

#[test]
fn data_over_several_lines_stays_one_record() {
    let body = "id: 1795456511846\nevent: update\ndata: {\"timestamp\":\"2026-11-23T17:55:11Z\",\ndata:  \"type\":\"video\",\ndata:\"id\":\"v1\"}\n\n";
    let line = printed(body.as_bytes(), 1000, 1, &[])
        .stdout_lines()
        .remove(0);
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["id"], "1795456511846");
    assert_eq!(record["data"]["type"], "video");
    assert_eq!(record["data"]["id"], "v1");
    // Nothing else changes, and a pretty-printed object is still one line.
    let data = "{\n  \"timestamp\": \"2026-11-23T17:55:11Z\",\n  \"parents\": [\n    \"a/1\"\n  ],\n  \"type\": \"video\",\n  \"id\": \"v1\"\n}";
    let lines = data.replace('\n', "\ndata: ");
    let body = format!("id: 1795456511846\nevent: update\ndata: {lines}\n\n");
    let on_one = data.replace('\n', " ");
    in_json(&body).stdout_is(&[format!(
        r#"{{"id":"1795456511846","event":"update","data":{on_one}}}"#
    )]);
    in_text(&body).stdout_is(&["2026-11-23T17:55:11Z: update #1795456511846 video/v1 (a/1)"]);
}

#[test]
fn other_events_are_printed_like_operations() {
    let data =
        r#"{"timestamp":"2026-11-23T17:55:11Z","parents":["a","b"],"type":"video","id":"v1"}"#;
    let body = format!("id: 1795456511846\nevent: moved\ndata: {data}\n\n");
    in_json(&body).stdout_is(&[format!(
        r#"{{"id":"1795456511846","event":"moved","data":{data}}}"#
    )]);
    in_text(&body).stdout_is(&["2026-11-23T17:55:11Z: moved #1795456511846 video/v1 (a, b)"]);
}

#[test]
fn text_names_the_reference_or_type_and_id() {
    for (rest, shown) in [
        (r#""parents":["x3kd2"]"#, "video/xekw (x3kd2)"),
        (r#""parents":[]"#, "video/xekw ()"),
        (r#""parents":null"#, "video/xekw ()"),
        (
            r#""parents":["a","b"],"ref":"http://x/xekw""#,
            "http://x/xekw (a, b)",
        ),
    ] {
        let data = format!(
            r#"{{"timestamp":"2014-11-06T03:04:39.041-08:00","type":"video","id":"xekw",{rest}}}"#
        );
        in_text(&insert_with_data(&data)).stdout_is(&[format!(
            "2014-11-06T03:04:39.041-08:00: insert #545b55c7f095528dd0f3863c {shown}"
        )]);
    }
}

#[test]
fn no_operation_can_drive_the_terminal() {
    let data = "{\"timestamp\":\"2014-11-06T03:04:39Z\",\"type\":\"v\\u001b[2J\",\"id\":\"a\\nb\\u009bc\u{202e}d\\r\",\"parents\":[\"\\u0007\"]}";
    let body = insert_with_data(data);
    let finished = in_text(&body);
    let text = finished.stdout_text();
    assert_eq!(text.lines().count(), 1, "{text}");
    let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!text.contains(bad), "{text:?}");
    assert!(text.contains(r"v\u{1b}[2J/a"), "{text}");
    // JSON has escapes of its own, and whoever reads it gets what was sent.
    in_json(&body).stdout_is(&[format!(
        r#"{{"id":"545b55c7f095528dd0f3863c","event":"insert","data":{data}}}"#
    )]);
}

#[test]
fn color_changes_nothing_but_the_color() {
    let body = fixture("replication.sse");
    let plain = expected_text(&body);
    printed(
        &body,
        1000,
        plain.len(),
        &["-o", "text", "--color", "never"],
    )
    .stdout_is(&plain);
    let colored = printed(
        &body,
        1000,
        plain.len(),
        &["-o", "text", "--color", "always"],
    );
    let text = colored.stdout_text();
    assert!(text.contains('\u{1b}'), "{text}");
    let mut parts = text.split("\u{1b}[");
    let mut stripped = parts.next().unwrap().to_owned();
    for part in parts {
        stripped.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(stripped.lines().collect::<Vec<_>>(), plain);
    // JSON is for programs: never any color.
    printed(
        &body,
        1000,
        plain.len(),
        &["-o", "json", "--color", "always"],
    )
    .stdout_is(&expected_json(&body));
}

#[test]
fn lag_tells_how_long_an_operation_took() {
    // 2014-11-06T11:04:39.041Z
    const SENT_MS: i64 = 1_415_271_879_041;
    let body = insert_with_data(
        r#"{"timestamp":"2014-11-06T03:04:39.041-08:00","parents":[],"type":"video","id":"xekw"}"#,
    );
    let line = printed(body.as_bytes(), 1000, 1, &["--lag"])
        .stdout_lines()
        .remove(0);
    let plain = expected_json(body.as_bytes()).remove(0);
    let rest = line.strip_prefix(plain.strip_suffix('}').unwrap());
    assert!(
        rest.is_some_and(|rest| rest.starts_with(r#","received":""#)),
        "{line}"
    );
    let record: Value = serde_json::from_str(&line).unwrap();
    let received = record["received"].as_str().unwrap();
    assert!(
        received.len() == 24 && received.ends_with('Z'),
        "{received}"
    );
    let received: jiff::Timestamp = received.parse().unwrap();
    assert_eq!(record["lag_ms"], received.as_millisecond() - SENT_MS);
    let age = jiff::Timestamp::now().duration_since(received);
    assert!(
        age < Duration::from_secs(20).try_into().unwrap(),
        "{received}"
    );

    let line = printed(body.as_bytes(), 1000, 1, &["--lag", "-o", "text"])
        .stdout_lines()
        .remove(0);
    let plain = expected_text(body.as_bytes()).remove(0);
    let lag = line
        .strip_prefix(&plain)
        .and_then(|rest| rest.strip_prefix(" +"))
        .unwrap();
    let (seconds, millis) = lag.strip_suffix('s').unwrap().split_once('.').unwrap();
    assert!(
        seconds.parse::<u64>().is_ok() && millis.len() == 3,
        "{line}"
    );
}

#[test]
fn lines_come_out_before_the_next_is_sent() {
    let gate = crate::support::Gate::new();
    let script = Script::events(insert(1))
        .wait_for(&gate)
        .send(insert(2))
        .stall();
    let server = ScriptServer::start([script]);
    let mut run = Tail::url(server.url()).args(["-n", "2"]).spawn();
    assert_eq!(run.read_line(), expected_json(insert(1).as_bytes())[0]);
    gate.open();
    assert_eq!(run.read_line(), expected_json(insert(2).as_bytes())[0]);
    run.wait().exit(0);
}
