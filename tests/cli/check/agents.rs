//! What is found out about an agent.

use std::time::Duration;

use oplog_tail::server::{Figures, ServerConfig, ServerThread};
use serde_json::{Value, json};

use super::{
    check, date, has_problem, has_warning, is_fine, only, quiet, records, scripted, server, status,
};
use crate::support::{Script, ScriptServer, Tail, at_once, closed_port};

#[test]
fn an_agent_that_is_well() {
    let server = server();
    let finished = check(&[server.url()]).run().exit(0);
    let line = finished.stdout_lines()[0].clone();
    let agent = only(&records(&finished), "agent");
    is_fine(&agent);
    // Every key, in the order that is promised.
    let expected = format!(
        r#"{{"check":"agent","url":"{}","ok":true,"connect_ms":{},"answer_ms":{},"server":"oplog/1.1.6","clock_offset_ms":{},"proxy":null,"certificate_until":null,"status":{},"problems":[],"warnings":[]}}"#,
        server.url(),
        agent["connect_ms"],
        agent["answer_ms"],
        agent["clock_offset_ms"],
        agent["status"],
    );
    assert_eq!(line, expected);
    for time in ["connect_ms", "answer_ms"] {
        let ms = agent[time].as_f64().unwrap();
        assert!((0.0..5000.0).contains(&ms), "{time}: {ms}");
    }
    // The date of an answer has whole seconds.
    let offset = agent["clock_offset_ms"].as_i64().unwrap();
    assert!((-3000..=10).contains(&offset), "{offset}");
    assert_eq!(finished.stdout_lines().len(), 1);
}

#[test]
fn asks_for_the_stream_as_a_run_does_and_lets_go_of_it() {
    let server = server();
    check(&[server.url()])
        .args([
            "--types",
            "video,user",
            "--parents",
            "user/x",
            "-H",
            "X-Key: k",
        ])
        .run()
        .exit(0);
    let requests = server.requests();
    let paths: Vec<_> = requests.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/", "/status"]);
    assert_eq!(
        requests[0].query.as_deref(),
        Some("types=video,user&parents=user/x")
    );
    assert_eq!(requests[0].header("accept"), Some("text/event-stream"));
    assert_eq!(requests[0].header("last-event-id"), None);
    assert_eq!(requests[0].header("x-key"), Some("k"));
    assert_eq!(requests[1].header("accept"), Some("application/json"));
}

#[test]
fn the_figures_are_those_of_its_status() {
    let body = r#"{"cmdline":["oplogd","--password","hush"],"memstats":{"Alloc":1},"status":"OK",
        "clients":3,"events_discarded":0,"big":123456789012345678901234567890,"load":1.50}"#;
    let server = scripted(quiet(), status(body));
    let finished = check(&[server.url()]).arg("-vv").run().exit(0);
    let figures = r#""status":{"big":123456789012345678901234567890,"clients":3,"events_discarded":0,"load":1.50},"#;
    assert!(
        finished.stdout_text().contains(figures),
        "{}",
        finished.stdout_text()
    );
    // Not even where every request is shown.
    for shown in [finished.stdout_text(), &finished.stderr] {
        assert!(
            !shown.contains("hush") && !shown.contains("oplogd"),
            "{shown}"
        );
    }
    assert!(finished.stderr.contains("> GET "), "{}", finished.stderr);
}

/// A model with a password shows it in its `cmdline`, as the real one can.
#[test]
fn passwords_show_nowhere() {
    let config = ServerConfig {
        password: Some("hush".into()),
        ..ServerConfig::default()
    };
    let server = ServerThread::on_loopback(config).unwrap();
    let with = |user: &str| server.url().replace("://", &format!("://{user}"));
    for format in ["text", "json"] {
        let finished = check(&[with("me:hush@")])
            .args(["-vv", "-o", format])
            .run()
            .exit(0)
            .stderr_lacks("hush");
        assert!(!finished.stdout_text().contains("hush"));
        assert!(finished.stdout_text().contains("clients"));
    }
    let status = server
        .requests()
        .into_iter()
        .find(|it| it.path == "/status");
    assert_eq!(status.unwrap().header("authorization"), None);
    let finished = check(&[with(":wrong-one@")]).run().exit(3);
    assert!(!finished.stdout_text().contains("wrong-one"));
    has_problem(&only(&records(&finished), "agent"), &["401", "is rejected"]);
    // Asked for no password, it tells its figures all the same.
    let finished = check(&[server.url()]).run().exit(3);
    let agent = only(&records(&finished), "agent");
    has_problem(&agent, &["401", "--password-file"]);
    assert!(agent["status"]["clients"].is_number());
}

#[test]
fn a_front_end_that_wants_a_password_for_the_status_gets_it() {
    let agent = Script::choosing(|request| {
        match (request.target.as_str(), request.header("Authorization")) {
            (_, None) => Script::status(401),
            ("/status", _) => status(r#"{"clients":7}"#),
            _ => quiet(),
        }
    });
    let server = ScriptServer::repeating(agent);
    let finished = check(&[server.url_as(":pw@")]).run().exit(0);
    assert_eq!(only(&records(&finished), "agent")["status"]["clients"], 7);
}

#[test]
fn what_would_end_a_run_is_a_problem() {
    let html = [("Content-Type", "text/html")];
    at_once(
        [
            (Script::status(401), 3, &["401", "--password-file"][..]),
            (Script::status(403), 3, &["403"]),
            (Script::status(404), 4, &["404", "URL of an OpLog agent?"]),
            (Script::status(406), 4, &["406"]),
            (Script::status(400), 4, &["400"]),
            (Script::status(503), 4, &["503"]),
            (Script::status(204), 4, &["204", "no event stream"]),
            (Script::answer(200, &html, "hello"), 4, &["text/html"]),
            (Script::raw("no HTTP at all\r\n\r\n"), 4, &[""]),
            (Script::silent(), 4, &["ended"]),
        ],
        |(stream, code, words)| {
            let server = scripted(stream, Script::status(404));
            let finished = check(&[server.url()]).run().exit(code);
            has_problem(&only(&records(&finished), "agent"), words);
        },
    );
}

#[test]
fn nobody_there() {
    let url = closed_port();
    let finished = check(&[&url]).run().exit(4);
    let agent = only(&records(&finished), "agent");
    has_problem(
        &agent,
        &["cannot connect", "is the agent running at this address?"],
    );
    for key in [
        "connect_ms",
        "answer_ms",
        "server",
        "clock_offset_ms",
        "status",
    ] {
        assert_eq!(agent[key], Value::Null, "{key}");
    }
    assert_eq!(agent["url"], url);
}

#[test]
fn every_agent_is_looked_at_and_the_first_problem_counts() {
    let (well, denied) = (server(), scripted(Script::status(403), Script::status(404)));
    let urls = [denied.url(), closed_port(), well.url()];
    let finished = check(&urls).run().exit(3);
    let records = records(&finished);
    let shown: Vec<_> = records
        .iter()
        .map(|it| it["url"].as_str().unwrap())
        .collect();
    assert_eq!(shown, urls);
    let ok: Vec<_> = records
        .iter()
        .map(|it| it["ok"].as_bool().unwrap())
        .collect();
    assert_eq!(ok, [false, false, true]);
    check(&[closed_port(), denied.url()]).run().exit(4);
}

/// What is there and cannot be used is not told as if there was nothing.
#[test]
fn a_status_that_is_none() {
    let garbage = "g".repeat(1 << 20);
    let many = format!("{{{}\"x\":1}}", r#""padding":"0123456789","#.repeat(20_000));
    let password = Some(["401", "--password-file"]);
    at_once(
        [
            (Script::status(404), None),
            (Script::status(401), password),
            (Script::status(500), Some(["answered 500", ""])),
            (Script::redirect(302, "/status"), Some(["answered 302", ""])),
            (status(""), Some(["not a JSON object", ""])),
            (status("[1,2]"), Some(["not a JSON object", ""])),
            (status("{}"), Some(["no numbers", ""])),
            (status(r#"{"clients":3"#), Some(["not a JSON object", ""])),
            (status("<html>clients: 3</html>"), Some(["HTML", ""])),
            (status(&garbage), Some(["more than 256 KiB", ""])),
            (status(&many), Some(["more than 256 KiB", ""])),
            (Script::silent(), Some(["connection ended", ""])),
            (Script::raw("garbage\r\n\r\n"), Some(["request failed", ""])),
        ],
        |(script, words)| {
            let server = scripted(quiet(), script);
            let finished = check(&[server.url()]).run().exit(0);
            let agent = only(&records(&finished), "agent");
            match words {
                None => is_fine(&agent),
                Some([why, more]) => {
                    has_warning(&agent, &["its /status cannot be used", why, more]);
                }
            }
            assert_eq!(agent["status"], Value::Null);
        },
    );
    // One that cannot be used at all has only its problem told.
    let server = scripted(Script::status(403), Script::status(403));
    let finished = check(&[server.url()]).run().exit(3);
    let agent = only(&records(&finished), "agent");
    has_problem(&agent, &["403"]);
    assert_eq!(agent["warnings"], json!([]));
}

#[test]
fn numbers_in_quotes_are_numbers() {
    let body = r#"{"clients":"3","events_discarded":"2"}"#;
    let server = scripted(quiet(), status(body));
    let finished = check(&[server.url()]).run().exit(0);
    let agent = only(&records(&finished), "agent");
    assert_eq!(
        agent["status"],
        json!({"clients": 3, "events_discarded": 2})
    );
    has_warning(&agent, &["discarded 2 operations"]);
}

#[test]
fn figures_that_cannot_be_right() {
    at_once(
        [
            r#""queue_size":-3,"queue_max_size":10"#,
            r#""queue_size":11,"queue_max_size":10"#,
            r#""queue_size":1e300,"queue_max_size":10"#,
            r#""queue_size":0,"queue_max_size":0.5"#,
        ],
        |figures| {
            let body = format!("{{\"events_discarded\":0,{figures}}}");
            let server = scripted(quiet(), status(&body));
            let finished = check(&[server.url()]).run().exit(0);
            let agent = only(&records(&finished), "agent");
            has_warning(&agent, &["its /status says queue_", "cannot be right"]);
        },
    );
}

#[test]
fn a_status_that_takes_for_ever() {
    let dribbles = Script::events("{").heartbeats(Duration::from_millis(10));
    let endless = Script::events("").flood(|_| b"0123456789".to_vec());
    at_once([Script::silent().stall(), dribbles, endless], |script| {
        let server = scripted(quiet(), script);
        let finished = check(&[server.url()])
            .args(["--timeout", "1s"])
            .run()
            .exit(0)
            .within(Duration::from_secs(5));
        let agent = only(&records(&finished), "agent");
        has_warning(&agent, &["its /status cannot be used"]);
        assert_eq!(agent["status"], Value::Null);
    });
    // It takes no more than a part of the time of everything.
    let server = scripted(quiet(), Script::silent().stall());
    check(&[server.url()])
        .run()
        .exit(0)
        .within(Duration::from_secs(15));
}

/// A change of an agent's figures, and the words of the warning that it brings.
type Case = (fn(&mut Figures), &'static [&'static str]);

#[test]
fn figures_that_are_warned_of() {
    let agent = server();
    let cases: [Case; 3] = [
        (
            |it| it.events_discarded = 3,
            &["discarded 3 operations", "queue was full", "oplog-sync"],
        ),
        (
            |it| it.events_error = 5,
            &["refused 5 operations", "invalid"],
        ),
        (
            |it| it.queue_size = 50_001,
            &["over half full (50,001 of 100,000)"],
        ),
    ];
    for (change, words) in cases {
        *agent.figures() = Figures::default();
        change(&mut agent.figures());
        let finished = check(&[agent.url()]).run().exit(0);
        has_warning(&only(&records(&finished), "agent"), words);
    }
    *agent.figures() = Figures {
        queue_size: 50_000,
        ..Figures::default()
    };
    let finished = check(&[agent.url()]).run().exit(0);
    is_fine(&only(&records(&finished), "agent"));
}

#[test]
fn clocks_that_are_apart() {
    at_once(
        [
            (0, None),
            (2, None),
            (-2, None),
            (10, Some(["ahead of", "the one of this machine"])),
            (-3600, Some(["behind", "the one of this machine"])),
        ],
        |(from_now, words)| {
            let stream = Script::events_at(&date(from_now), "").stall();
            let server = scripted(stream, Script::status(404));
            let finished = check(&[server.url()]).run().exit(0);
            let agent = only(&records(&finished), "agent");
            match words {
                None => is_fine(&agent),
                Some(words) => has_warning(&agent, &words),
            }
            // The request takes its time where the machine is busy.
            let offset = agent["clock_offset_ms"].as_i64().unwrap() - from_now * 1000;
            assert!((-6000..=10).contains(&offset), "{offset}");
        },
    );
    let no_date = scripted(quiet(), Script::status(404));
    let finished = check(&[no_date.url()]).run().exit(0);
    assert_eq!(
        only(&records(&finished), "agent")["clock_offset_ms"],
        Value::Null
    );
}

/// All are asked before any has answered.
#[test]
fn agents_are_looked_at_side_by_side() {
    let gate = crate::support::Gate::new();
    let stream = Script::silent().wait_for(&gate).then(quiet());
    let servers = [0; 3].map(|_| scripted(stream.clone(), Script::status(404)));
    let running = check(&servers.each_ref().map(ScriptServer::url)).spawn();
    for server in &servers {
        server.wait_for_requests(1);
    }
    gate.open();
    let finished = running.wait().exit(0);
    assert_eq!(records(&finished).len(), 3);
}

#[test]
fn the_demo_is_fine() {
    let finished = Tail::new().args(["--demo", "--check"]).run().exit(0);
    let agent = only(&records(&finished), "agent");
    is_fine(&agent);
    assert!(agent["status"]["events_received"].as_u64().unwrap() > 10);
}
