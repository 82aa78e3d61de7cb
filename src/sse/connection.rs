//! Exactly one connection: the request and its events, until it ends. It never retries.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use eventsource_client::{
    BoxStream, Client, ClientBuilder, Error as SseError, ReconnectOptions, SSE,
};

use super::backlog::{Backlog, Lateness};
use super::body::{BodyError, FastPath};
use super::fast_path::Batch;
use super::transport::Transport;
use crate::duration::ForPeople;
use crate::http::{
    CUT, Clients, Endpoint, Exchange, Failure, Hint, StreamRequest, unusable_answer, words,
};
use crate::oplog::{Position, Record};
use crate::quiet::Quiet;

/// What comes over a connection.
#[derive(Debug)]
pub enum Received {
    /// An event, not yet checked.
    Event(Record),
    /// A comment, by which the server shows that it is there.
    Heartbeat,
}

/// An attempt to connect: its requests and answers, and the result.
pub struct Attempt {
    /// The requests with their answers, redirects included.
    pub exchanges: Vec<Exchange>,
    pub result: Result<Connection, Failure>,
}

/// An open connection.
pub struct Connection {
    stream: BoxStream<Result<SSE, SseError>>,
    fast_path: Arc<FastPath>,
    /// Comes before the next item of the stream.
    batch: Batch,
    /// How long the server may send nothing while this program reads.
    silence: Option<(Duration, Quiet)>,
    /// What had arrived when this program last read.
    heard: u64,
    backlog: Backlog,
    /// A line that cannot be parsed is reported before the good events ahead of it; they first.
    failure: Option<Failure>,
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
        let request = StreamRequest::new(clients, Arc::clone(&endpoint));
        let fast_path = Arc::new(FastPath::new());
        let transport = Transport {
            request: request.clone(),
            fast_path: Arc::clone(&fast_path),
        };
        let Ok(mut stream) = event_stream(&endpoint, last_event_id, transport) else {
            return Attempt {
                exchanges: Vec::new(),
                result: Err(Failure::fatal("no request can be made from this URL")),
            };
        };
        let first = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
        let exchanges = request.take_exchanges();
        let answer = exchanges.last();
        let refusal = match first {
            Some(Ok(SSE::Connected(_)) | Err(SseError::UnexpectedResponse(..))) => {
                answer.and_then(|answer| unusable_answer(&endpoint, answer))
            }
            Some(Err(error)) => Some(failure_of(&error)),
            _ => Some(Failure::ended(CUT)),
        };
        let result = match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(Self {
                stream,
                fast_path,
                batch: Batch::default(),
                silence: read_timeout.map(|longest| (longest, Quiet::new(longest))),
                heard: 0,
                backlog: Backlog::default(),
                failure: None,
            }),
        };
        Attempt { exchanges, result }
    }

    /// What comes next; an error ends the connection.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Failure>> {
        loop {
            if let Some(record) = self.batch.next() {
                return Poll::Ready(Ok(Received::Event(record)));
            }
            let Poll::Ready(received) = self.stream.as_mut().poll_next(cx) else {
                return self.poll_silence(cx).map(Err);
            };
            match received.unwrap_or(Err(SseError::Eof)) {
                Ok(SSE::Event(event)) => match self.fast_path.take_batch(&event.event_type) {
                    Some(batch) => self.batch = batch,
                    None => return Poll::Ready(Ok(Received::Event(record(&event)))),
                },
                Ok(SSE::Comment(_)) => return Poll::Ready(Ok(Received::Heartbeat)),
                Ok(SSE::Connected(_)) => {}
                Err(error @ (SseError::InvalidLine(_) | SseError::InvalidEvent)) => {
                    self.failure = Some(failure_of(&error));
                }
                Err(error) => {
                    let failure = self.failure.take();
                    return Poll::Ready(Err(failure.unwrap_or_else(|| failure_of(&error))));
                }
            }
        }
    }

    /// Ready once the server has sent nothing for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        let arrived = self.arrived();
        let Some((longest, silence)) = &mut self.silence else {
            return Poll::Pending;
        };
        if std::mem::replace(&mut self.heard, arrived) != arrived {
            silence.restart();
        }
        silence.poll(arrived, cx).map(|()| silent_for(*longest))
    }

    /// How many bytes have arrived.
    pub fn arrived(&self) -> u64 {
        self.fast_path.arrived()
    }

    /// The pause that the stream asks for before a new connection, if any.
    pub fn retry(&self) -> Option<Duration> {
        self.fast_path.retry()
    }

    /// Nothing is ready to be read; see [`Backlog`].
    pub fn nothing_ready(&mut self, lateness: impl FnOnce() -> Lateness, cx: &Context<'_>) {
        let arrived = self.arrived();
        self.backlog.nothing_ready(arrived, lateness, cx);
    }

    /// True if the server may have had to wait for this program to read.
    pub fn is_behind(&self) -> bool {
        self.backlog.is_behind(self.arrived())
    }

    /// This program did not read for a while. That time does not count as silence of the server.
    pub fn pause_clock(&mut self) {
        if let Some((_, silence)) = &mut self.silence {
            silence.restart();
        }
    }
}

/// The failure of a server that sends nothing.
pub(super) fn silent_for(longest: Duration) -> Failure {
    let longest = ForPeople(longest);
    Failure::retry(format!("the server sent nothing for {longest}")).hinting(Hint::TimeOfSilence)
}

fn record(event: &eventsource_client::Event) -> Record {
    let id = event.id.as_deref().unwrap_or_default();
    Record::new(id, &event.event_type, &event.data)
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

pub(super) fn failure_of(error: &SseError) -> Failure {
    match error {
        SseError::Transport(error) => {
            let error = error.inner();
            let of_request = error.downcast_ref::<Failure>().cloned();
            of_request
                .or_else(|| error.downcast_ref().map(body_failure))
                .unwrap_or_else(|| Failure::retry(words(error)))
        }
        SseError::Eof | SseError::UnexpectedEof => {
            Failure::ended("the server ended the connection")
        }
        SseError::InvalidLine(_) => Failure::unreadable("the server sent a line that is not UTF-8"),
        SseError::InvalidEvent => {
            Failure::unreadable("the server sent an event that cannot be read")
        }
        SseError::HttpStream(error) => {
            let words = crate::http::words(error.as_ref());
            Failure::retry(format!("the connection broke: {words}"))
        }
        // Of requests and redirects, which are this program's own work.
        _ => Failure::retry("the event stream failed"),
    }
}

pub(super) fn body_failure(error: &BodyError) -> Failure {
    match error {
        BodyError::Request(error) => crate::http::request_failure(error),
        BodyError::TooLong(_) => Failure::unreadable(error.to_string()),
        BodyError::CutOff => Failure::ended(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
