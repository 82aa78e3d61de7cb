//! How the server answers a request, and the stream it answers with.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
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
use http_body::{Body, Frame};
use http_body_util::{Either, Full};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::agent::{Agent, Handle, locked};
use super::model::{Filter, Polled, Subscription};
use super::status::status;

#[cfg(test)]
mod tests;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A comment line with no blank line after it, as `oplogd` sends it.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n");

/// A stream of events.
#[derive(Debug)]
pub(super) struct Pieces(mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

type Answer = Response<Either<Full<Bytes>, Pieces>>;

/// Answers a request that came over `socket`. A stream is produced by a task of its own, which
/// ends with the connection.
pub(super) fn respond<B>(agent: &Handle, socket: &Arc<OwnedFd>, request: &Request<B>) -> Answer {
    let mut response = answer(agent, socket, request).unwrap_or_else(refusal);
    let headers = response.headers_mut();
    if agent.config.date_of_model
        && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(agent.time()))
    {
        headers.insert(DATE, date);
    }
    if let Ok(name) = HeaderValue::from_str(&agent.figures().server) {
        headers.insert(SERVER, name);
    }
    // Noted once the subscription stands: who has seen the request may append.
    agent.note(request, response.status());
    response
}

fn refusal(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"oplog\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Checks a request in the order of `oplogd`; the status to refuse it with where it fails.
fn answer<B>(
    agent: &Handle,
    socket: &Arc<OwnedFd>,
    request: &Request<B>,
) -> Result<Answer, StatusCode> {
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    match request.uri().path() {
        "/" | "/ops" => {
            let producer = Producer {
                agent: Arc::clone(agent),
                subscription: subscribe(agent, request)?,
                socket: Arc::clone(socket),
            };
            // A client that does not read holds up its producer, and nothing piles up.
            let (pieces, body) = mpsc::channel(1);
            tokio::spawn(producer.produce(pieces));
            let mut response = Response::new(Either::Right(Pieces(body)));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, EVENT_STREAM);
            if let Some(id) = request.headers().get(LAST_EVENT_ID) {
                headers.insert(LAST_EVENT_ID, id.clone());
            }
            Ok(response)
        }
        // It asks for no password.
        "/status" => {
            let mut response = Response::new(Either::Left(status(agent).into()));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok(response)
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn subscribe<B>(agent: &Agent, request: &Request<B>) -> Result<Subscription, StatusCode> {
    let headers = request.headers();
    if headers.get(ACCEPT) != Some(&EVENT_STREAM) {
        return Err(StatusCode::NOT_ACCEPTABLE);
    }
    if let Some(password) = &agent.config.password
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
    let subscribed = agent.model().subscribe(last_event_id, filter);
    subscribed.map_err(|_| StatusCode::BAD_REQUEST)
}

/// Whether the request has the password; the user name can be anything.
fn is_authorized(headers: &HeaderMap, password: &str) -> bool {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Basic "))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .is_some_and(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b':');
            parts.nth(1) == Some(password.as_bytes())
        })
}

/// The parts of the first parameter `name`. Decoded before it is split at commas, so a comma
/// within a part cannot be escaped.
fn list(query: &str, name: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .filter(|(_, value)| !value.is_empty())
        .map(|(_, value)| value.split(',').map(str::to_owned).collect())
        .unwrap_or_default()
}

/// Sends what a subscription brings over a connection.
struct Producer {
    agent: Handle,
    subscription: Subscription,
    socket: Arc<OwnedFd>,
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.agent.model().end(&self.subscription);
        self.set_waiting(false);
    }
}

impl Producer {
    /// Notes whether the client must read before this can go on.
    fn set_waiting(&self, is_waiting: bool) {
        let number = self.subscription.0;
        let store = &self.agent.store;
        if is_waiting {
            locked(&store.waiting).insert(number, Arc::clone(&self.socket));
        } else {
            locked(&store.waiting).remove(&number);
        }
        store.progress.send_replace(());
    }

    /// Sends a piece, once the client has read enough of those before. Whether it is still there.
    async fn send(&self, pieces: &mpsc::Sender<Bytes>, piece: Bytes) -> bool {
        if pieces.capacity() > 0 {
            return pieces.send(piece).await.is_ok();
        }
        self.set_waiting(true);
        let sent = pieces.send(piece).await;
        self.set_waiting(false);
        sent.is_ok()
    }

    /// Sends what the subscription brings, and heartbeats in between, until the client is gone.
    async fn produce(self, pieces: mpsc::Sender<Bytes>) {
        let heartbeat = self.agent.config.heartbeat;
        let mut changed = self.agent.store.changed.subscribe();
        let mut heartbeat_at = Instant::now() + heartbeat;
        loop {
            let mut bytes = Vec::new();
            let polled = self.agent.model().poll(&self.subscription, &mut bytes);
            if bytes.is_empty() {
                // A filter that lets nothing through must not keep the runtime to itself.
                tokio::task::yield_now().await;
            } else {
                if !self.send(&pieces, bytes.into()).await {
                    return;
                }
                heartbeat_at = Instant::now() + heartbeat;
            }
            match polled {
                Polled::More => continue,
                Polled::Ended => return,
                Polled::Waiting => self.agent.store.progress.send_replace(()),
            }
            tokio::select! {
                biased;
                () = pieces.closed() => return,
                outcome = changed.changed() => if outcome.is_err() {
                    return;
                },
                () = tokio::time::sleep_until(heartbeat_at) => {
                    if !self.send(&pieces, HEARTBEAT).await {
                        return;
                    }
                    heartbeat_at = Instant::now() + heartbeat;
                }
            }
        }
    }
}
