//! Whatever way the network fails, the program goes on by the rules and says why.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{
    Acceptor, AfterLast, Authority, Gate, Script, ScriptServer, Tail, at_once, closed_port,
    expected_json, fixture, insert, left_by, operation_id,
};

fn json(body: &str) -> Vec<String> {
    expected_json(body.as_bytes())
}

#[test]
fn a_connection_that_breaks_is_made_again_and_the_message_says_why() {
    let whole = insert(2);
    let half = &whole[..whole.len() / 2];
    let begun = || Script::events(insert(1) + half);
    let chunk = insert(1);
    let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    let chunks = |rest: &str| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        Script::raw(head.to_owned() + &chunk + rest)
    };
    let length = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n{}",
        insert(1)
    );
    let gate = Gate::new();
    let cut = "before the answer was complete";
    at_once(
        [
            ("end", Script::events(insert(1)), "ended the connection"),
            ("in an event", begun(), "in the middle of an event"),
            ("reset", begun().wait_for(&gate).reset(), "reset"),
            ("stall", begun().stall(), "sent nothing for 2 s"),
            ("short chunk", chunks("ff\r\nid: "), cut),
            ("bad chunk", chunks("zz\r\n"), "connection broke"),
            ("no last chunk", chunks(""), cut),
            ("short body", Script::raw(length), cut),
        ],
        |(name, script, reason)| {
            let good = Script::events(insert(2)).stall();
            let server = ScriptServer::start([script, good]);
            let mut run = Tail::url(server.url())
                .args(["-n", "2", "--read-timeout", "2s"])
                .spawn();
            run.read_line();
            gate.open();
            let finished = run.wait().exit(0).stderr_is_prefixed();
            assert!(
                finished.stderr.contains(reason) && finished.stderr.contains(&server.url()),
                "{name}: {}",
                finished.stderr
            );
            finished
                .stderr_has("trying again in")
                .stdout_is(&json(&(insert(1) + &insert(2))));
            let requests = server.requests();
            assert_eq!(requests.len(), 2, "{name}");
            let after = operation_id(1);
            assert_eq!(requests[1].last_event_id(), Some(after.as_str()), "{name}");
        },
    );
}

#[test]
fn a_connection_that_is_not_made_is_tried_again_and_the_message_says_why() {
    let stall = Script::silent().stall();
    at_once(
        [
            (
                "no answer",
                Script::silent(),
                "before the answer was complete",
            ),
            (
                "no HTTP",
                Script::raw("SSH-2.0-OpenSSH\r\n"),
                "request failed",
            ),
            (
                "noise",
                Script::raw(b"\x00\xff\x16\x03".as_slice()),
                "request failed",
            ),
            (
                "half a head",
                Script::raw("HTTP/1.1 200 OK\r\nConte"),
                "before the answer was complete",
            ),
            ("a reset", Script::silent().reset(), "request failed"),
            ("silence", stall, "no answer within"),
            ("busy", Script::status(503), "503"),
        ],
        |(name, script, reason)| {
            let server = ScriptServer::start([script, Script::events(insert(1)).stall()]);
            let finished = Tail::url(server.url())
                .args(["-n", "1", "--read-timeout", "1s", "--connect-timeout", "1s"])
                .run()
                .exit(0)
                .stderr_is_prefixed()
                .stdout_is(&json(&insert(1)));
            let told = finished.stderr.contains(reason) && finished.stderr.contains(&server.url());
            assert!(told, "{name}: {}", finished.stderr);
            // Half a second at least, as the first wait is.
            assert!(finished.elapsed >= Duration::from_millis(500), "{name}");
            assert_eq!(server.requests().len(), 2, "{name}");
        },
    );
}

#[test]
fn a_handshake_that_fails() {
    // What becomes of a TLS client's first message.
    let dropped: fn(&TcpStream) -> std::io::Result<()> = |_| Ok(());
    let alert: fn(&TcpStream) -> std::io::Result<()> =
        |mut socket| socket.write_all(b"\x15\x03\x03\x00\x02\x02\x28");
    let noise: fn(&TcpStream) -> std::io::Result<()> =
        |mut socket| socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    for (answer, reason) in [
        (dropped, "cannot connect: "),
        (alert, "the server refuses the TLS handshake"),
        (noise, "does not speak TLS"),
    ] {
        let acceptor = Acceptor::start(move |_, mut socket, _| {
            let _ = socket.read(&mut [0; 64])?;
            answer(socket)
        });
        let url = acceptor.url("https");
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let good = ScriptServer::tls([Script::events(insert(1)).stall()], &authority);
        Tail::url(&url)
            .args(["-n", "1", "--url", &good.url(), "--cacert"])
            .arg(authority.write_pem(folder.path()))
            .run()
            .exit(0)
            .stderr_is_prefixed()
            .stderr_has(&url)
            .stderr_has(reason)
            .stdout_is(&json(&insert(1)));
    }
}

#[test]
fn nothing_there() {
    let unknown = "http://no-such-host.invalid/";
    let closed = closed_port();
    at_once(
        [(unknown, "lookup"), (&closed, "refused")],
        |(url, reason)| {
            let server = ScriptServer::start([Script::events(insert(1)).stall()]);
            let finished = Tail::url(url)
                .args(["-n", "1", "--url", &server.url()])
                .run()
                .exit(0)
                .stderr_is_prefixed()
                .stderr_has(url)
                .stderr_has("cannot connect");
            let told = finished.stderr.to_lowercase().contains(reason);
            assert!(told, "{reason}: {}", finished.stderr);
            // Alone it is tried again and again.
            Tail::url(url)
                .args(["--retries", "1"])
                .run()
                .exit(4)
                .stderr_has("trying again in");
        },
    );
}

#[test]
fn a_byte_at_a_time_is_as_good_as_all_at_once() {
    let body = fixture("replication-types-video.sse");
    let script = Script::events("").send_in_chunks(body.as_slice(), 1);
    let chunked = Script::chunked_events("").send_in_chunks(body.as_slice(), 1);
    let mut slow = Script::events("");
    for byte in insert(1).bytes() {
        slow = slow.send([byte]).pause(Duration::from_millis(10));
    }
    at_once(
        [
            (script, &*body),
            (chunked, &body),
            (slow, insert(1).as_bytes()),
        ],
        |(script, body)| {
            let expected = expected_json(body);
            let server = ScriptServer::start([script.stall()]);
            Tail::url(server.url())
                .args(["-n", &expected.len().to_string(), "--read-timeout", "1s"])
                .run()
                .exit(0)
                .says_incomplete(left_by(body))
                .stdout_is(&expected);
        },
    );
}

#[test]
fn heartbeats_alone_keep_a_connection_and_silence_ends_it() {
    let beating = Script::events("").heartbeats(Duration::from_millis(100));
    let server = ScriptServer::start([beating]);
    Tail::url(server.url())
        .args(["--read-timeout", "1s", "--timeout", "3s"])
        .run()
        .exit(0)
        .stderr_is_empty();
    assert_eq!(server.requests().len(), 1);

    let silent = Script::events(":\n").stall();
    let server = ScriptServer::with([silent], AfterLast::Repeat);
    Tail::url(server.url())
        .args(["--read-timeout", "400ms", "--timeout", "3s"])
        .run()
        .exit(0)
        .stderr_has("sent nothing for 400 ms");
    assert!(server.requests().len() >= 2);
}
