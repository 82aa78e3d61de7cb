//! How the server answers a request, and the stream it answers with.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, SERVER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use percent_encoding::percent_decode_str;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::connection::Blocked;
use super::model::{Filter, Polled, Subscription};
use super::shared::Shared;
use super::status::status;

#[cfg(test)]
mod tests;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A comment line with no blank line after it, as `oplogd` sends it.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n");

/// How many pieces of a stream wait for the client. A client that does not read holds up its
/// producer, and nothing piles up.
const PIECES_AHEAD: usize = 2;

/// About how many bytes a piece has where a client that does not read is to be overtaken soon.
const SMALL_PIECE: usize = 4096;

/// The body of an answer.
#[derive(Debug)]
pub(super) enum EventBody {
    /// These bytes; nothing once they are sent.
    Whole(Bytes),
    /// The stream of events.
    Stream(mpsc::Receiver<Bytes>),
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(pieces) => pieces
                .poll_recv(cx)
                .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Answers a request. A stream is produced by a task of its own, which ends with the connection.
pub(super) fn respond<B>(
    shared: &Arc<Shared>,
    blocked: &Arc<Blocked>,
    request: &Request<B>,
) -> Response<EventBody> {
    let mut response = match answer(shared, request) {
        Ok(Answer::Status) => {
            let mut response = Response::new(EventBody::Whole(status(shared).into()));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Ok(Answer::Stream(subscription, changed)) => {
            let ahead = if shared.send_buffer.is_some() {
                1
            } else {
                PIECES_AHEAD
            };
            let (pieces, body) = mpsc::channel(ahead);
            let producer = Producer {
                shared: Arc::clone(shared),
                subscription,
                blocked: Arc::clone(blocked),
            };
            producer.note_place(false);
            tokio::spawn(producer.produce(changed, pieces));
            stream(EventBody::Stream(body), request.headers())
        }
        Err(code) => refusal(code),
    };
    if shared.date_of_model
        && let Some(date) = http_date(shared.agent_ms())
    {
        response.headers_mut().insert(DATE, date);
    }
    if let Ok(name) = HeaderValue::from_str(&shared.figures().server) {
        response.headers_mut().insert(SERVER, name);
    }
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
    let mut response = Response::new(EventBody::Whole(Bytes::new()));
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"oplog\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// What a request that is granted gets.
enum Answer {
    Status,
    Stream(Subscription, watch::Receiver<()>),
}

/// Checks a request in the order of `oplogd`; the status to refuse it with where it fails.
fn answer<B>(shared: &Shared, request: &Request<B>) -> Result<Answer, StatusCode> {
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    match request.uri().path() {
        "/" | "/ops" => subscribe(shared, request),
        // It asks for no password.
        "/status" => Ok(Answer::Status),
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn subscribe<B>(shared: &Shared, request: &Request<B>) -> Result<Answer, StatusCode> {
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
    let subscription = match shared.send_buffer {
        Some(_) => subscription.pieces_of(SMALL_PIECE),
        None => subscription,
    };
    Ok(Answer::Stream(
        subscription,
        shared.store.changed.subscribe(),
    ))
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

/// Sends what a subscription brings over a connection.
struct Producer {
    shared: Arc<Shared>,
    subscription: Subscription,
    blocked: Arc<Blocked>,
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.store.forget(self.subscription.number());
    }
}

impl Producer {
    fn note_place(&self, is_current: bool) {
        let store = &self.shared.store;
        store.note_place(&self.subscription, is_current, &self.blocked);
    }

    /// Appends the next events to `bytes`.
    fn poll(&mut self, bytes: &mut Vec<u8>) -> Polled {
        let mut model = self.shared.model();
        let polled = model.poll(&mut self.subscription, bytes);
        if polled == Polled::Waiting {
            // Before anyone can append again.
            self.note_place(true);
        }
        polled
    }

    /// Sends what the subscription brings, and heartbeats in between, until the client is gone.
    async fn produce(mut self, mut changed: watch::Receiver<()>, pieces: mpsc::Sender<Bytes>) {
        let heartbeat = self.shared.heartbeat;
        let mut heartbeat_at = Instant::now() + heartbeat;
        loop {
            let mut bytes = Vec::new();
            let polled = self.poll(&mut bytes);
            if bytes.is_empty() {
                // A filter that lets nothing through must not keep the runtime to itself.
                tokio::task::yield_now().await;
            } else {
                if pieces.send(bytes.into()).await.is_err() {
                    return;
                }
                heartbeat_at = Instant::now() + heartbeat;
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
                    heartbeat_at = Instant::now() + heartbeat;
                }
            }
        }
    }
}
