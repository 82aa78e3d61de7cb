//! What is tried again, what is not, and with which status a run fails.

use std::time::{Duration, Instant};

use crate::support::{
    AfterLast, Gate, Script, ScriptServer, Tail, at_once, basic, closed_port, expected_json,
    insert, insert_numbered, number_of, operation_id,
};

fn json(body: &str) -> Vec<String> {
    expected_json(body.as_bytes())
}

#[test]
fn access_denied() {
    for status in [401, 403] {
        let server = ScriptServer::repeating(Script::status(status));
        Tail::url(server.url())
            .run()
            .exit(3)
            .stderr_is_prefixed()
            .stderr_has(&status.to_string())
            .stderr_has("give --password-file")
            .stderr_lacks("redirect")
            .stdout_is::<&str>(&[]);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn answers_that_trying_again_will_not_change() {
    for status in [204, 400, 404, 405, 406, 410] {
        let server = ScriptServer::repeating(Script::status(status));
        Tail::url(server.url())
            .run()
            .exit(4)
            .stderr_is_prefixed()
            .stderr_has(&status.to_string())
            .stdout_is::<&str>(&[]);
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[test]
fn answers_that_may_change() {
    at_once([408, 425, 429, 500, 502, 503, 504], |status| {
        let scripts = [Script::status(status), Script::events(insert(1)).stall()];
        let server = ScriptServer::start(scripts);
        Tail::url(server.url())
            .args(["-n", "1"])
            .run()
            .exit(0)
            .stderr_is_prefixed()
            .stderr_has(&status.to_string())
            .stdout_is(&json(&insert(1)));
    });
}

#[test]
fn what_is_no_event_stream() {
    let typed = |kind: &str| Script::answer(200, &[("Content-Type", kind)], "<html>");
    for script in [
        typed("text/html"),
        typed("text/event-streams"),
        Script::answer(200, &[], "x"),
    ] {
        let server = ScriptServer::repeating(script);
        let address = server.address().to_string();
        Tail::url(server.url()).run().exit(4).stderr_has(&address);
        assert_eq!(server.requests().len(), 1);
    }
    let server = ScriptServer::repeating(typed("text/html"));
    Tail::url(server.url())
        .run()
        .exit(4)
        .stderr_has("text/html");

    let kind = "Text/Event-Stream; charset=utf-8";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n");
    let server = ScriptServer::start([Script::raw(head).send(insert(1)).stall()]);
    Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
}

#[test]
fn a_compressed_stream() {
    let script = Script::events_with(&[("Content-Encoding", "gzip")], b"\x1f\x8b\x08".as_slice());
    let server = ScriptServer::repeating(script.stall());
    Tail::url(server.url())
        .args(["--retries", "0"])
        .run()
        .exit(4)
        .stderr_has("gzip");
}

#[test]
fn nothing_listens() {
    let url = closed_port();
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    Tail::url(&url)
        .args(["--retries", "0"])
        .run()
        .exit(4)
        .stderr_is_prefixed()
        .stderr_has(authority)
        .stderr_has("cannot connect: Connection refused; ")
        .stderr_has("is the agent running at this address?")
        .stderr_lacks("os error")
        .within(Duration::from_secs(5));
    // Trying again is the default.
    Tail::url(&url)
        .args(["--timeout", "500ms", "-n", "1"])
        .run()
        .exit(7);
}

#[test]
fn an_unknown_host() {
    Tail::url("http://no-such-host.invalid/")
        .args(["--retries", "0"])
        .run()
        .exit(4)
        .stderr_has("no-such-host.invalid");
}

#[test]
fn retries_are_counted() {
    let server = ScriptServer::repeating(Script::status(503));
    let started = Instant::now();
    Tail::url(server.url())
        .args(["--retries", "1"])
        .run()
        .exit(4)
        .stderr_has("503");
    assert_eq!(server.requests().len(), 2);
    assert!(started.elapsed() > Duration::from_millis(400));
}

#[test]
fn retries_are_counted_afresh_after_an_event() {
    let scripts = [
        Script::events(insert(1)),
        Script::events(insert(2)),
        Script::events(insert(3)),
    ];
    let server = ScriptServer::with(scripts, AfterLast::Refuse);
    Tail::url(server.url())
        .args(["--retries", "1"])
        .run()
        .exit(4)
        .stdout_is(&json(&(insert(1) + &insert(2) + &insert(3))));
}

#[test]
fn retry_after_is_honoured() {
    let later = Script::answer(503, &[("Retry-After", "3")], "");
    let server = ScriptServer::start([later, Script::events(insert(1)).stall()]);
    let finished = Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
    assert!(
        finished.elapsed >= Duration::from_secs(3),
        "{:?}",
        finished.elapsed
    );
}

#[test]
fn retry_after_may_be_a_date_in_any_of_the_three_forms() {
    at_once(
        [
            "%a, %d %b %Y %H:%M:%S GMT",
            "%A, %d-%b-%y %H:%M:%S GMT",
            "%a %b %e %H:%M:%S %Y",
        ],
        |form| {
            let date = jiff::Timestamp::now() + Duration::from_secs(5);
            let later = Script::answer(
                503,
                &[("Retry-After", &date.strftime(form).to_string())],
                "",
            );
            let server = ScriptServer::start([later, Script::events(insert(1)).stall()]);
            Tail::url(server.url()).args(["-n", "1"]).run().exit(0);
            let now = jiff::Timestamp::now().as_second();
            assert!(now >= date.as_second(), "{form}: {now} {date}");
        },
    );
}

#[test]
fn however_a_connection_ends_the_next_one_goes_on() {
    let whole = insert(2);
    let half = &whole[..whole.len() / 2];
    let but_the_blank_line = &whole[..whole.len() - 1];
    let gate = Gate::new();
    let begin = insert(1) + half;
    at_once(
        [
            Script::events(begin.as_str()),
            Script::events(insert(1) + but_the_blank_line),
            Script::events(begin.as_str()).wait_for(&gate).reset(),
            Script::chunked_events(begin.as_str()),
            Script::chunked_events(begin.as_str()).end_of_chunks(),
            Script::chunked_events(insert(1)).end_of_chunks(),
        ],
        |first| {
            let scripts = [first, Script::events(insert(2)).stall()];
            let server = ScriptServer::start(scripts);
            let mut run = Tail::url(server.url()).args(["-n", "2"]).spawn();
            run.read_line();
            gate.open();
            run.wait()
                .exit(0)
                .stderr_is_prefixed()
                .stdout_is(&json(&(insert(1) + &insert(2))));
            let requests = server.requests();
            requests[1].asks_after(&operation_id(1));
        },
    );
}

#[test]
fn quiet_says_only_what_is_fatal() {
    let server =
        ScriptServer::start([Script::events(insert(1)), Script::events(insert(2)).stall()]);
    Tail::url(server.url())
        .args(["-q", "-n", "2"])
        .run()
        .exit(0)
        .stderr_is_empty();
    let server = ScriptServer::start([Script::status(404)]);
    Tail::url(server.url())
        .arg("-q")
        .run()
        .exit(4)
        .stderr_has("404");
}

#[test]
fn an_answer_that_is_not_http() {
    let server = ScriptServer::repeating(Script::raw("220 mail.example.com ESMTP\r\n"));
    Tail::url(server.url())
        .args(["--retries", "0"])
        .run()
        .exit(4)
        .stderr_is_prefixed();
}

#[test]
fn a_server_that_does_not_answer() {
    let server = ScriptServer::repeating(Script::silent().stall());
    Tail::url(server.url())
        .args([
            "--connect-timeout",
            "300ms",
            "--read-timeout",
            "300ms",
            "--retries",
            "0",
        ])
        .run()
        .exit(4)
        .stderr_has("no answer within 600 ms")
        .stderr_has("the limit is --connect-timeout plus --read-timeout")
        .within(Duration::from_secs(5));
}

#[test]
fn a_server_that_falls_silent() {
    let server = ScriptServer::start([
        Script::events(insert(1)).stall(),
        Script::events(insert(2)).stall(),
    ]);
    Tail::url(server.url())
        .args(["--read-timeout", "1s", "-n", "2"])
        .run()
        .exit(0)
        .stderr_has("sent nothing for 1 s (to wait longer, raise --read-timeout")
        .stdout_is(&json(&(insert(1) + &insert(2))));
}

#[test]
fn heartbeats_are_no_silence() {
    let script = Script::events("").heartbeats(Duration::from_millis(100));
    let server = ScriptServer::start([script]);
    Tail::url(server.url())
        .args(["--read-timeout", "800ms", "--timeout", "2s"])
        .run()
        .exit(0)
        .stderr_is_empty();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn read_timeout_0_waits_for_ever() {
    let server = ScriptServer::start([Script::events("").stall()]);
    Tail::url(server.url())
        .args(["--read-timeout", "0", "--timeout", "500ms"])
        .run()
        .exit(0)
        .stderr_is_empty();
}

#[test]
fn a_slow_reader_is_no_silence_of_the_server() {
    // A slow reader is behind, so another connection asks whether something was skipped; and one
    // that is not read for long is made again. Each brings what comes after the operation asked for.
    let server = ScriptServer::repeating(Script::choosing(|request| {
        let next = request.last_event_id().map_or(0, |id| number_of(id) + 1);
        Script::events("").flood_from(next, insert_numbered)
    }));
    let mut run = Tail::url(server.url())
        .args(["--read-timeout", "200ms"])
        .spawn();
    run.wait_until_stdout_is_full();
    // What is tested is that time passes.
    std::thread::sleep(Duration::from_millis(600));
    for (number, line) in (0..).zip(run.read_lines(50_000)) {
        assert!(line.contains(&operation_id(number)), "{line}");
    }
    run.close_stdout();
    run.wait().exit(0).stderr_is_empty();
}

#[test]
fn agents_are_tried_in_the_order_in_which_they_were_typed() {
    let (first, second) = (closed_port(), closed_port());
    for args in [[&*first, "--url", &second], ["--url", &first, &second]] {
        let finished = Tail::new().args(args).args(["-v", "--retries", "0"]).run();
        let place = |url: &str| finished.stderr.find(&format!("{url}: ")).unwrap();
        assert!(place(&first) < place(&second), "{}", finished.stderr);
    }
}

#[test]
fn the_next_agent_is_tried() {
    let server = ScriptServer::start([Script::events(insert(1)).stall()]);
    let failing = ScriptServer::repeating(Script::status(503));
    for first in [closed_port(), failing.url_as(":first@")] {
        let server = ScriptServer::start([Script::events(insert(1)).stall()]);
        Tail::url(first)
            .args(["-n", "1", "--url", &server.url_as(":second@")])
            .run()
            .exit(0)
            .stdout_is(&json(&insert(1)));
        // Each has its own credentials.
        let request = server.request();
        assert_eq!(
            request.header("Authorization"),
            Some(basic("", "second").as_str())
        );
    }
    let request = &failing.requests()[0];
    assert_eq!(
        request.header("Authorization"),
        Some(basic("", "first").as_str())
    );
    drop(server);
}

#[test]
fn agents_are_tried_in_turn() {
    let one = ScriptServer::start([Script::events(insert(1)), Script::events(insert(3)).stall()]);
    let two = ScriptServer::with([Script::events(insert(2))], AfterLast::Refuse);
    Tail::url(one.url())
        .args(["-n", "3", "--url", &two.url()])
        .run()
        .exit(0)
        .stdout_is(&json(&(insert(1) + &insert(2) + &insert(3))));
    two.request().asks_after(&operation_id(1));
    one.requests()[1].asks_after(&operation_id(2));
}
