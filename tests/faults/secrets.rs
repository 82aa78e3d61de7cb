//! What must stay secret: passwords and headers reach no other origin and no message.

use std::net::TcpListener;

use crate::support::{
    Authority, Finished, Script, ScriptServer, Tail, at_once, basic, closed_port, insert, listener,
};

const PASSWORD: &str = "pa:ss/wo rd%21";
/// The same as it is written in a URL.
const IN_URL: &str = "pa%3Ass%2Fwo%20rd%2521";
const HEADER: &str = "key-in-a-header";
const IN_LOCATION: &str = "password-in-a-location";

/// What must show up nowhere.
fn needles() -> [String; 5] {
    [
        PASSWORD.into(),
        IN_URL.into(),
        basic("", PASSWORD)["Basic ".len()..].to_owned(),
        HEADER.into(),
        IN_LOCATION.into(),
    ]
}

#[track_caller]
fn is_silent(finished: &Finished) {
    let stdout = String::from_utf8_lossy(&finished.stdout).into_owned();
    for needle in needles() {
        if finished.stderr.contains(&needle) || stdout.contains(&needle) {
            finished.fail(&format!("{needle:?} shows"));
        }
    }
}

/// Ways to give a password to a run that follows `url`.
fn with_password(url: &str) -> Vec<Tail> {
    let userinfo = url.replace("://", &format!("://:{IN_URL}@"));
    vec![
        Tail::url(&userinfo),
        Tail::new().arg(&userinfo),
        Tail::new().env("OPLOG_TAIL_URL", &userinfo),
        Tail::url(url).args(["--password", PASSWORD]),
        Tail::url(url).env("OPLOG_TAIL_PASSWORD", PASSWORD),
        Tail::url(url)
            .args(["--password-file", "-"])
            .stdin_bytes(format!("{PASSWORD}\n")),
    ]
}

/// Every kind of answer, many with a password in it.
fn answers(elsewhere: &ScriptServer) -> Vec<Script> {
    let with_userinfo = |url: &str| url.replace("://", &format!("://u:{IN_LOCATION}@"));
    let redirects = [
        elsewhere.url(),
        with_userinfo(&elsewhere.url()),
        with_userinfo(&closed_port()),
        format!("ftp://u:{IN_LOCATION}@127.0.0.1/"),
        format!("http://u:{IN_LOCATION}@[::1/"),
        format!("http://u:{IN_LOCATION}@no-such-host.invalid/"),
        "/again".to_owned(),
    ];
    let mut scripts: Vec<_> = redirects.map(|to| Script::redirect(302, &to)).into();
    let cookie = [("Set-Cookie", IN_LOCATION)];
    scripts.push(Script::answer(404, &cookie, ""));
    scripts.extend([401, 403, 404, 503, 204].map(Script::status));
    scripts.extend([
        Script::raw("garbage"),
        Script::silent(),
        Script::silent().reset(),
        Script::answer(200, &[("Content-Type", "text/html")], ""),
        Script::events(insert(1)),
        Script::events(insert(1) + "id: 1"),
    ]);
    scripts
}

/// Adds headers that nobody else may see.
fn with_headers(tail: Tail) -> Tail {
    tail.args(["-H", &format!("X-Key: {HEADER}")])
        .args(["-H", &format!("Cookie: {HEADER}")])
}

#[test]
fn no_message_shows_them() {
    let elsewhere = ScriptServer::repeating(Script::status(403));
    at_once(answers(&elsewhere), |script| {
        let server = ScriptServer::repeating(script);
        for tail in with_password(&server.url()).into_iter().map(with_headers) {
            let args = ["-vv", "--stats", "--retries", "0"];
            let finished = tail.args(args).run();
            assert!(!server.requests().is_empty());
            assert!(!finished.status.success());
            is_silent(&finished);
        }
        let tails = with_password(&server.url()).into_iter().map(with_headers);
        for (tail, format) in tails.zip(["text", "json"]) {
            let args = ["--check", "-vv", "-o", format, "--timeout", "9s"];
            let finished = tail.args(args).run();
            assert!(!finished.stdout.is_empty());
            is_silent(&finished);
        }
    });
}

#[test]
fn no_message_about_a_connection_that_fails_shows_them() {
    let authority = Authority::new();
    let untrusted = ScriptServer::tls([], &authority);
    for url in [
        closed_port(),
        untrusted.url(),
        "http://no-such-host.invalid/".into(),
    ] {
        for tail in with_password(&url) {
            is_silent(&tail.args(["-vv", "--retries", "0"]).run().exit(4));
        }
        for tail in with_password(&url) {
            is_silent(&tail.args(["-vv", "--check"]).run().exit(4));
        }
    }
}

#[test]
fn no_complaint_about_the_command_line_shows_them() {
    for url in [
        format!("ftp://:{IN_URL}@127.0.0.1/"),
        format!("http://:{IN_URL}@[::1/"),
        format!("http://:{IN_URL}@127.0.0.1:99999/"),
        format!("http://:{IN_URL}@/"),
        format!(":{IN_URL}@host"),
    ] {
        is_silent(&Tail::url(&url).run().exit(2));
        is_silent(
            &Tail::url("http://127.0.0.1:1/")
                .args(["--proxy", &url])
                .run()
                .exit(2),
        );
    }
    let url = format!("http://:{IN_URL}@127.0.0.1:1/");
    for args in [
        &["--start-id", "x"][..],
        &["--no-such-flag"],
        &["--since", "the day after"],
        &["-H", "no colon"],
    ] {
        is_silent(
            &Tail::url(&url)
                .args(["--password", PASSWORD])
                .args(args)
                .run()
                .exit(2),
        );
    }
    is_silent(
        &Tail::url(&url)
            .arg("-H")
            .arg(format!("X Key: {HEADER}"))
            .run()
            .exit(2),
    );
    let proxy = format!("http://u:{IN_URL}@127.0.0.1:1/");
    is_silent(
        &Tail::url("http://127.0.0.1:1/")
            .args(["-vv", "--retries", "0", "--proxy", &proxy])
            .run()
            .exit(4),
    );
}

/// Origins that a chain of redirects leads through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Home,
    /// The same server by another name, which makes it another origin.
    Alias,
    OtherPort,
}

#[test]
fn no_other_origin_gets_them_over_any_chain_of_redirects() {
    const PLACES: [Place; 3] = [Place::Home, Place::Alias, Place::OtherPort];
    let mut chains: Vec<Vec<Place>> = vec![Vec::new()];
    for length in 1..=4 {
        let shorter: Vec<_> = chains
            .iter()
            .filter(|c| c.len() == length - 1)
            .cloned()
            .collect();
        for chain in shorter {
            chains.extend(PLACES.map(|place| [chain.as_slice(), &[place]].concat()));
        }
    }
    assert_eq!(chains.len(), 1 + 3 + 9 + 27 + 81);
    for some in chains.chunks(8) {
        at_once(some, |chain| follow(chain));
    }
}

/// Follows redirects through `chain`, from home.
fn follow(chain: &[Place]) {
    let visited: Vec<_> = [Place::Home].iter().chain(chain).copied().collect();
    let at_home = |place: &Place| *place != Place::OtherPort;
    let (home, other) = (listener(), listener());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let hops: Vec<_> = chain
        .iter()
        .map(|place| match place {
            Place::Home => format!("http://127.0.0.1:{}/x", port(&home)),
            Place::Alias => format!("http://localhost:{}/x", port(&home)),
            Place::OtherPort => format!("http://127.0.0.1:{}/x", port(&other)),
        })
        .collect();
    let (mut home_scripts, mut other_scripts) = (Vec::new(), Vec::new());
    for (step, place) in visited.iter().enumerate() {
        let script = hops.get(step).map(|to| Script::redirect(302, to));
        let script = script.unwrap_or_else(|| Script::events(insert(1)).stall());
        if at_home(place) {
            home_scripts.push(script);
        } else {
            other_scripts.push(script);
        }
    }
    let home = ScriptServer::on(home, home_scripts);
    let other = ScriptServer::on(other, other_scripts);
    Tail::url(home.url_as("u:pw@"))
        .args(["-n", "1", "-H", "X-Key: k", "-H", "Cookie: c=d"])
        .run()
        .exit(0);
    let (mut at_home_came, mut other_came) =
        (home.requests().into_iter(), other.requests().into_iter());
    for place in &visited {
        let request = if at_home(place) {
            at_home_came.next()
        } else {
            other_came.next()
        };
        let request = request.expect("a request for each step");
        let given = *place == Place::Home;
        for name in ["Authorization", "X-Key", "Cookie"] {
            let sent = request.header(name).is_some();
            assert_eq!(
                sent, given,
                "{chain:?}: {name} at {place:?}\n{}",
                request.raw
            );
        }
    }
}
