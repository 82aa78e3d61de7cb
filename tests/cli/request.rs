//! What the server is asked: headers, filters and credentials.

use crate::support::{Finished, Request, Script, ScriptServer, Tail, basic, insert};

const SECRET: &str = "s3cr3t-w0rd";

fn one_event() -> ScriptServer {
    ScriptServer::start([Script::events(insert(1)).stall()])
}

/// Runs until the first operation and returns what the server was asked.
fn request_of(prepare: impl FnOnce(&ScriptServer) -> Tail) -> (Request, Finished) {
    let server = one_event();
    let finished = prepare(&server).args(["-n", "1"]).run().exit(0);
    (server.request(), finished)
}

fn query_of(request: &Request) -> Vec<(String, String)> {
    let query = request.target.split_once('?').unwrap_or_default().1;
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[test]
fn asks_for_an_event_stream() {
    let (request, _) = request_of(|server| Tail::url(server.url()));
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", "/")
    );
    assert_eq!(request.header("Accept"), Some("text/event-stream"));
    assert_eq!(request.header("Cache-Control"), Some("no-cache"));
    assert_eq!(request.last_event_id(), None);
    assert_eq!(request.header("Authorization"), None);
    // A compressed stream could not be shown as it comes.
    assert_eq!(
        request.header("Accept-Encoding").unwrap_or("identity"),
        "identity"
    );
    assert!(
        request.raw.starts_with("GET / HTTP/1.1\r\n"),
        "{}",
        request.raw
    );
}

#[test]
fn the_url_may_be_the_argument_or_a_variable() {
    for arg in [true, false] {
        let (request, _) = request_of(|server| {
            let url = format!("{}ops", server.url());
            if arg {
                Tail::new().arg(url)
            } else {
                Tail::new().env("OPLOG_TAIL_URL", url)
            }
        });
        assert_eq!(request.target, "/ops");
    }
}

#[test]
fn filters_are_joined_and_percent_encoded() {
    let (request, _) = request_of(|server| {
        Tail::url(server.url())
            .args(["--types", "video,user", "--types", "a&b=c"])
            .args(["--parents", "video/x y,user/é", "--parents", "user/1+1%"])
    });
    assert!(request.target.is_ascii(), "{}", request.target);
    let expected = [
        ("types", "video,user,a&b=c"),
        ("parents", "video/x y,user/é,user/1+1%"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(query_of(&request), expected, "{}", request.target);
}

#[test]
fn a_query_of_the_url_is_kept() {
    let (request, _) = request_of(|server| Tail::url(format!("{}ops?key=a%20b&x", server.url())));
    assert_eq!(request.target, "/ops?key=a%20b&x");
    let (request, _) = request_of(|server| {
        Tail::url(format!("{}ops?key=a%20b&x", server.url())).args(["--types", "video"])
    });
    assert_eq!(request.target, "/ops?key=a%20b&x&types=video");
}

#[test]
fn headers_are_added() {
    let (request, _) = request_of(|server| {
        Tail::url(server.url()).args([
            "-H",
            "X-One: 1",
            "-H",
            "X-Two:two: 2",
            "--header",
            "x-one: b",
        ])
    });
    assert_eq!(request.values("X-One"), ["1", "b"]);
    assert_eq!(request.header("X-Two"), Some("two: 2"));
}

#[test]
fn the_password_comes_from_a_flag_a_file_stdin_a_variable_or_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let file = |content: &str| {
        let path = folder.path().join(content.len().to_string());
        std::fs::write(&path, content).unwrap();
        path
    };
    let sent = |prepare: &dyn Fn(&ScriptServer) -> Tail| {
        let (request, _) = request_of(prepare);
        request
            .header("Authorization")
            .unwrap_or_default()
            .to_owned()
    };
    let expected = basic("", "pass word");
    assert_eq!(
        sent(&|s| Tail::url(s.url()).args(["--password", "pass word"])),
        expected
    );
    for content in ["pass word", "pass word\n"] {
        let path = file(content);
        assert_eq!(
            sent(&|s| Tail::url(s.url()).arg("--password-file").arg(&path)),
            expected
        );
        assert_eq!(
            sent(&|s| Tail::url(s.url())
                .args(["--password-file", "-"])
                .stdin_bytes(content)),
            expected
        );
    }
    // One newline is an editor's doing, two are meant.
    let path = file("pass word\n\n");
    assert_eq!(
        sent(&|s| Tail::url(s.url()).arg("--password-file").arg(&path)),
        basic("", "pass word\n")
    );
    assert_eq!(
        sent(&|s| Tail::url(s.url()).env("OPLOG_TAIL_PASSWORD", "pass word")),
        expected
    );
    assert_eq!(sent(&|s| Tail::url(s.url_as(":pass%20word@"))), expected);
    assert_eq!(
        sent(&|s| Tail::url(s.url_as("me:p%40ss@"))),
        basic("me", "p@ss")
    );
}

#[test]
fn the_nearest_password_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "file").unwrap();
    let sent = |prepare: &dyn Fn(Tail) -> Tail| {
        let (request, _) = request_of(|server| prepare(Tail::url(server.url_as("me:url@"))));
        request.header("Authorization").unwrap().to_owned()
    };
    assert_eq!(sent(&|tail| tail), basic("me", "url"));
    assert_eq!(
        sent(&|tail| tail.env("OPLOG_TAIL_PASSWORD", "env")),
        basic("me", "env")
    );
    assert_eq!(
        sent(&|tail| tail
            .env("OPLOG_TAIL_PASSWORD", "env")
            .arg("--password-file")
            .arg(&path)),
        basic("me", "file")
    );
    assert_eq!(
        sent(&|tail| tail
            .env("OPLOG_TAIL_PASSWORD", "env")
            .args(["--password", "flag"])),
        basic("me", "flag")
    );
}

#[track_caller]
fn keeps_the_secret(finished: &Finished) {
    let encoded = basic("", SECRET);
    let encoded = encoded.strip_prefix("Basic ").unwrap();
    for secret in [SECRET, encoded] {
        if finished.stderr.contains(secret) || finished.stdout_text().contains(secret) {
            finished.fail("the password was printed");
        }
    }
}

/// The ways to give the password, each for this URL without credentials.
fn ways(server: &ScriptServer, path: &std::path::Path) -> [Tail; 4] {
    std::fs::write(path, SECRET).unwrap();
    [
        Tail::url(server.url()).args(["--password", SECRET]),
        Tail::url(server.url()).arg("--password-file").arg(path),
        Tail::url(server.url()).env("OPLOG_TAIL_PASSWORD", SECRET),
        Tail::url(server.url_as(&format!(":{SECRET}@"))),
    ]
}

#[test]
fn the_password_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    for status in [200, 401, 404, 503] {
        let script = match status {
            200 => Script::events(insert(1)).stall(),
            status => Script::status(status),
        };
        let server = ScriptServer::repeating(script);
        let expected = match status {
            200 => 0,
            401 => 3,
            _ => 4,
        };
        for tail in ways(&server, &path) {
            let finished = tail
                .args(["-vv", "-n", "1", "--retries", "0"])
                .run()
                .exit(expected);
            keeps_the_secret(&finished);
        }
    }
}

#[test]
fn the_password_is_not_printed_when_nothing_listens_or_the_url_is_wrong() {
    let closed = crate::support::closed_port();
    let with_password = closed.replace("//", &format!("//:{SECRET}@"));
    let finished = Tail::url(with_password)
        .args(["-vv", "--retries", "0"])
        .run()
        .exit(4);
    keeps_the_secret(&finished);
    for url in [
        format!("ftp://:{SECRET}@127.0.0.1/"),
        format!("http://:{SECRET}@127.0.0.1:99999/"),
        format!("http://:{SECRET}@[::1/"),
        format!("http://:{SECRET}@/"),
    ] {
        keeps_the_secret(&Tail::url(&url).run().exit(2));
        keeps_the_secret(&Tail::new().env("OPLOG_TAIL_URL", &url).run().exit(2));
    }
}

#[test]
fn the_help_does_not_show_the_variables_of_the_environment() {
    for flag in ["-h", "--help"] {
        let finished = Tail::new()
            .arg(flag)
            .env("OPLOG_TAIL_PASSWORD", SECRET)
            .env("OPLOG_TAIL_URL", format!("http://:{SECRET}@127.0.0.1/"))
            .run()
            .exit(0);
        keeps_the_secret(&finished);
    }
}

#[test]
fn a_secret_header_is_not_printed() {
    let (request, finished) = request_of(|server| {
        let header = format!("Authorization: Bearer {SECRET}");
        Tail::url(server.url()).args(["-vv", "-H", &header])
    });
    assert_eq!(
        request.header("Authorization"),
        Some(format!("Bearer {SECRET}").as_str())
    );
    keeps_the_secret(&finished);
}
