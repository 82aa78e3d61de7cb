//! Looks at an agent: asks for its log as a run would, and for its `/status`.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use jiff::Timestamp;
use reqwest::Url;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::certificate::{self, valid_until};
use super::clock::Offset;
use super::findings::Findings;
use super::status::Figures;
use crate::http::{Clients, Endpoint, Exchange, Failure, document};
use crate::report::with_advice;

/// The longest that a `/status` may take: it must not use up the time for everything else.
const STATUS_PATIENCE: Duration = Duration::from_secs(5);
/// The largest `/status` that is read, in bytes. That of an agent has about 15,000.
const MOST_STATUS: usize = 256 << 10;
/// The longest name of a server that is kept, in characters.
const MOST_NAME: usize = 200;

/// An agent.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "check", rename = "agent")]
pub(super) struct Agent {
    /// Where it was asked; holds no password.
    pub url: String,
    /// Whether a run could use it.
    pub ok: bool,
    /// How long it took to connect: name, TCP, proxy, TLS.
    pub connect_ms: Option<f64>,
    /// How long it took from then to the answer.
    pub answer_ms: Option<f64>,
    /// What it calls itself.
    pub server: Option<String>,
    /// How far its clock is from the one of this machine.
    #[serde(rename = "clock_offset_ms")]
    pub clock: Option<Offset>,
    /// The proxy on the way to it; holds no password.
    pub proxy: Option<String>,
    /// Until when its certificate is valid.
    pub certificate_until: Option<Timestamp>,
    pub status: Option<Figures>,
    /// Whether it has a `/status`; `None` where that is not known.
    #[serde(skip)]
    pub has_status: Option<bool>,
    #[serde(flatten)]
    pub findings: Findings,
}

impl Agent {
    /// The agent that answered so to being asked for its log, and failed so if it did.
    pub(super) fn new(url: &Url, answer: Option<&Exchange>, failure: Option<&Failure>) -> Self {
        let mut agent = Self {
            url: url.to_string(),
            ok: failure.is_none(),
            ..Self::default()
        };
        if let Some(answer) = answer {
            agent.add_answer(answer);
        }
        if let Some(failure) = failure {
            agent.findings.fail_by(failure);
        }
        agent
    }

    fn add_answer(&mut self, exchange: &Exchange) {
        let findings = &mut self.findings;
        if let Some(passage) = &exchange.passage {
            let answer = tenths(passage.answered_in);
            self.answer_ms = Some(answer);
            self.connect_ms = passage.connected_in.map(tenths);
            self.proxy.clone_from(&passage.proxy);
            let connected = self.connect_ms.map(|ms| format!("connected in {ms} ms, "));
            let through = passage.proxy.as_ref();
            let through = through.map(|it| format!(", through the proxy {it}"));
            let [connected, through] = [connected, through].map(Option::unwrap_or_default);
            findings.fine(format!("{connected}answered in {answer} ms{through}"));
            if exchange.url.scheme() == "https"
                && let Some(until) = passage.certificate.as_deref().and_then(valid_until)
            {
                self.certificate_until = Some(until);
                certificate::judge(until, Timestamp::now(), findings);
            }
        }
        if let Some(name) = exchange.answer.get(header::SERVER) {
            let name = String::from_utf8_lossy(name.as_bytes());
            let name: String = name.chars().take(MOST_NAME).collect();
            findings.fine(format!("server {name}"));
            self.server = Some(name);
        }
        self.clock = Offset::of(exchange);
        if let Some(clock) = self.clock {
            clock.judge(findings);
        }
    }

    /// Takes in what its `/status` says, and what that means.
    pub(super) fn add_status(&mut self, status: Result<Option<Figures>, Failure>) {
        let findings = &mut self.findings;
        match status {
            Ok(Some(figures)) => {
                figures.judge(findings);
                (self.status, self.has_status) = (Some(figures), Some(true));
            }
            // The agent cannot be used, and the problem that says so is enough.
            _ if !self.ok => {}
            Ok(None) => {
                findings.fine("it has no /status: what it has discarded is not known");
                self.has_status = Some(false);
            }
            Err(failure) => findings.warn(format!(
                "its /status cannot be used, so what it has discarded is not known: {}",
                with_advice(&failure)
            )),
        }
    }
}

/// What the agent says about itself, asked beside where the stream was found at `url`. `None` where
/// it has no `/status`.
///
/// # Errors
/// Why what it says is not known.
pub(super) async fn status(
    clients: &Arc<Clients>,
    endpoint: &Arc<Endpoint>,
    url: &Url,
    deadline: Instant,
) -> Result<Option<Figures>, Failure> {
    let url = status_url(url);
    let document = document(clients, endpoint, &url, MOST_STATUS);
    let until = deadline.min(Instant::now() + STATUS_PATIENCE);
    let late = |_| Failure::retry("it does not answer in time");
    let document = timeout_at(until, document).await.map_err(late)??;
    let figures = document.map(|document| Figures::parse(&document));
    figures.transpose().map_err(Failure::fatal)
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

/// Milliseconds with one digit after the point.
#[expect(clippy::cast_precision_loss, reason = "a time that a person waits for")]
fn tenths(time: Duration) -> f64 {
    (time.as_micros() / 100) as f64 / 10.0
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
