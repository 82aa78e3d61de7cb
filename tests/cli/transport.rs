//! What lies between the program and the server: TLS and proxies.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::support::{
    Authority, ForwardProxy, Script, ScriptServer, Tail, closed_port, expected_json, insert,
};

fn stream() -> [Script; 1] {
    [Script::events(insert(1)).stall()]
}

#[test]
fn a_certificate_must_be_trusted() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let pem = authority.write_pem(folder.path());

    let server = ScriptServer::tls(stream(), &authority);
    Tail::url(server.url())
        .args(["-n", "1"])
        .arg("--cacert")
        .arg(&pem)
        .run()
        .exit(0)
        .stdout_is(&expected_json(insert(1).as_bytes()));

    let server = ScriptServer::tls(stream(), &authority);
    Tail::url(server.url())
        .args(["-n", "1", "--insecure"])
        .run()
        .exit(0);

    let server = ScriptServer::tls(stream(), &authority);
    Tail::url(server.url())
        .args(["-n", "1", "--retries", "0"])
        .run()
        .exit(4)
        .stderr_has("certificate")
        .stderr_has("(give the certificate of the authority with --cacert");
    assert!(server.requests().is_empty());

    // Another authority is none.
    let stranger = Authority::new();
    let server = ScriptServer::tls(stream(), &stranger);
    Tail::url(server.url())
        .args(["-n", "1", "--retries", "0"])
        .arg("--cacert")
        .arg(&pem)
        .run()
        .exit(4);
    assert!(server.requests().is_empty());
}

#[test]
fn https_to_a_server_without_tls_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        client.read_to_end(&mut Vec::new())
    });
    Tail::url(url)
        .args(["--retries", "0", "--insecure"])
        .run()
        .exit(4)
        .stderr_has("cannot connect: the server at this https:// address does not speak TLS");
    drop(server.join().unwrap());
}

#[test]
fn a_proxy_is_used_when_named() {
    let proxy = ForwardProxy::start();
    let server = ScriptServer::start(stream());
    Tail::url(server.url())
        .args(["-n", "1", "--proxy", &proxy.url()])
        .run()
        .exit(0)
        .stdout_is(&expected_json(insert(1).as_bytes()));
    let expected = format!("GET {} HTTP/1.1\r\n", server.url());
    assert!(
        proxy.heads()[0].starts_with(&expected),
        "{:?}",
        proxy.heads()
    );
    assert_eq!(server.request().target, "/");
}

#[test]
fn https_goes_through_a_tunnel() {
    let proxy = ForwardProxy::start();
    let server = ScriptServer::tls(stream(), &Authority::new());
    Tail::url(server.url_as(":pw@"))
        .args(["-n", "1", "--insecure", "--proxy", &proxy.url()])
        .run()
        .exit(0);
    let heads = proxy.heads();
    let expected = format!("CONNECT {} HTTP/1.1\r\n", server.address());
    assert!(heads[0].starts_with(&expected), "{heads:?}");
    // The password is for the server, behind the tunnel.
    assert!(
        !heads[0].to_ascii_lowercase().contains("authorization"),
        "{heads:?}"
    );
    assert!(server.request().header("Authorization").is_some());
}

#[test]
fn the_environment_names_a_proxy() {
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        let proxy = ForwardProxy::start();
        let server = ScriptServer::start(stream());
        Tail::url(server.url())
            .args(["-n", "1"])
            .env(name, proxy.url())
            .run()
            .exit(0);
        assert_eq!(proxy.heads().len(), 1, "{name}");
    }
    let proxy = ForwardProxy::start();
    let server = ScriptServer::tls(stream(), &Authority::new());
    Tail::url(server.url())
        .args(["-n", "1", "--insecure"])
        .env("HTTPS_PROXY", proxy.url())
        .run()
        .exit(0);
    assert_eq!(proxy.heads().len(), 1);
}

#[test]
fn the_environment_excepts_hosts_and_the_flag_goes_first() {
    let proxy = ForwardProxy::start();
    let server = ScriptServer::start(stream());
    Tail::url(server.url())
        .args(["-n", "1"])
        .env("HTTP_PROXY", proxy.url())
        .env("NO_PROXY", "127.0.0.1")
        .run()
        .exit(0);
    assert!(proxy.heads().is_empty());

    let named = ForwardProxy::start();
    let server = ScriptServer::start(stream());
    Tail::url(server.url())
        .args(["-n", "1", "--proxy", &named.url()])
        .env("HTTP_PROXY", proxy.url())
        .run()
        .exit(0);
    assert!(proxy.heads().is_empty());
    assert_eq!(named.heads().len(), 1);
}

/// As with the Go client.
#[test]
fn an_exception_may_name_a_port() {
    let proxy = ForwardProxy::start();
    let port = |server: &ScriptServer| server.address().port();
    let (excepted, other) = (ScriptServer::start(stream()), ScriptServer::start(stream()));
    let exception = format!("x, 127.0.0.1:{}", port(&excepted));
    for (server, through_proxy) in [(&excepted, 0), (&other, 1)] {
        Tail::url(server.url())
            .args(["-n", "1"])
            .env("HTTP_PROXY", proxy.url())
            .env("NO_PROXY", &exception)
            .run()
            .exit(0);
        assert_eq!(proxy.heads().len(), through_proxy);
    }
}

/// The proxy of the environment may need a password, and be named without http://.
#[test]
fn a_proxy_of_the_environment_gets_its_password() {
    for scheme in ["http://", ""] {
        let proxy = ForwardProxy::start();
        let server = ScriptServer::start(stream());
        let address = proxy.url().replace("http://", "");
        Tail::url(server.url())
            .args(["-n", "1"])
            .env("HTTP_PROXY", format!("{scheme}me:hu%2Fsh@{address}"))
            .run()
            .exit(0);
        let expected = crate::support::basic("me", "hu/sh");
        assert!(proxy.heads()[0].contains(&expected), "{:?}", proxy.heads());
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let proxy = closed_port();
    let named = format!("through the proxy {proxy}: cannot connect: ");
    let with_password = proxy.replace("http://", "http://me:hush@");
    let run = |tail: Tail| {
        tail.args(["--retries", "0"])
            .run()
            .exit(4)
            .stderr_is_prefixed()
            .stderr_has("http://127.0.0.1:1/: ")
            .stderr_has(&named)
            .stderr_has("(is the proxy running at this address")
            .stderr_lacks("hush");
    };
    let tail = || Tail::url("http://127.0.0.1:1/");
    run(tail().args(["--proxy", &with_password]));
    run(tail().env("http_proxy", &with_password));
    run(tail().env("ALL_PROXY", &with_password));
}

#[test]
fn a_variable_that_names_no_proxy_is_refused() {
    for (name, value, problem) in [
        ("HTTP_PROXY", "http://:3128:x", "not the URL of a proxy"),
        ("http_proxy", "/etc/proxy", "not the URL of a proxy"),
        (
            "ALL_PROXY",
            "socks5://me:hush@127.0.0.1:1",
            "SOCKS is not supported",
        ),
        ("all_proxy", "ftp://127.0.0.1:1", "only http and https"),
        ("HTTP_PROXY", "http://hush:12/hush@127.0.0.1:1", "%2F"),
        (
            "HTTP_PROXY",
            "\"http://me:hush@127.0.0.1:1\"",
            "the quotes are part of its value",
        ),
        (
            "all_proxy",
            "'127.0.0.1:1'",
            "the quotes are part of its value",
        ),
    ] {
        let server = ScriptServer::repeating(stream()[0].clone());
        Tail::url(server.url())
            .args(["-n", "1"])
            .env(name, value)
            .run()
            .exit(2)
            .stderr_has(name)
            .stderr_has(problem)
            .stderr_lacks("hush");
        assert!(server.requests().is_empty(), "{name}");
        // Where it does not count it is not looked at.
        let proxy = ForwardProxy::start();
        Tail::url(server.url())
            .args(["-n", "1", "--proxy", &proxy.url()])
            .env(name, value)
            .run()
            .exit(0);
        Tail::new()
            .args(["--demo", "-n", "1"])
            .env(name, value)
            .run()
            .exit(0);
    }
    // Of another scheme, or empty, which is how one is turned off.
    let server = ScriptServer::start(stream());
    Tail::url(server.url())
        .args(["-n", "1"])
        .env("HTTPS_PROXY", "/etc/proxy")
        .env("HTTP_PROXY", "")
        .run()
        .exit(0);
}

#[test]
fn exceptions_in_quotes_are_told_as_that() {
    for name in ["NO_PROXY", "no_proxy"] {
        let server = ScriptServer::start(stream());
        Tail::url(server.url())
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env(name, "\"127.0.0.1, localhost\"")
            .run()
            .exit(2)
            .stderr_has(name)
            .stderr_has("the quotes are part of its value");
        assert!(server.requests().is_empty());
    }
}

/// What keeps reqwest from a proxy keeps the program from looking at what its variable says.
#[test]
fn a_variable_that_does_not_count_is_not_looked_at() {
    let proxy = ForwardProxy::start();
    for value in ["socks5://127.0.0.1:1", "bad%%x", &proxy.url()] {
        for (name, setting) in [
            ("NO_PROXY", "127.0.0.1"),
            ("no_proxy", "127.0.0.0/8"),
            ("NO_PROXY", "*"),
            ("NO_PROXY", "localhost, *"),
            ("REQUEST_METHOD", "GET"),
        ] {
            let server = ScriptServer::start(stream());
            Tail::url(server.url())
                .args(["-n", "1"])
                .env("HTTP_PROXY", value)
                .env(name, setting)
                .run()
                .exit(0)
                .stderr_is_empty();
        }
    }
    assert!(proxy.heads().is_empty());
}

/// A redirect leads to where another variable counts, which was not looked at before.
#[test]
fn a_password_with_a_slash_is_not_taken_for_a_host() {
    let server = ScriptServer::start([Script::redirect(302, "https://127.0.0.1:1/")]);
    Tail::url(server.url())
        .args(["--retries", "0"])
        .env("HTTPS_PROXY", "http://hush:1/hush@127.0.0.1:1")
        .run()
        .exit(4)
        .stderr_has("through the proxy of HTTPS_PROXY: ")
        .stderr_lacks("hush");
}
