//! Asks over a second connection whether the server still has an operation.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::http::{Clients, Endpoint};
use crate::oplog::Position;
use crate::sse::{Connection, Received};
use crate::tracker::was_kept;

/// The server is asked at most this often.
const INTERVAL: Duration = Duration::from_millis(250);
/// A connection that is behind gets this long to catch up by itself.
const CATCHING_UP: Duration = Duration::from_secs(1);
/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the server says of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Kept,
    Gone,
    /// It could not be asked.
    Unknown,
}

/// Asks, and waits for the answer.
#[derive(Default)]
pub(super) struct Probe {
    /// The answer that is awaited.
    answer: Option<Pin<Box<dyn Future<Output = Answer>>>>,
    /// When there was first something to ask.
    wanted_since: Option<Instant>,
    last_asked: Option<Instant>,
    /// When to ask, or how long to wait for the answer.
    timer: Option<Pin<Box<Sleep>>>,
    /// How often in a row it could not be asked.
    failures: u32,
}

impl Probe {
    pub(super) fn is_asking(&self) -> bool {
        self.answer.is_some()
    }

    /// How often in a row the server could not be asked.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Gives up what was asked; there is nothing to ask any more.
    pub(super) fn stop(&mut self) {
        self.answer = None;
        self.wanted_since = None;
        self.failures = 0;
    }

    /// Ready when it is time to ask. While the connection in question `is_behind`, that is not
    /// before it has been so for a while.
    pub(super) fn poll_due(&mut self, is_behind: bool, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let wanted = *self.wanted_since.get_or_insert(now);
        let patience = if is_behind {
            CATCHING_UP
        } else {
            Duration::ZERO
        };
        let rested = self.last_asked.map_or(wanted, |last| last + INTERVAL);
        let due = rested.max(wanted + patience);
        if due <= now {
            return Poll::Ready(());
        }
        self.poll_timer(due, cx)
    }

    fn poll_timer(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }

    /// Asks this agent for what comes after `operation`.
    pub(super) fn ask(
        &mut self,
        clients: Arc<Clients>,
        endpoint: Arc<Endpoint>,
        operation: Position,
    ) {
        self.last_asked = Some(Instant::now());
        self.answer = Some(Box::pin(answer(clients, endpoint, operation)));
    }

    /// The answer. Pending for ever while nothing is asked.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let (Some(answer), Some(asked)) = (&mut self.answer, self.last_asked) else {
            return Poll::Pending;
        };
        let answer = match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                ready!(self.poll_timer(asked + PATIENCE, cx));
                Answer::Unknown
            }
        };
        self.answer = None;
        match answer {
            Answer::Unknown => self.failures += 1,
            Answer::Kept | Answer::Gone => self.failures = 0,
        }
        Poll::Ready(answer)
    }
}

/// Asks this agent for what comes after `operation`; the first event that tells is the answer.
async fn answer(clients: Arc<Clients>, endpoint: Arc<Endpoint>, operation: Position) -> Answer {
    let read_timeout = clients.read_timeout();
    let attempt = Connection::open(clients, endpoint, Some(operation), read_timeout).await;
    let Ok(mut connection) = attempt.result else {
        return Answer::Unknown;
    };
    loop {
        match poll_fn(|cx| connection.poll_event(cx)).await {
            Ok(Received::Event(record)) => match was_kept(&record) {
                Some(true) => return Answer::Kept,
                Some(false) => return Answer::Gone,
                None => {}
            },
            Ok(Received::Heartbeat) => {}
            Err(_) => return Answer::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
