//! Operations that cannot be decoded, and events too large to be taken.

use crate::support::{Script, ScriptServer, State, Tail, expected_json, insert, operation_id};

fn json(body: &str) -> Vec<String> {
    expected_json(body.as_bytes())
}

/// An event that is no operation, with this data.
fn broken(number: u64, data: &str) -> String {
    format!("id: {}\nevent: update\n{data}\n", operation_id(number))
}

#[test]
fn what_cannot_be_decoded_is_shown_and_skipped() {
    for data in [
        "data: {\"type\":\"vid\n",
        "data: {\"type\":\"vid\"}\n",
        "data: [\"type\"]\n",
        "",
    ] {
        let body = insert(1) + &broken(2, data) + &insert(3);
        let server = ScriptServer::repeating(Script::events(body).stall());
        for args in [&[][..], &["--on-invalid", "skip"]] {
            let state = State::absent();
            let finished = Tail::url(server.url())
                .args(["-n", "2"])
                .state(state.path())
                .args(args)
                .run()
                .exit(0)
                .stderr_is_prefixed()
                .stderr_has(&operation_id(2))
                .stderr_has("; skipping it (--on-invalid exit stops instead); its data: ");
            if !data.is_empty() {
                assert!(finished.stderr.contains("type"), "{}", finished.stderr);
            }
            finished.stdout_is(&json(&(insert(1) + &insert(3))));
            state.is(&operation_id(3));
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_fatal_if_asked_for() {
    let body = insert(1) + &broken(2, "data: {\"type\":\"vid\n") + &insert(3);
    let server = ScriptServer::repeating(Script::events(body).stall());
    let state = State::absent();
    Tail::url(server.url())
        .args(["--on-invalid", "exit"])
        .state(state.path())
        .run()
        .exit(1)
        .stderr_has(&operation_id(2))
        .stdout_is(&json(&insert(1)));
    state.is(&operation_id(1));
}

/// Lines of `data` are joined by line feeds, and JSON has none inside a string: nobody sent a blank.
#[test]
fn a_string_over_several_lines_is_no_operation() {
    let object = r#"{"timestamp":"2026-11-23T17:55:12Z","type":"video","id":"ab","more":"ab"}"#;
    for (inside, line_end) in [
        ("\"a", "\n"),
        ("\"ty", "\n"),
        ("\"a", "\r\n"),
        ("\"mo", "\r"),
    ] {
        let lines = object.replace(inside, &format!("{inside}\ndata: "));
        for event in ["insert", "moved"] {
            let odd = format!("id: {}\nevent: {event}\ndata: {lines}\n\n", operation_id(2));
            let body = insert(1) + &odd + &insert(3);
            let body = body.replace('\n', line_end);
            let server = ScriptServer::start([Script::events(body).stall()]);
            Tail::url(server.url())
                .args(["-n", "2"])
                .run()
                .exit(0)
                .stderr_has(&format!("cannot decode {event} #{}", operation_id(2)))
                .stdout_is(&json(&(insert(1) + &insert(3))));
        }
    }
}

#[test]
fn invalid_data_cannot_drive_the_terminal() {
    let body = broken(1, "data: \u{1b}]0;title\u{7}\u{202e}\n") + &insert(2);
    let server = ScriptServer::start([Script::events(body).stall()]);
    let finished = Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
    let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!finished.stderr.contains(bad), "{:?}", finished.stderr);
}

#[test]
fn bytes_that_are_no_text_are_a_fault_of_the_connection() {
    let mut body = insert(1).into_bytes();
    body.extend(b"id: \xff\xfe\n");
    let server = ScriptServer::repeating(Script::events(body).stall());
    Tail::url(server.url())
        .args(["--retries", "0"])
        .run()
        .exit(4)
        .stderr_has("UTF-8")
        .stdout_is(&json(&insert(1)));
    // By the rules of trying again: the count starts afresh after an event, and only then.
    let bad = || Script::events(b"id: \xff\xfe\n".to_vec()).stall();
    let server = ScriptServer::start([Script::events(insert(1)), bad(), bad()]);
    Tail::url(server.url())
        .args(["-n", "2", "--retries", "1"])
        .run()
        .exit(4)
        .stderr_has("trying again")
        .stderr_has("gave up after 2 tries");
}

#[test]
fn a_line_without_end_is_given_up() {
    let endless = "x".repeat(17 << 20);
    let script = Script::events(insert(1) + "data: ").send(endless).stall();
    let server = ScriptServer::repeating(script);
    Tail::url(server.url())
        .args(["--retries", "0"])
        .run()
        .exit(4)
        .stderr_has("16 MiB")
        .stdout_is(&json(&insert(1)));
}

#[test]
fn a_large_operation_is_taken() {
    let data = format!(
        r#"{{"timestamp":"2026-11-23T17:55:12Z","type":"video","id":"{}"}}"#,
        "x".repeat(8 << 20)
    );
    let body = format!("id: {}\nevent: insert\ndata: {data}\n\n", operation_id(1));
    let expected = json(&body);
    let server = ScriptServer::start([Script::events(body).stall()]);
    Tail::url(server.url())
        .args(["-n", "1"])
        .run()
        .exit(0)
        .stdout_is(&expected);
}
