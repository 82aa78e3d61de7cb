use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::*;

fn ask(server: &ScriptServer, target: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        client,
        "GET {target} HTTP/1.1\r\nHost: x\r\nAccept:  a \r\n\r\n"
    )
    .unwrap();
    client
}

fn all(mut client: TcpStream) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn plays_scripts_in_order_and_records_requests() {
    let server = ScriptServer::start([
        Script::status(503),
        Script::events_at("Mon, 23 Nov 2026 17:55:11 GMT", "id: 1\n\n"),
    ]);
    assert_eq!(
        all(ask(&server, "/a?b=c")),
        "HTTP/1.1 503 Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(
        all(ask(&server, "/")),
        "HTTP/1.1 200 Status\r\nContent-Type: text/event-stream\r\nDate: Mon, 23 Nov 2026 17:55:11 GMT\r\n\r\nid: 1\n\n"
    );
    assert!(all(ask(&server, "/")).starts_with("HTTP/1.1 404 "));
    let requests = server.wait_for_requests(3);
    assert_eq!(
        (requests[0].method.as_str(), requests[0].target.as_str()),
        ("GET", "/a?b=c")
    );
    assert_eq!(requests[0].header("accept"), Some("a"));
}

#[test]
fn waits_for_the_test_and_stalls() {
    let gate = Gate::new();
    let server = ScriptServer::start([Script::raw("one").wait_for(&gate).send("two").stall()]);
    let mut client = ask(&server, "/");
    let mut part = [0; 3];
    client.read_exact(&mut part).unwrap();
    assert_eq!(&part, b"one");
    gate.open();
    client.read_exact(&mut part).unwrap();
    assert_eq!(&part, b"two");
    drop(server);
    assert_eq!(client.read(&mut part).unwrap(), 0);
}

#[test]
fn sends_http_chunks() {
    let script = Script::chunked_events("ab").send_in_chunks("cde", 2);
    let server = ScriptServer::repeating(script);
    for _ in 0..2 {
        let text = all(ask(&server, "/"));
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body, "2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n");
    }
    let server = ScriptServer::start([Script::chunked_events("ab").end_of_chunks()]);
    assert!(all(ask(&server, "/")).ends_with("\r\n\r\n2\r\nab\r\n0\r\n\r\n"));
}

#[test]
fn resets_connections() {
    let gate = Gate::new();
    let server = ScriptServer::start([Script::raw("x").wait_for(&gate).reset()]);
    let mut client = ask(&server, "/");
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    gate.open();
    let error = client.read(&mut byte).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn refuses_after_the_last_script() {
    let server = ScriptServer::with([Script::status(200)], AfterLast::Refuse);
    all(ask(&server, "/"));
    assert!(TcpStream::connect(server.address()).is_err());
    let address = closed_port();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn floods_until_the_client_goes_away() {
    let server = ScriptServer::start([Script::silent().flood(|n| n.to_be_bytes().to_vec())]);
    let mut client = ask(&server, "/");
    for expected in 0..100_000_u64 {
        let mut number = [0; 8];
        client.read_exact(&mut number).unwrap();
        assert_eq!(u64::from_be_bytes(number), expected);
    }
}

#[test]
fn speaks_tls() {
    let authority = Authority::new();
    let server = ScriptServer::tls([Script::raw("hello")], &authority);
    let mut socket = TcpStream::connect(server.address()).unwrap();
    let mut tls = authority.client("127.0.0.1");
    let mut wire = rustls::Stream::new(&mut tls, &mut socket);
    wire.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut text = String::new();
    wire.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert_eq!(server.request().target, "/");
}
