//! Asks an agent as a run would, and for its `/status`.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use jiff::Timestamp;
use reqwest::Url;
use tokio::time::{Instant, timeout_at};

use super::certificate::valid_until;
use super::judge;
use super::record::{Agent, Findings, Offset, tenths};
use super::status::Status;
use crate::duration::ForPeople;
use crate::exit::ExitStatus;
use crate::http::{
    Clients, Config, Endpoint, Exchange, Failure, Passage, Remedy, date_of, document,
};
use crate::oplog::Position;
use crate::report::with_advice;
use crate::sse::Connection;

/// The longest that a `/status` may take: it must not use up the time for everything else.
const STATUS_PATIENCE: Duration = Duration::from_secs(5);
/// The largest `/status` that is read, in bytes. That of an agent has about 15,000.
const MOST_STATUS: usize = 256 << 10;
/// The longest name of a server that is kept, in characters.
const MOST_NAME: usize = 200;

/// An agent to be looked at.
pub struct Subject {
    clients: Arc<Clients>,
    endpoint: Arc<Endpoint>,
    /// The time there is, for messages.
    timeout: Duration,
    deadline: Instant,
}

impl Subject {
    /// The agent behind `endpoint`, to be looked at until `deadline`, which is `timeout` after the
    /// start.
    pub fn new(
        config: &Arc<Config>,
        endpoint: &Endpoint,
        timeout: Duration,
        deadline: Instant,
    ) -> Self {
        Self {
            // Of its own, because these take the time of one request after the other.
            clients: Arc::new(Clients::watching(Arc::clone(config))),
            endpoint: Arc::new(endpoint.clone()),
            timeout,
            deadline,
        }
    }

    /// Where it is; holds no password.
    pub fn url(&self) -> &Url {
        &self.endpoint.url
    }

    /// Until when to look.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Connects as a run does that goes on after `position`.
    pub async fn connect(&self, position: Option<Position>) -> Connected {
        let (clients, endpoint) = (Arc::clone(&self.clients), Arc::clone(&self.endpoint));
        // How long it may be silent is for whoever reads it to say.
        let opening = Connection::open(clients, endpoint, position, None);
        let Ok(attempt) = timeout_at(self.deadline, opening).await else {
            let reason = format!(
                "no answer within {} (--timeout gives it longer)",
                ForPeople(self.timeout)
            );
            return Connected {
                exchanges: Vec::new(),
                result: Err(Findings::problem(ExitStatus::CannotConnect, reason)),
            };
        };
        Connected {
            exchanges: attempt.exchanges,
            result: attempt.result.map_err(|failure| problem(&failure)),
        }
    }

    /// What the agent says about itself, asked beside where the stream was found. `None` where it
    /// says nothing that can be used, or not in time.
    pub async fn status(&self, exchanges: &[Exchange]) -> Option<Status> {
        let url = status_url(&exchanges.last()?.url);
        let document = document(&self.clients, &self.endpoint, &url, MOST_STATUS);
        let until = self.deadline.min(Instant::now() + STATUS_PATIENCE);
        Status::parse(&timeout_at(until, document).await.ok()??)
    }
}

/// What came of connecting.
pub struct Connected {
    /// The requests with their answers.
    pub exchanges: Vec<Exchange>,
    /// The connection, or what is wrong.
    pub result: Result<Connection, Findings>,
}

/// The problem that a failure is to a run.
pub fn problem(failure: &Failure) -> Findings {
    let status = match failure.remedy {
        Remedy::Authenticate => ExitStatus::AccessDenied,
        _ => ExitStatus::CannotConnect,
    };
    Findings::problem(status, with_advice(failure))
}

/// The `/status` of the agent whose stream is at `url`: beside `/ops`, below any other path. So
/// that of an agent behind the prefix `/a` is at `/a/status`, whether the URL ends in `/a`, `/a/`
/// or `/a/ops`. The query stays, for what a server before the agent may want.
fn status_url(url: &Url) -> Url {
    let path = url.path().trim_end_matches('/');
    let path = format!("{}/status", path.strip_suffix("/ops").unwrap_or(path));
    let mut url = url.clone();
    url.set_path(&path);
    url
}

/// The record of an agent.
pub fn record(
    url: &Url,
    exchanges: &[Exchange],
    findings: Findings,
    status: Option<Status>,
) -> Agent {
    let last = exchanges.last();
    let passage = last.and_then(|exchange| exchange.passage.as_ref());
    let server = last.and_then(|exchange| exchange.answer.get(header::SERVER));
    let certificate = passage
        .filter(|_| last.is_some_and(|exchange| exchange.url.scheme() == "https"))
        .and_then(|passage| passage.certificate.as_ref());
    let mut agent = Agent {
        url: url.to_string(),
        ok: findings.is_ok(),
        connect_ms: passage.and_then(|it| it.connected_in).map(tenths),
        answer_ms: passage.map(|it| tenths(it.answered_in)),
        server: server.map(|name| {
            let name = String::from_utf8_lossy(name.as_bytes());
            name.chars().take(MOST_NAME).collect()
        }),
        clock: last.and_then(|exchange| offset(exchange, passage?)),
        proxy: passage.and_then(|it| it.proxy.clone()),
        certificate_until: certificate.and_then(|certificate| valid_until(certificate)),
        status,
        findings,
    };
    let status = agent.status.iter().flat_map(judge::of_status);
    agent.findings.warnings.extend(status.collect::<Vec<_>>());
    agent.findings.warn(agent.clock.and_then(judge::of_clock));
    let until = agent.certificate_until;
    let ends = until.and_then(|until| judge::of_certificate(until, Timestamp::now()));
    agent.findings.warn(ends);
    agent
}

/// How far the clock that dated this answer is from the one of this machine.
fn offset(exchange: &Exchange, passage: &Passage) -> Option<Offset> {
    let date = date_of(&exchange.answer)?;
    let margin_ms = i64::try_from(passage.answered_in.as_millis() / 2).ok()?;
    let middle_ms = passage.answered_at.as_millisecond() - margin_ms;
    Some(Offset {
        ms: date.as_millisecond() - middle_ms,
        margin_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_beside_the_stream() {
        for (url, status) in [
            ("http://h/", "http://h/status"),
            ("http://h/ops", "http://h/status"),
            ("http://h/ops/", "http://h/status"),
            ("http://h/a", "http://h/a/status"),
            ("http://h/a/", "http://h/a/status"),
            ("http://h/a/ops", "http://h/a/status"),
            ("http://h/drops", "http://h/drops/status"),
            ("http://h/?key=1&types=a", "http://h/status?key=1&types=a"),
        ] {
            assert_eq!(status_url(&url.parse().unwrap()).as_str(), status);
        }
    }
}
