use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::server::model::ModelConfig;
use crate::server::object::Change;
use crate::server::{Admission, ServerConfig, ServerThread};

const PATIENCE: Duration = Duration::from_secs(10);
const STREAM: &str = "Accept: text/event-stream\r\n";

fn server(config: ServerConfig) -> ServerThread {
    ServerThread::on_loopback(config).unwrap()
}

fn connect(server: &ServerThread) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(server: &ServerThread, line: &str, headers: &str) -> TcpStream {
    let mut stream = connect(server);
    write!(stream, "{line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").unwrap();
    stream
}

/// Reads until the text holds `end`.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if text.contains(end) {
            return text.into_owned();
        }
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "ended after {text:?}, waiting for {end:?}");
        bytes.extend_from_slice(&piece[..count]);
    }
}

fn head(server: &ServerThread, line: &str, headers: &str) -> String {
    read_until(&mut ask(server, line, headers), "\r\n\r\n")
}

#[test]
fn refuses_what_oplogd_refuses() {
    let server = server(ServerConfig {
        password: Some("pass:word".into()),
        ..ServerConfig::default()
    });
    // `any:pass:word` and `:wrong`.
    let right = format!("{STREAM}Authorization: Basic YW55OnBhc3M6d29yZA==\r\n");
    let wrong = format!("{STREAM}Authorization: Basic Ondyb25n\r\n");
    let invalid = format!("{right}Last-Event-ID: abc\r\n");
    for (line, headers, status) in [
        ("POST /", right.as_str(), "405"),
        ("GET /other", &right, "404"),
        ("GET /", "", "406"),
        ("GET /", "Accept: */*\r\n", "406"),
        ("GET /", STREAM, "401"),
        ("GET /ops", &wrong, "401"),
        ("GET /", &invalid, "400"),
        ("GET /ops", &right, "200"),
    ] {
        let head = head(&server, line, headers);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line} {headers}: {head}"
        );
        assert_eq!(head.contains("www-authenticate: Basic "), status == "401");
    }
    let statuses: Vec<_> = server.requests().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [405, 404, 406, 406, 401, 401, 400, 200]);
}

#[test]
fn streams_a_replication_then_live_operations_and_heartbeats() {
    let server = server(ServerConfig {
        heartbeat: Duration::from_millis(30),
        ..ServerConfig::default()
    });
    server.append_at(&Change::insert("video", "a,b").parents(["user/é"]), 5000);
    server.append_at(&Change::insert("user", "u1"), 6000);
    let headers = format!("{STREAM}Last-Event-ID: 0\r\n");
    let mut stream = ask(
        &server,
        "GET /?types=video%2Cplaylist&parents=user%2F%C3%A9",
        &headers,
    );
    let replication = read_until(&mut stream, "event: live");
    for part in [
        "content-type: text/event-stream\r\n",
        "last-event-id: 0\r\n",
        "date: ",
    ] {
        assert!(replication.contains(part), "{part}: {replication}");
    }
    assert!(replication.contains("id: 1\nevent: reset\n\nid: 5000\nevent: insert\n"));
    assert!(!replication.contains("id: 6000"));
    read_until(&mut stream, "\r\n:\n\r\n");
    let id = server.append(&Change::delete("video", "c").parents(["user/é"]));
    read_until(&mut stream, &format!("id: {id}\nevent: delete\n"));
    let asked = server.requests().remove(0);
    assert_eq!(asked.header("last-event-id"), Some("0"));
    assert_eq!(
        asked.query.as_deref(),
        Some("types=video%2Cplaylist&parents=user%2F%C3%A9")
    );
}

#[test]
fn a_request_that_was_noted_gets_what_is_appended() {
    let server = server(ServerConfig::default());
    let mut stream = ask(&server, "GET /", STREAM);
    assert_eq!(server.wait_for_requests(1, PATIENCE).len(), 1);
    let id = server.append(&Change::insert("video", "v1"));
    read_until(&mut stream, &id.to_string());
}

#[test]
fn cuts_holds_and_refuses_connections() {
    let server = server(ServerConfig::default());
    let mut stream = ask(&server, "GET /", STREAM);
    read_until(&mut stream, "\r\n\r\n");
    server.admit(Admission::Hold);
    server.drop_connections();
    server.append(&Change::insert("video", "v1"));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(
        rest.is_empty(),
        "neither an operation nor the end of the body"
    );

    let mut held = ask(&server, "GET /", STREAM);
    held.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(held.read(&mut [0]).is_err());
    server.admit(Admission::Refuse);
    held.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(held.read(&mut [0]).unwrap_or(0), 0);

    server.admit(Admission::Open);
    head(&server, "GET /", STREAM);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_big_store_is_streamed_as_fast_as_it_is_read() {
    let server = server(ServerConfig::default());
    server.with_model(|model| {
        for number in 0..20_000 {
            model.append(&Change::insert("video", &number.to_string()), 1000);
        }
    });
    let headers = format!("{STREAM}Last-Event-ID: 0\r\n");
    let mut stream = ask(&server, "GET /", &headers);
    let text = read_until(&mut stream, "event: live");
    assert_eq!(text.matches("event: insert\n").count(), 20_000);
}

#[test]
fn stopping_ends_open_streams() {
    let server = server(ServerConfig::default());
    let mut stream = ask(&server, "GET /", STREAM);
    read_until(&mut stream, "\r\n\r\n");
    let address = server.address();
    drop(server);
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    let _ = stream.shutdown(Shutdown::Both);
    assert!(TcpStream::connect(address).is_err());
}

/// A log of 20 operations, and connections that are soon blocked.
fn overtaking() -> ServerThread {
    server(ServerConfig {
        model: ModelConfig {
            capacity: 20,
            ..ModelConfig::default()
        },
        send_buffer: Some(64 * 1024),
        ..ServerConfig::default()
    })
}

/// Objects of some size, so that little of them fills a socket.
fn big(number: usize) -> Change {
    Change::insert("video", &number.to_string()).parents([&*"p".repeat(1500)])
}

fn append_paced(server: &ServerThread, change: &Change) {
    server.append(change);
    server.settle();
}

/// A client whose socket takes everything is never overtaken, however fast operations come.
#[test]
fn a_client_whose_socket_takes_everything_skips_nothing() {
    let server = overtaking();
    let mut stream = ask(&server, "GET /", STREAM);
    read_until(&mut stream, "\r\n\r\n");
    // Three times the log, and less than what a socket holds; then the client reads.
    for round in 0..20 {
        for number in 0..60 {
            let change = Change::insert("video", &format!("{round}-{number}"));
            append_paced(&server, &change.parents([&*"p".repeat(300)]));
        }
        let text = read_until(&mut stream, &format!(r#""id":"{round}-59""#));
        assert_eq!(text.matches("event: insert\n").count(), 60);
    }
    assert_eq!(server.with_model(|model| model.skipped()), 0);
}

/// What the socket holds comes, then the newest operations, and no word of what lies between.
#[test]
fn a_client_that_does_not_read_is_overtaken() {
    const COUNT: usize = 1_000;
    let server = overtaking();
    let mut stream = ask(&server, "GET /", STREAM);
    read_until(&mut stream, "\r\n\r\n");
    for number in 0..COUNT {
        append_paced(&server, &big(number));
    }
    let text = read_until(&mut stream, &format!(r#""id":"{}""#, COUNT - 1));
    let came = text.matches("event: insert\n").count();
    let skipped = server.with_model(|model| model.skipped());
    assert_eq!(came + skipped, COUNT);
    assert!(skipped > COUNT / 2, "{skipped}");
    assert!(server.with_model(|model| !model.gaps().is_empty()));
}

#[test]
fn several_agents_share_a_store_and_each_has_a_clock() {
    let server = server(ServerConfig {
        date_of_model: true,
        ..ServerConfig::default()
    });
    let ahead = server.another(3000).unwrap();
    let id = ahead.append_at(&Change::insert("video", "v1"), 1_795_456_500_500);
    assert_eq!(u64::from(id.second()), 1_795_456_500);
    server.append_at(&Change::insert("video", "v2"), 1_795_456_509_000);
    for (agent, date) in [(server.address(), ":09 GMT"), (ahead.address(), ":12 GMT")] {
        let mut stream = TcpStream::connect(agent).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET / HTTP/1.1\r\n{STREAM}Last-Event-ID: 0\r\n\r\n").unwrap();
        let text = read_until(&mut stream, "event: live");
        assert!(text.contains(date), "{text}");
        assert!(text.contains("id: 1795456503500\nevent: insert"), "{text}");
    }
    assert_eq!((server.connections(), ahead.connections()), (1, 1));
}

#[test]
fn tells_its_status_without_a_password() {
    let server = server(ServerConfig {
        password: Some("secret".into()),
        ..ServerConfig::default()
    });
    server.append(&Change::insert("video", "v1"));
    let text = read_until(&mut ask(&server, "GET /status", ""), "\"status\":\"OK\"}");
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    let (_, json) = text.split_once("\r\n\r\n").unwrap();
    let status: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(status["events_ingested"], 1);
    assert_eq!(status["clients"], 0);
    assert_eq!(status["connections"], 1);
    assert_eq!(status["cmdline"][2], "secret");
    assert!(status["memstats"].is_object());
}
