//! Looks at an agent: asks for its log as a run would, and for its `/status`.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use jiff::Timestamp;
use reqwest::Url;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::certificate;
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
#[derive(Clone, Debug, Serialize)]
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
    /// What its `/status` says.
    pub status: Option<Figures>,
    /// Whether it has a `/status`; `None` where that is not known.
    #[serde(skip)]
    pub has_status: Option<bool>,
    /// What is wrong.
    #[serde(flatten)]
    pub findings: Findings,
}

impl Agent {
    /// The agent that answered so to being asked for its log, and failed so if it did.
    pub(super) fn new(url: &Url, exchanges: &[Exchange], failure: Option<&Failure>) -> Self {
        let mut findings = Findings::default();
        let last = exchanges.last();
        let passage = last.and_then(|exchange| exchange.passage.as_ref());
        let connect_ms = passage.and_then(|it| it.connected_in).map(tenths);
        let answer_ms = passage.map(|it| tenths(it.answered_in));
        let proxy = passage.and_then(|it| it.proxy.clone());
        if let Some(answer) = answer_ms {
            let connected = connect_ms.map(|ms| format!("connected in {ms} ms, "));
            let through = proxy.as_ref().map(|it| format!(", through the proxy {it}"));
            let [connected, through] = [connected, through].map(Option::unwrap_or_default);
            findings.fine(format!("{connected}answered in {answer} ms{through}"));
        }
        let certificate = passage
            .filter(|_| last.is_some_and(|exchange| exchange.url.scheme() == "https"))
            .and_then(|passage| passage.certificate.as_ref());
        let certificate_until = certificate.and_then(|it| certificate::valid_until(it));
        if let Some(until) = certificate_until {
            certificate::judge(until, Timestamp::now(), &mut findings);
        }
        let server = last.and_then(|exchange| exchange.answer.get(header::SERVER));
        let server = server.map(|name| {
            let name = String::from_utf8_lossy(name.as_bytes());
            name.chars().take(MOST_NAME).collect()
        });
        if let Some(server) = &server {
            findings.fine(format!("server {server}"));
        }
        let clock = last.and_then(Offset::of);
        if let Some(clock) = clock {
            clock.judge(&mut findings);
        }
        if let Some(failure) = failure {
            findings.fail_by(failure);
        }
        Self {
            url: url.to_string(),
            ok: failure.is_none(),
            connect_ms,
            answer_ms,
            server,
            clock,
            proxy,
            certificate_until,
            status: None,
            has_status: None,
            findings,
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
