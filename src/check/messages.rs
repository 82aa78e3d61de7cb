//! Every finding, for the list of messages.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use super::agent::Agent;
use super::clock::Offset;
use super::findings::Findings;
use super::resume::Resume;
use super::status::Figures;
use super::{certificate, differences, state};
use crate::consumer::OnResumeFailed;
use crate::http::{Exchange, Failure, Passage};
use crate::oplog::Position;
use crate::state::{Holder, Lock, Look, Reason};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// Every finding once, with the word that goes before it.
pub(crate) fn all() -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for findings in [of_agents(), of_state(), of_places()].into_iter().flatten() {
        let kinds = [
            ("ok", findings.fine),
            ("warning", findings.warnings),
            ("problem", findings.problems),
        ];
        for (word, texts) in kinds {
            for text in texts {
                let line = format!("{word:<7}  {text}");
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    lines
}

/// An agent of this name that answered, at the second connection or the first.
fn agent(name: &'static str, connected_in: Option<Duration>) -> Agent {
    let url = format!("http://{name}/").parse().unwrap();
    let answer = [(header::SERVER, HeaderValue::from_static("oplog/1.1.6"))];
    let exchange = Exchange {
        url,
        request: HeaderMap::new(),
        status: StatusCode::OK,
        answer: answer.into_iter().collect(),
        withheld_credentials: false,
        passage: Some(Passage {
            connected_in,
            answered_in: Duration::from_millis(3),
            answered_at: now(),
            proxy: connected_in.map(|_| "http://proxy:3128/".into()),
            certificate: None,
        }),
    };
    Agent::new(&exchange.url, Some(&exchange), None)
}

fn of_agents() -> Vec<Findings> {
    let figures = |body: &str| Ok(Some(Figures::parse(body.as_bytes()).unwrap()));
    let connected = Some(Duration::from_millis(1));
    let mut agents = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| agent(name, connected));
    let statuses = [
        figures(
            r#"{"clients":3,"events_received":12345,"events_ingested":12340,"events_sent":37020,
            "events_discarded":0,"events_error":0,"queue_size":0,"queue_max_size":100000}"#,
        ),
        figures(r#"{"events_discarded":1,"events_error":5,"queue_size":6,"queue_max_size":10}"#),
        figures(r#"{"queue_size":10,"queue_max_size":10}"#),
        figures(r#"{"queue_size":-5}"#),
        Ok(None),
        Err(Failure::retry("REASON")),
        Figures::parse(b"<html>").map(Some).map_err(Failure::fatal),
        Figures::parse(b"[]").map(Some).map_err(Failure::fatal),
    ];
    for (agent, status) in agents.iter_mut().zip(statuses) {
        agent.add_status(status);
    }
    agents[1].server = Some("oplog/1.1.5".into());
    for (agent, ms) in agents.iter_mut().zip([0, 2_000, 10_000, -10_000]) {
        let clock = Offset { ms, margin_ms: 0 };
        clock.judge(&mut agent.findings);
        agent.clock = Some(clock);
    }
    differences::of_agents(&mut agents);
    let mut all: Vec<_> = agents.into_iter().map(|agent| agent.findings).collect();
    all.push(agent("a", None).findings);
    for days in [-1, 2, 100] {
        let mut findings = Findings::default();
        let until = now() + jiff::SignedDuration::from_hours(24 * days);
        certificate::judge(until, now(), &mut findings);
        all.push(findings);
    }
    all
}

fn of_state() -> Vec<Findings> {
    let second = |second| Some(Position::of_second(second));
    let look = |position, is_new, lock| Look {
        position,
        is_new,
        lock,
        ..Look::default()
    };
    let looks = [
        look(second(0x6b04_0000), false, Lock::Free),
        look(second(0x6c00_0000), false, Lock::Held(Holder::Unnamed)),
        look(Some(Position::FULL_REPLICATION), false, Lock::Unknown),
        look(None, true, Lock::Free),
        look(None, false, Lock::Free),
        Look {
            problem: Some(Reason::NotAFile),
            ..Look::default()
        },
    ];
    let judge = |look: &Look| state::judge(look, true, now());
    looks.iter().map(judge).collect()
}

fn of_places() -> Vec<Findings> {
    let operation: Position = "545b55c7f095528dd0f3863c".parse().unwrap();
    let resume = |kept, waiting, all_counted, oldest_ms| Resume {
        url: "http://a/".into(),
        kept,
        waiting,
        all_counted,
        oldest_ms,
        ..Resume::default()
    };
    let failure = || Some(Failure::retry("REASON"));
    let (go_on, exit) = (OnResumeFailed::Continue, OnResumeFailed::Exit);
    let (old, ahead) = (Some(8123), Some(-8123));
    let mut resumes = [
        (resume(Some(true), 0, true, None), go_on, None),
        (resume(Some(true), 1, true, old), go_on, None),
        (resume(Some(true), 1234, true, old), go_on, None),
        (resume(Some(true), 1234, false, old), go_on, failure()),
        (resume(Some(false), 2, true, ahead), go_on, None),
        (resume(Some(false), 2, true, ahead), exit, None),
        (resume(None, 0, false, None), go_on, None),
        (resume(None, 0, false, None), go_on, failure()),
    ]
    .map(|(mut resume, choice, failure)| {
        resume.judge(operation, choice, failure);
        resume
    });
    differences::of_resumes(&mut resumes);
    resumes.map(|resume| resume.findings).into()
}
