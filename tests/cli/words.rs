//! What is said of networks, TLS and proxies: sentences, and advice where it can help.

use rustix::process::Signal;

use std::path::Path;

use crate::support::{
    Authority, Finished, Request, Script, ScriptServer, Tail, at_once, expected_json, insert,
};

fn stream() -> [Script; 1] {
    [Script::events(insert(1)).stall()]
}

/// A run that trusts this authority and does not connect.
fn rejected(server: &ScriptServer, authority: &Path) -> Finished {
    Tail::url(server.url())
        .args(["--retries", "0"])
        .arg("--cacert")
        .arg(authority)
        .run()
        .exit(4)
}

/// A server that shows the certificate of an authority, as `openssl req -x509` makes it.
#[test]
fn the_certificate_of_an_authority_used_by_a_server_is_told_in_words() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let pem = authority.write_pem(folder.path());
    let server = ScriptServer::tls_with(stream(), authority.own_certificate());
    rejected(&server, &pem)
        .stderr_has("certificate of an authority (CA:TRUE) as its own")
        .stderr_has("CA:FALSE")
        .stderr_lacks("Other")
        .stderr_lacks("--cacert");
}

#[test]
fn a_certificate_for_another_host_or_another_time_is_told_in_words() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let pem = authority.write_pem(folder.path());
    for (config, sentence) in [
        (
            authority.config_for("b.example", false),
            "certificate is not for 127.0.0.1, but for b.example",
        ),
        (
            authority.config_for("127.0.0.1", true),
            "certificate has expired 2001-02-03T00:00:00Z",
        ),
    ] {
        let server = ScriptServer::tls_with(stream(), config);
        rejected(&server, &pem)
            .stderr_has(sentence)
            .stderr_lacks("--cacert");
    }
}

#[test]
fn a_proxy_that_wants_a_password_is_named_and_not_asked_again() {
    let refuses = || ScriptServer::repeating(Script::status(407));
    for url in ["http://127.0.0.1:1/", "https://127.0.0.1:1/"] {
        let proxy = refuses();
        Tail::url(url)
            .args(["--proxy", &proxy.url_as("me:hush@")])
            .run()
            .exit(4)
            .stderr_has(&format!("through the proxy {}: ", proxy.url()))
            .stderr_has("(407)")
            .stderr_has("http://USER:PASSWORD@HOST:PORT")
            .stderr_lacks("hush");
        assert_eq!(proxy.requests().len(), 1, "{url}");
        let proxy = refuses();
        Tail::url(url)
            .env("ALL_PROXY", proxy.url())
            .run()
            .exit(4)
            .stderr_has(&format!("through the proxy {}: ", proxy.url()));
    }
}

#[test]
fn a_proxy_that_does_not_connect_is_told_as_that() {
    for status in [403, 502, 999] {
        let proxy = ScriptServer::repeating(Script::status(status));
        let sentence = format!("it refuses to connect to the agent ({status}");
        Tail::url("https://127.0.0.1:1/")
            .args(["--retries", "0", "--proxy", &proxy.url_as("me:hush@")])
            .run()
            .exit(4)
            .stderr_has(&sentence)
            .stderr_lacks("hush")
            .stderr_lacks("is the proxy running")
            .stderr_lacks("unknown status");
        let asked = proxy.requests();
        let with_password = |request: &Request| request.header("proxy-authorization").is_some();
        assert!(asked.iter().all(with_password), "{asked:?}");
        let of_environment = proxy.url_as("me:hush@");
        Tail::url("https://127.0.0.1:1/")
            .args(["--retries", "0"])
            .env("HTTPS_PROXY", of_environment)
            .run()
            .exit(4)
            .stderr_has(&sentence)
            .stderr_lacks("hush");
    }
}

/// The proxy is asked a second time for its status, and may then answer otherwise or not at all.
#[test]
fn a_proxy_that_does_not_repeat_its_refusal_is_told_without_a_status() {
    let answers = [
        Script::status(200),
        Script::raw(""),
        Script::raw("nonsense\r\n\r\n"),
        Script::silent().stall(),
    ];
    for second in answers {
        let proxy = ScriptServer::start([Script::status(502), second]);
        Tail::url("https://127.0.0.1:1/")
            .args(["--retries", "0", "--connect-timeout", "4s"])
            .args(["--proxy", &proxy.url()])
            .run()
            .exit(4)
            .stderr_has("it refuses to connect to the agent; gave up")
            .stderr_lacks("200");
    }
}

#[test]
fn many_headers_and_long_ones_are_taken() {
    let names: Vec<_> = (0..300).map(|n| format!("X-Gateway-{n}")).collect();
    let value = "v".repeat(900);
    let headers: Vec<_> = names.iter().map(|name| (&**name, &*value)).collect();
    let server = ScriptServer::start([Script::events_with(&headers, insert(1)).stall()]);
    Tail::url(server.url())
        .args(["-n", "1", "--retries", "0"])
        .run()
        .exit(0)
        .stdout_is(&expected_json(insert(1).as_bytes()));
}

/// There is a limit, and trying again does not change what is over it.
#[test]
fn a_head_over_the_limit_is_told_and_not_tried_again() {
    let many = "X-Gateway: v\r\n".repeat(2_000);
    let long = format!("X-Gateway: {}\r\n", "v".repeat(1 << 20));
    for headers in [many, long] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{headers}\r\n");
        let server = ScriptServer::repeating(Script::raw(head).stall());
        Tail::url(server.url())
            .run()
            .exit(4)
            .stderr_has("the headers of the answer are too many or too long");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_password_file_may_begin_with_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "\u{feff}secret\r\n").unwrap();
    let server = ScriptServer::start(stream());
    Tail::url(server.url())
        .args(["-n", "1"])
        .arg("--password-file")
        .arg(&file)
        .run()
        .exit(0);
    assert_eq!(
        server.request().header("Authorization"),
        Some(&*crate::support::basic("", "secret"))
    );
}

#[test]
fn a_url_in_quotes_is_told_as_that() {
    Tail::new()
        .env("OPLOG_TAIL_URL", "\"http://127.0.0.1:1/\"")
        .run()
        .exit(2)
        .stderr_has("OPLOG_TAIL_URL")
        .stderr_has("it must begin with http:// or https://")
        .stderr_lacks("relative URL");
}

/// The libraries have a text for each of these; a person gets a sentence.
#[test]
fn what_is_no_http_is_told_in_words() {
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                   Transfer-Encoding: chunked\r\n\r\n";
    let breaks_rules = "the connection broke: the answer of the server is not valid HTTP";
    for (answer, told) in [
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "does not speak HTTP/1"),
        (
            "\u{15}\u{3}\u{3}\0\u{2}".to_owned(),
            "the URL begins with https://",
        ),
        (format!("{chunked}x\r\n"), breaks_rules),
        (format!("{chunked}2\r\n:\nxx\r\n"), breaks_rules),
    ] {
        let server = ScriptServer::repeating(Script::raw(answer));
        Tail::url(server.url())
            .args(["--retries", "0"])
            .run()
            .exit(4)
            .stderr_has(told)
            .stderr_lacks("parsed")
            .stderr_lacks("chunk");
    }
}

#[test]
fn a_connection_cut_in_the_middle_has_one_wording() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    for (framing, body) in [
        ("Transfer-Encoding: chunked\r\n\r\n", "5\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n", "2\r\n:\n\r\n"),
        ("Content-Length: 100\r\n\r\n", ":\n"),
    ] {
        let server = ScriptServer::repeating(Script::raw(format!("{head}{framing}{body}")));
        Tail::url(server.url())
            .args(["--retries", "0"])
            .run()
            .exit(4)
            .stderr_has("the connection ended before the answer was complete")
            .stderr_lacks("EOF")
            .stderr_lacks("length reached");
    }
}

/// What an agent does whose log is empty, or whose store is down.
#[test]
fn connections_that_end_again_and_again_have_a_cause_that_is_told() {
    let causes = "its log is empty or its store is down";
    let scripts = [
        Script::silent(),
        Script::events(""),
        Script::chunked_events(""),
        Script::silent().reset(),
        Script::events("id: 1\nevent: reset\n\nid: \nevent: live\n\n"),
    ];
    at_once(scripts, |script| {
        let server = ScriptServer::repeating(script);
        let mut tail = Tail::url(server.url()).spawn();
        tail.wait_for_stderr(causes);
        assert!(server.requests().len() >= 3);
        tail.signal(Signal::TERM);
        tail.wait().exit(0);
    });
    // What works between the ends has no such cause.
    let ends = || Script::events("");
    let works = Script::events(":\n");
    let server = ScriptServer::start([ends(), ends(), works, ends()]);
    Tail::url(server.url())
        .run()
        .exit(4)
        .stderr_has("404")
        .stderr_lacks(causes);
}

/// The answer of such a server does not change; one that mends itself is followed.
#[test]
fn what_cannot_be_read_is_tried_five_times() {
    let gzip = || Script::events_with(&[("Content-Encoding", "gzip")], "x");
    let garbage = || Script::events(b"id: \xff\n\n".as_slice());
    let no_http = || Script::raw("SSH-2.0-OpenSSH\r\n");
    at_once([gzip(), garbage(), no_http()], |script| {
        let server = ScriptServer::repeating(script);
        Tail::url(server.url())
            .run()
            .exit(4)
            .stderr_has("5 tries in a row brought nothing that can be read");
        assert_eq!(server.requests().len(), 5);
    });
    let mends = [gzip(), garbage(), gzip(), garbage(), stream()[0].clone()];
    // An event between them starts the count afresh.
    let rises = Script::events([insert(1).as_bytes(), b"id: \xff\n\n"].concat());
    let works = [
        garbage(),
        rises,
        garbage(),
        Script::events(insert(2)).stall(),
    ];
    at_once(
        [(mends.to_vec(), "1"), (works.to_vec(), "2")],
        |(scripts, count)| {
            let server = ScriptServer::start(scripts);
            Tail::url(server.url()).args(["-n", count]).run().exit(0);
        },
    );
}

#[test]
fn the_last_second_that_can_be_told_is_in_the_future() {
    Tail::url("http://127.0.0.1:1/")
        .args(["--since", "9999-12-31T23:59:59Z"])
        .run()
        .exit(2)
        .stderr_has("it is in the future");
}
