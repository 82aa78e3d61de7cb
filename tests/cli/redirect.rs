//! Where redirects lead, and what is sent along.

use crate::support::{
    Authority, Script, ScriptServer, Tail, basic, closed_port, insert, operation_id,
};

fn stream() -> Script {
    Script::events(insert(2)).stall()
}

#[test]
fn every_kind_is_followed_with_the_credentials_within_an_origin() {
    for status in [301, 302, 303, 307, 308] {
        let server = ScriptServer::start([Script::redirect(status, "/ops?a=b"), stream()]);
        Tail::url(server.url_as(":pw@"))
            .args(["-n", "1", "-H", "X-Key: k", "--start-id", &operation_id(1)])
            .run()
            .exit(0)
            .stderr_is_empty();
        let requests = server.wait_for_requests(2);
        let request = &requests[1];
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("GET", "/ops?a=b")
        );
        assert_eq!(request.header("Accept"), Some("text/event-stream"));
        request.asks_after(&operation_id(1));
        assert_eq!(
            request.header("Authorization"),
            Some(basic("", "pw").as_str())
        );
        assert_eq!(request.header("X-Key"), Some("k"));
    }
}

#[test]
fn five_are_followed_and_six_are_not() {
    let hop = Script::redirect(302, "/again");
    let mut scripts = vec![hop.clone(); 5];
    scripts.push(stream());
    let server = ScriptServer::start(scripts);
    Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
    assert_eq!(server.requests().len(), 6);

    let server = ScriptServer::repeating(hop);
    Tail::url(server.url())
        .args(["-n", "1", "--retries", "0"])
        .run()
        .exit(4)
        .stderr_has("redirect");
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn credentials_stay_with_their_origin() {
    // The second hop stays at the other origin: the one on which clients are known to slip.
    let other = ScriptServer::start([Script::redirect(307, "/second"), stream()]);
    let server = ScriptServer::start([Script::redirect(302, &format!("{}first", other.url()))]);
    Tail::url(server.url())
        .args([
            "-n",
            "1",
            "--password",
            "pw",
            "-H",
            "X-Key: k",
            "-H",
            "Cookie: c=d",
        ])
        .args(["--start-id", &operation_id(1)])
        .run()
        .exit(0);
    assert!(server.request().header("Authorization").is_some());
    let requests = other.wait_for_requests(2);
    assert_eq!(requests[0].target, "/first");
    assert_eq!(requests[1].target, "/second");
    for request in requests {
        for name in ["Authorization", "X-Key", "Cookie"] {
            assert_eq!(request.header(name), None, "{}", request.raw);
        }
        assert_eq!(request.header("Accept"), Some("text/event-stream"));
        request.asks_after(&operation_id(1));
    }
}

#[test]
fn the_message_says_that_another_origin_wants_credentials() {
    for status in [401, 403] {
        let other = ScriptServer::repeating(Script::status(status));
        let server = ScriptServer::repeating(Script::redirect(302, &other.url()));
        Tail::url(server.url_as(":pw@"))
            .run()
            .exit(3)
            .stderr_has(&other.address().to_string())
            .stderr_has("origin");
    }
}

#[test]
fn the_next_connection_begins_at_the_first_url_again() {
    let other = ScriptServer::start([Script::events(insert(1)), Script::events(insert(2)).stall()]);
    let server = ScriptServer::repeating(Script::redirect(302, &other.url()));
    Tail::url(server.url()).args(["-n", "2"]).run().exit(0);
    assert_eq!(server.requests().len(), 2);
    other.requests()[1].asks_after(&operation_id(1));
}

#[test]
fn encryption_is_not_given_up() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let plain = ScriptServer::start([stream()]);
    let server = ScriptServer::tls([Script::redirect(302, &plain.url())], &authority);
    Tail::url(server.url())
        .arg("--cacert")
        .arg(authority.write_pem(folder.path()))
        .run()
        .exit(4)
        .stderr_has("redirect");
    assert!(plain.requests().is_empty());
}

#[test]
fn a_redirect_to_nowhere_is_fatal() {
    for location in ["ftp://127.0.0.1/", "http://[::1/"] {
        let server = ScriptServer::repeating(Script::redirect(302, location));
        Tail::url(server.url())
            .args(["--retries", "0"])
            .run()
            .exit(4);
    }
    let server = ScriptServer::repeating(Script::status(302));
    Tail::url(server.url())
        .args(["--retries", "0"])
        .run()
        .exit(4);
}

#[test]
fn a_failure_after_a_redirect_names_both_places() {
    let elsewhere = format!("{}there", closed_port());
    let server = ScriptServer::repeating(Script::redirect(302, &elsewhere));
    Tail::url(server.url())
        .args(["-n", "1", "--retries", "0"])
        .run()
        .exit(4)
        .stderr_is_prefixed()
        .stderr_has(&format!(
            "{}: redirected to {elsewhere}: cannot connect: ",
            server.url()
        ));
}
