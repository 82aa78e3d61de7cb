//! How the server answers a request, and the stream it answers with.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use percent_encoding::percent_decode_str;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::handle::Shared;
use super::model::{Filter, Polled, Subscription};

#[cfg(test)]
mod tests;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A comment line with no blank line after it, as `oplogd` sends it.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n");

/// How many pieces of a stream wait for the client. A client that does not read holds up its
/// producer, and nothing piles up.
const PIECES_AHEAD: usize = 2;

/// The body of an answer: nothing, or the stream of events.
#[derive(Debug)]
pub struct EventBody(Option<mpsc::Receiver<Bytes>>);

impl Body for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            None => Poll::Ready(None),
            Some(pieces) => pieces
                .poll_recv(cx)
                .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.0 {
            None => SizeHint::with_exact(0),
            Some(_) => SizeHint::default(),
        }
    }
}

/// Answers a request. A stream is produced by a task of its own, which ends with the connection.
pub(super) fn respond<B>(shared: &Arc<Shared>, request: &Request<B>) -> Response<EventBody> {
    let response = match subscribe(shared, request) {
        Ok((subscription, changed)) => {
            let (pieces, body) = mpsc::channel(PIECES_AHEAD);
            tokio::spawn(produce(Arc::clone(shared), subscription, changed, pieces));
            let mut response = stream(EventBody(Some(body)), request.headers());
            if shared.date_of_model
                && let Some(date) = http_date(shared.model().agent_ms())
            {
                response.headers_mut().insert(DATE, date);
            }
            response
        }
        Err(status) => refusal(status),
    };
    // Noted once the subscription stands: who has seen the request may append.
    shared.note(request, response.status());
    response
}

fn stream(body: EventBody, asked: &HeaderMap) -> Response<EventBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    if let Some(id) = asked.get(LAST_EVENT_ID) {
        headers.insert(LAST_EVENT_ID, id.clone());
    }
    response
}

/// A UNIX time in ms as the `Date` of an answer.
fn http_date(ms: u64) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    let text = jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", at).ok()?;
    HeaderValue::from_str(&text).ok()
}

fn refusal(status: StatusCode) -> Response<EventBody> {
    let mut response = Response::new(EventBody(None));
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"oplog\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Checks a request in the order of `oplogd`; the status to refuse it with where it fails.
fn subscribe<B>(
    shared: &Shared,
    request: &Request<B>,
) -> Result<(Subscription, watch::Receiver<()>), StatusCode> {
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !matches!(request.uri().path(), "/" | "/ops") {
        return Err(StatusCode::NOT_FOUND);
    }
    let headers = request.headers();
    if headers.get(ACCEPT) != Some(&EVENT_STREAM) {
        return Err(StatusCode::NOT_ACCEPTABLE);
    }
    if let Some(password) = &shared.password
        && !is_authorized(headers, password)
    {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let last_event_id = match headers.get(LAST_EVENT_ID) {
        None => None,
        Some(id) => Some(id.to_str().map_err(|_| StatusCode::BAD_REQUEST)?),
    };
    let query = request.uri().query().unwrap_or_default();
    let filter = Filter {
        types: list(query, "types"),
        parents: list(query, "parents"),
    };
    let subscription = shared
        .model()
        .subscribe(last_event_id, filter)
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok((subscription, shared.changed.subscribe()))
}

/// Whether the request has the password; the user name can be anything.
fn is_authorized(headers: &HeaderMap, password: &str) -> bool {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Basic "))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':')?;
            Some(pair[colon + 1..] == *password.as_bytes())
        })
        .unwrap_or(false)
}

/// The parts of the first parameter `name`. Decoded before it is split at commas, so a comma
/// within a part cannot be escaped.
fn list(query: &str, name: &str) -> Vec<String> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| decode(key) == name)
        .map(|(_, value)| decode(value))
        .filter(|value| !value.is_empty())
        .map(|value| value.split(',').map(str::to_owned).collect())
        .unwrap_or_default()
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// Sends what the subscription brings, and heartbeats in between, until the client is gone.
async fn produce(
    shared: Arc<Shared>,
    mut subscription: Subscription,
    mut changed: watch::Receiver<()>,
    pieces: mpsc::Sender<Bytes>,
) {
    let mut heartbeat_at = Instant::now() + shared.heartbeat;
    loop {
        let mut bytes = Vec::new();
        let polled = shared.model().poll(&mut subscription, &mut bytes);
        if bytes.is_empty() {
            // A filter that lets nothing through must not keep the runtime to itself.
            tokio::task::yield_now().await;
        } else {
            if pieces.send(bytes.into()).await.is_err() {
                return;
            }
            heartbeat_at = Instant::now() + shared.heartbeat;
        }
        match polled {
            Polled::More => continue,
            Polled::Ended => return,
            Polled::Waiting => {}
        }
        tokio::select! {
            biased;
            () = pieces.closed() => return,
            outcome = changed.changed() => if outcome.is_err() {
                return;
            },
            () = tokio::time::sleep_until(heartbeat_at) => {
                if pieces.send(HEARTBEAT).await.is_err() {
                    return;
                }
                heartbeat_at = Instant::now() + shared.heartbeat;
            }
        }
    }
}
