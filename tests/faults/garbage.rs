//! Whatever bytes come from the network, nothing panics and nothing but whole lines is printed.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use oplog_tail::consumer::{Delivery, Error};
use oplog_tail::oplog::Position;
use oplog_tail::oplog::{Operation, Record};
use oplog_tail::output::{Format, Printer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::in_process::Follower;
use crate::support::{PATIENCE, insert, listener, runtime};

const CASES: u32 = 10_000;

fn runner() -> TestRunner {
    TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    })
}

/// Sends every connection what the answer is at that time.
fn server() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = listener();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = Arc::<Mutex<Vec<u8>>>::default();
    let shared = Arc::clone(&answer);
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                match socket.read(&mut buffer) {
                    Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let answer = shared.lock().unwrap().clone();
            // The client may have seen enough before the end.
            let _ = socket.write_all(&answer);
        }
    });
    (url, answer)
}

/// Pieces of which both the protocol and what breaks it are made.
fn token() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "id: ",
        "event: ",
        "data: ",
        "data",
        "retry: 1",
        "id",
        ":",
        "\n",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "insert",
        "delete",
        "reset",
        "live",
        "\u{feff}",
        "\0",
        "0",
        "1",
        "1795456511846",
        "6b047e00686c822d00000001",
        r#"{"timestamp":"2026-11-23T17:55:12Z","parents":null,"type":"\u001b]0;","id":"x"}"#,
        r#"{"timestamp":"","parents":["\ud800"],"type":1}"#,
        "HTTP/1.1 200 OK\r\n",
        "5\r\n",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.map(|text| text.as_bytes().to_vec()).to_vec()),
        2 => Just(insert(1).into_bytes()),
        1 => Just(insert(2).replace("data: {", "data: {{").into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..24),
    ]
}

fn head() -> impl Strategy<Value = &'static str> {
    const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n";
    const SHORT: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 40\r\n\r\n";
    prop_oneof![6 => Just(STREAM), 1 => Just(CHUNKED), 1 => Just(SHORT), 1 => Just("HTTP/1.1 200 OK\r\n"), 1 => Just("")]
}

/// Prints it in every format, and looks at the lines.
fn print(operation: &Operation) -> Result<(), TestCaseError> {
    let mut out = Vec::new();
    for color in [false, true] {
        for format in [Format::Text, Format::Json] {
            Printer::new(format, color, false).print(operation, None, &mut out);
        }
    }
    let text = String::from_utf8(out).expect("UTF-8");
    prop_assert_eq!(text.matches('\n').count(), 4, "{:?}", text);
    prop_assert!(text.ends_with('\n'));
    Ok(())
}

#[test]
fn over_a_connection() {
    let (url, answering) = server();
    let runtime = runtime();
    let answer = (head(), proptest::collection::vec(token(), 0..40));
    let (printed, invalid) = (Cell::new(0), Cell::new(0));
    let follow = |(head, tokens): (&str, Vec<Vec<u8>>)| {
        let answer = [head.as_bytes(), &tokens.concat()].concat();
        *answering.lock().unwrap() = answer;
        let mut follower = Follower::new(&url, 1, Some(0), Position::FULL_REPLICATION);
        loop {
            let next = async { tokio::time::timeout(PATIENCE, follower.next()).await };
            match runtime.block_on(next).expect("an end") {
                Ok(Delivery::Operation(operation)) => {
                    printed.set(printed.get() + 1);
                    print(&operation)?;
                }
                Ok(Delivery::Invalid(_)) => invalid.set(invalid.get() + 1),
                Err(Error::ConnectionLost { .. } | Error::Refused(_)) => return Ok(()),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    };
    runner().run(&answer, follow).unwrap();
    // What is sent is not so far from the protocol that nothing of it gets anywhere.
    assert!(printed.get() > CASES / 2, "{} printed", printed.get());
    assert!(invalid.get() > CASES / 10, "{} invalid", invalid.get());
}

#[test]
fn in_an_event() {
    let events = prop_oneof![Just("insert"), Just("reset"), Just("live"), Just("other")];
    let text = || {
        let tokens = proptest::collection::vec(token(), 0..8);
        tokens.prop_map(|tokens| String::from_utf8_lossy(&tokens.concat()).into_owned())
    };
    // An event stream cannot carry a line end within a field.
    let event = (text(), events, text())
        .prop_map(|(id, event, data)| (id.replace(['\n', '\r'], " "), event, data));
    let decode = |(id, event, data): (String, &str, String)| match Operation::new(Record::new(
        &id, event, &data,
    )) {
        Ok(operation) => print(&operation),
        Err(invalid) => {
            let _ = invalid.to_string();
            Ok(())
        }
    };
    runner().run(&event, decode).unwrap();
}
