//! Exactly one connection: from the request to the events, until it ends. Nothing here decides
//! to try again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use eventsource_client::{
    BoxStream, Client, ClientBuilder, Error as SseError, ReconnectOptions, SSE,
};
use http::{HeaderMap, header};
use jiff::Timestamp;
use tokio::time::{Instant, Sleep};

use super::cause::{deepest, in_words, request_failure};
use super::config::Endpoint;
use super::hint::Hint;
use super::transport::{Clients, Exchange, Progress, Transport, TransportFailure};
use crate::duration::ForPeople;
use crate::position::Position;

/// What a failure means for the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Trying again may help, but not before the server's `Retry-After`, if it sent one.
    Retry(Option<Duration>),
    /// The credentials are refused; trying again will not change that.
    Authenticate,
    /// Trying again will not change the answer.
    None,
}

/// Why a connection was not made or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What happened, in words.
    pub reason: String,
    /// What it means for the next try.
    pub remedy: Remedy,
    /// What may help.
    pub hint: Option<Hint>,
}

impl Failure {
    pub(super) fn retry(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: Remedy::Retry(None),
            hint: None,
        }
    }

    pub(super) fn fatal(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: Remedy::None,
            hint: None,
        }
    }

    pub(super) fn hinting(self, hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

/// What comes over a connection.
#[derive(Debug)]
pub enum Received {
    /// An event, not yet checked.
    Event(eventsource_client::Event),
    /// A comment, by which the server shows that it is there.
    Heartbeat,
}

/// A try to connect: what was asked and answered, and what came of it.
pub struct Attempt {
    /// The requests with their answers, redirects included.
    pub exchanges: Vec<Exchange>,
    /// The connection, or why there is none.
    pub result: Result<Connection, Failure>,
}

/// An open connection.
pub struct Connection {
    stream: BoxStream<Result<SSE, SseError>>,
    progress: Arc<Progress>,
    silence: Option<Silence>,
    /// A line that cannot be parsed is reported before the good events ahead of it; they first.
    failure: Option<Failure>,
}

/// The server's time in an answer.
pub fn date_of(answer: &HeaderMap) -> Option<Timestamp> {
    http_date(answer.get(header::DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| zoned.timestamp())
}

impl Connection {
    /// Connects to `endpoint` and asks for everything after `last_event_id`; `None` asks for
    /// what happens from now on.
    pub async fn open(
        clients: Arc<Clients>,
        endpoint: Arc<Endpoint>,
        last_event_id: Option<Position>,
        read_timeout: Option<Duration>,
    ) -> Attempt {
        let progress = Arc::new(Progress::default());
        let transport = Transport::new(clients, Arc::clone(&endpoint), Arc::clone(&progress));
        let mut stream = match event_stream(&endpoint, last_event_id, transport) {
            Ok(stream) => stream,
            Err(error) => {
                let result = Err(Failure::fatal(format!("cannot make a request: {error}")));
                return Attempt {
                    exchanges: Vec::new(),
                    result,
                };
            }
        };
        let first = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
        let exchanges = progress.take_exchanges();
        let answer = exchanges.last();
        let refusal = match first {
            Some(Ok(SSE::Connected(_))) => {
                answer.and_then(|answer| unusable_answer(&endpoint, answer))
            }
            Some(Err(SseError::UnexpectedResponse(..))) => {
                answer.map(|answer| refused(&endpoint, answer))
            }
            Some(Err(error)) => Some(elsewhere(&endpoint, &progress, failure_of(&error))),
            other => Some(Failure::retry(format!("no answer: {other:?}"))),
        };
        let result = refusal.map_or_else(
            || {
                Ok(Self {
                    stream,
                    progress,
                    silence: read_timeout.map(Silence::new),
                    failure: None,
                })
            },
            Err,
        );
        Attempt { exchanges, result }
    }

    /// What comes next; an error ends the connection.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Failure>> {
        loop {
            match self.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(SSE::Event(event)))) => {
                    return Poll::Ready(Ok(Received::Event(event)));
                }
                Poll::Ready(Some(Ok(SSE::Comment(_)))) => {
                    return Poll::Ready(Ok(Received::Heartbeat));
                }
                Poll::Ready(Some(Ok(SSE::Connected(_)))) => {}
                Poll::Ready(Some(Err(
                    error @ (SseError::InvalidLine(_) | SseError::InvalidEvent),
                ))) => {
                    self.failure = Some(failure_of(&error));
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(self
                        .failure
                        .take()
                        .unwrap_or_else(|| failure_of(&error))));
                }
                Poll::Ready(None) => {
                    return Poll::Ready(Err(self
                        .failure
                        .take()
                        .unwrap_or_else(|| failure_of(&SseError::Eof))));
                }
                Poll::Pending => {
                    let Some(silence) = &mut self.silence else {
                        return Poll::Pending;
                    };
                    return silence.poll(self.progress.arrived(), cx).map(Err);
                }
            }
        }
    }

    /// Tells that reading paused for a reason of ours, which is no silence of the server.
    pub fn hold(&mut self) {
        if let Some(silence) = &mut self.silence {
            silence.running = false;
        }
    }
}

/// Measures how long the server sends nothing while it is being listened to.
struct Silence {
    longest: Duration,
    timer: Pin<Box<Sleep>>,
    running: bool,
    arrived: u64,
}

impl Silence {
    fn new(longest: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(longest));
        Self {
            longest,
            timer,
            running: false,
            arrived: 0,
        }
    }

    /// Ready once nothing has arrived for too long, while this was being polled.
    fn poll(&mut self, arrived: u64, cx: &mut Context<'_>) -> Poll<Failure> {
        if !self.running || self.arrived != arrived {
            (self.running, self.arrived) = (true, arrived);
            let deadline = Instant::now().checked_add(self.longest);
            // A timeout past the end of the clock is none.
            let Some(deadline) = deadline else {
                return Poll::Pending;
            };
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx).map(|()| {
            let longest = ForPeople(self.longest);
            Failure::retry(format!("the server has been silent for {longest}"))
                .hinting(Hint::TimeOfSilence)
        })
    }
}

fn event_stream(
    endpoint: &Endpoint,
    last_event_id: Option<Position>,
    transport: Transport,
) -> Result<BoxStream<Result<SSE, SseError>>, SseError> {
    // Its own reconnection would resume after what was received rather than handled.
    let once = ReconnectOptions::reconnect(false)
        .retry_initial(false)
        .build();
    let mut builder = ClientBuilder::for_url(endpoint.url.as_str())?
        .reconnect(once)
        .redirect_limit(0);
    if let Some(position) = last_event_id {
        builder = builder.last_event_id(position.to_string());
    }
    Ok(builder.build_with_transport(transport).stream())
}

/// The failure, with where redirects have led before it, if they have.
fn elsewhere(endpoint: &Endpoint, progress: &Progress, failure: Failure) -> Failure {
    match progress.take_asked() {
        Some(asked) if asked != endpoint.url => Failure {
            reason: format!("redirected to {asked}: {}", failure.reason),
            ..failure
        },
        _ => failure,
    }
}

/// Where an answer comes from, if redirects have led away from the endpoint.
fn by_way_of(endpoint: &Endpoint, exchange: &Exchange) -> String {
    if exchange.url == endpoint.url {
        String::new()
    } else {
        format!("redirected to {}, which ", exchange.url)
    }
}

/// Why an answer with a 2xx status is still no event stream.
fn unusable_answer(endpoint: &Endpoint, exchange: &Exchange) -> Option<Failure> {
    let header = |name| {
        exchange
            .answer
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("?"))
    };
    if matches!(exchange.status.as_u16(), 204 | 205) {
        return Some(Failure::fatal(format!(
            "{}answered {}: it has no event stream",
            by_way_of(endpoint, exchange),
            exchange.status
        )));
    }
    let content_type = header(header::CONTENT_TYPE);
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/event-stream") {
        return Some(Failure::fatal(format!(
            "{}answered with {} instead of an event stream; is it the URL of an OpLog agent?",
            by_way_of(endpoint, exchange),
            if essence.is_empty() {
                "no content type"
            } else {
                essence
            },
        )));
    }
    let encoding = header(header::CONTENT_ENCODING).trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Some(Failure::retry(format!(
            "{}answered with {encoding} encoding, which was not asked for",
            by_way_of(endpoint, exchange)
        )));
    }
    None
}

/// What an answer without a 2xx status means.
fn refused(endpoint: &Endpoint, exchange: &Exchange) -> Failure {
    let status = exchange.status;
    let answer = format!("{}answered {status}", by_way_of(endpoint, exchange));
    match status.as_u16() {
        401 | 403 => {
            let (why, hint) = if exchange.withheld_credentials {
                (
                    ": it is another origin than the one the credentials were given for, so they were not sent there; give its URL itself",
                    None,
                )
            } else if exchange.request.contains_key(header::AUTHORIZATION) {
                (": the credentials are refused", None)
            } else {
                ("", Some(Hint::Password))
            };
            Failure {
                reason: format!("{answer}{why}"),
                remedy: Remedy::Authenticate,
                hint,
            }
        }
        408 | 425 | 429 | 500..=599 => {
            let asked = exchange.answer.get(header::RETRY_AFTER);
            let asked = asked
                .and_then(|value| value.to_str().ok())
                .and_then(retry_after);
            Failure {
                reason: answer,
                remedy: Remedy::Retry(asked),
                hint: None,
            }
        }
        400 => Failure::fatal(format!("{answer}: it does not take the position asked for")),
        404 => Failure::fatal(format!("{answer}: is it the URL of an OpLog agent?")),
        _ => Failure::fatal(answer),
    }
}

/// How long `Retry-After` asks to wait: seconds or a date.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than can be counted are as good as for ever; the caller has a bound.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let left = http_date(value)?.duration_since(Timestamp::now());
    Some(Duration::try_from(left).unwrap_or_default())
}

fn failure_of(error: &SseError) -> Failure {
    match error {
        SseError::Transport(error) => match error.inner().downcast_ref::<TransportFailure>() {
            Some(failure) => transport_failure(failure),
            None => Failure::retry(in_words(deepest(error.inner()))),
        },
        SseError::Eof | SseError::UnexpectedEof => {
            Failure::retry("the server ended the connection")
        }
        SseError::InvalidLine(_) => Failure::retry("the server sent a line that is not UTF-8"),
        other => Failure::retry(other.to_string()),
    }
}

fn transport_failure(failure: &TransportFailure) -> Failure {
    match failure {
        TransportFailure::Request(error) => request_failure(error),
        TransportFailure::Proxy { name, error } => {
            let failure = request_failure(error);
            Failure {
                reason: format!("through the proxy {name}: {}", failure.reason),
                ..failure
            }
        }
        TransportFailure::NoAnswer(_) => {
            Failure::retry(failure.to_string()).hinting(Hint::TimeToAnswer)
        }
        TransportFailure::Tls(error) => {
            let cause = in_words(deepest(error));
            Failure::fatal(format!("cannot set up TLS: {cause}")).hinting(Hint::Authority)
        }
        TransportFailure::InsecureRedirect(_)
        | TransportFailure::BadRedirect(_)
        | TransportFailure::TooManyRedirects => Failure::fatal(failure.to_string()),
        _ => Failure::retry(failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(
            retry_after("99999999999999999999999"),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
    }

    #[test]
    fn reads_the_date_of_an_answer() {
        let mut answer = HeaderMap::new();
        assert_eq!(date_of(&answer), None);
        answer.insert(
            header::DATE,
            http::HeaderValue::from_static("Mon, 23 Nov 2026 17:55:18 GMT"),
        );
        assert_eq!(
            date_of(&answer).map(Timestamp::as_second),
            Some(1_795_456_518)
        );
    }
}
