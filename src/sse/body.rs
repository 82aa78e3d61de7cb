//! The body of an answer: bytes made ready for the event parser, and batches of operations that
//! skip it.
//!
//! In place of a batch the parser gets a placeholder event. Its name is random for each connection,
//! so no server can send it. When the placeholder comes out of the parser, the batch is next. So
//! everything stays in the order of the server.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::Body as _;
use launchdarkly_sdk_transport::TransportError;

use super::fast_path::{self, Batch};
use super::framing::{Framing, TooLong};

/// The body is processed in pieces of this many bytes, so that the result of one stays in the cache
/// of the processor.
const PIECE: usize = 16 << 10;

/// Why the body of an answer ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("the connection ended in the middle of an event")]
    CutOff,
}

/// What a connection and the body behind its event parser share.
#[derive(Debug)]
pub(super) struct FastPath {
    /// How many bytes of the body have arrived.
    arrived: AtomicU64,
    /// The last `retry` of the stream.
    retry: Mutex<Option<Duration>>,
    /// The name of the event that stands in for a batch.
    stand_in: String,
    batches: Mutex<VecDeque<Batch>>,
}

impl FastPath {
    pub(super) fn new() -> Self {
        Self {
            arrived: AtomicU64::new(0),
            retry: Mutex::default(),
            stand_in: format!("batch-{:032x}", fastrand::u128(..)),
            batches: Mutex::default(),
        }
    }

    pub(super) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// The pause that the stream asks for before a new connection, if any.
    pub(super) fn retry(&self) -> Option<Duration> {
        *lock(&self.retry)
    }

    /// The batch that an event of this name stands in for; `None` for an event of the server.
    pub(super) fn take_batch(&self, event: &str) -> Option<Batch> {
        if event != self.stand_in {
            return None;
        }
        lock(&self.batches).pop_front()
    }

    /// Keeps a batch from the parser. Returns the stand-in that the parser gets instead.
    fn put_batch(&self, batch: Batch) -> Bytes {
        // The parser gives an event without an id the id of the one before it.
        let last_id = batch.as_slice().last().map_or("", |record| record.id());
        let stand_in = format!("id: {last_id}\nevent: {}\ndata:\n\n", self.stand_in);
        lock(&self.batches).push_back(batch);
        stand_in.into()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of an answer as a stream of pieces for the event parser. Ends for good after an
/// error, because the parser asks again.
pub(super) struct EventBody {
    body: reqwest::Body,
    framing: Framing,
    /// What has arrived and is not yet looked at.
    unread: Bytes,
    /// The beginning of an operation whose end has not arrived, kept so that it does not go to the
    /// parser in pieces.
    beginning: BytesMut,
    /// What the parser gets next.
    ready: VecDeque<Bytes>,
    fast_path: Arc<FastPath>,
    /// The body has ended. What is still `ready` comes first, then the failure, if any.
    ended: bool,
    failure: Option<BodyError>,
}

impl EventBody {
    pub(super) fn new(body: reqwest::Body, fast_path: Arc<FastPath>) -> Self {
        Self {
            body,
            framing: Framing::default(),
            unread: Bytes::new(),
            beginning: BytesMut::new(),
            ready: VecDeque::new(),
            fast_path,
            ended: false,
            failure: None,
        }
    }

    /// Takes the next frame of the body in, which may end it.
    fn take_in(&mut self, frame: Option<reqwest::Result<http_body::Frame<Bytes>>>) {
        match frame {
            None => {
                let is_cut_off = self.framing.inside_event() || !self.beginning.is_empty();
                self.end(is_cut_off.then_some(BodyError::CutOff));
            }
            Some(Err(error)) => self.end(Some(BodyError::Request(error))),
            Some(Ok(frame)) => {
                self.unread = frame.into_data().unwrap_or_default();
                let bytes = self.unread.len() as u64;
                self.fast_path.arrived.fetch_add(bytes, Ordering::Relaxed);
                if !self.beginning.is_empty() {
                    self.beginning.extend_from_slice(&self.unread);
                    self.unread = self.beginning.split().freeze();
                }
            }
        }
    }

    fn end(&mut self, failure: Option<BodyError>) {
        (self.ended, self.failure) = (true, failure);
        self.unread.clear();
    }

    /// Looks at the next piece of what has arrived.
    fn read(&mut self) {
        let mut piece = self.next_piece();
        while !piece.is_empty() {
            let fed = self
                .framing
                .feed(&mut piece, &mut self.ready, fast_path::begins_batch);
            if let Some(ms) = self.framing.take_retry_ms() {
                let mut retry = lock(&self.fast_path.retry);
                *retry = Some(Duration::from_millis(ms));
            }
            if let Err(too_long) = fed {
                return self.end(Some(too_long.into()));
            }
            if piece.is_empty() {
                return;
            }
            let stand_in = self.fast_path.put_batch(fast_path::take_batch(&mut piece));
            self.ready.push_back(stand_in);
            if self.unread.is_empty() && fast_path::is_cut_off(&piece) {
                self.beginning.extend_from_slice(&piece);
                return;
            }
        }
    }

    /// The next piece. It ends with a whole event if possible, so that no operation of a batch is cut.
    fn next_piece(&mut self) -> Bytes {
        let mut end = self.unread.len();
        if end > PIECE {
            let last = memchr::memmem::rfind(&self.unread[..PIECE], b"\n\n");
            end = last.map_or(PIECE, |last| last + 2);
        }
        self.unread.split_to(end)
    }
}

impl Stream for EventBody {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(front) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(front)));
            }
            if this.ended {
                return Poll::Ready(this.failure.take().map(|f| Err(TransportError::new(f))));
            }
            if this.unread.is_empty() {
                let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
                this.take_in(frame);
            } else {
                this.read();
            }
        }
    }
}
