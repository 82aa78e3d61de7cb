//! Connections one after the other: makes a new one whenever the last one breaks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::config::Config;
use super::error::Error;
use super::notice::Notice;
use crate::clock::{Answered, Clock, second_of};
use crate::http::{Clients, Endpoint, Failure, date_of};
use crate::oplog::{Position, Record};
use crate::retry::Agents;
use crate::sse::{Attempt, Connection, Lateness, Received};

/// A gap this soon after another is followed by a rest.
const GAPS_TOGETHER: Duration = Duration::from_secs(5);
/// How long that rest is: as after a first failure.
const GAP_REST: Duration = Duration::from_secs(1);

enum Phase {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Attempt>>>),
    Connected(Box<Connection>),
    Waiting(Pin<Box<Sleep>>),
}

/// What comes over a connection, or over one after it.
#[derive(Debug)]
pub(super) enum Incoming {
    Opened(Answered),
    /// An event, not yet checked.
    Event(Record),
}

/// A connection that is made again whenever it breaks.
pub(super) struct Reconnect {
    clients: Arc<Clients>,
    /// The clock that the server's is compared with.
    clock: Clock,
    agents: Agents,
    phase: Phase,
    /// When the server last turned out to have left a gap.
    last_gap: Option<Instant>,
}

impl Reconnect {
    /// Connections to the agents of `config`, of which none has been made yet. So many `retries`
    /// follow a failure; `None` for ever.
    pub(super) fn new(config: &Config, retries: Option<u32>, clients: Arc<Clients>) -> Self {
        Self {
            clients,
            clock: config.clock.clone(),
            agents: Agents::new(&config.endpoints, retries),
            phase: Phase::Idle,
            last_gap: None,
        }
    }

    /// Ends the connection; the next poll makes a new one at once.
    pub(super) fn disconnect(&mut self) {
        self.phase = Phase::Idle;
    }

    /// The connection was ended because of a gap. The next one is made at once, unless the last gap
    /// was a moment ago: a server that never keeps what it is asked for would be asked without end
    /// and without a pause.
    pub(super) fn rest_after_gap(&mut self) {
        let now = Instant::now();
        let last = self.last_gap.replace(now);
        if last.is_some_and(|last| now.duration_since(last) < GAPS_TOGETHER) {
            self.phase = Phase::Waiting(Box::pin(tokio::time::sleep(GAP_REST)));
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected(_))
    }

    /// A number that changes whenever something arrives over the connection that stands.
    pub(super) fn arrived(&self) -> u64 {
        match &self.phase {
            Phase::Connected(connection) => connection.arrived(),
            _ => 0,
        }
    }

    /// The agent that is connected, or tried next.
    pub(super) fn endpoint(&self) -> Arc<Endpoint> {
        Arc::clone(self.agents.current())
    }

    /// Nothing is ready to be read; `lateness` says whether operations come late.
    pub(super) fn nothing_ready(&mut self, lateness: impl FnOnce() -> Lateness, cx: &Context<'_>) {
        if let Phase::Connected(connection) = &mut self.phase {
            connection.nothing_ready(lateness, cx);
        }
    }

    /// Whether the server may have had to wait for this program to read.
    pub(super) fn is_behind(&self) -> bool {
        matches!(&self.phase, Phase::Connected(connection) if connection.is_behind())
    }

    /// Tells that reading paused for a reason of ours, which is no silence of the server.
    pub(super) fn pause_clock(&mut self) {
        if let Phase::Connected(connection) = &mut self.phase {
            connection.pause_clock();
        }
    }

    /// What comes next. A new connection is asked to resume after what `resume_after` says.
    ///
    /// # Errors
    /// When trying again is of no use or not wanted any more.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut resume_after: impl FnMut() -> Option<Position>,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Poll<Result<Incoming, Error>> {
        loop {
            match &mut self.phase {
                Phase::Connected(connection) => match ready!(connection.poll_event(cx)) {
                    Ok(Received::Event(record)) if record.is_blank() => {}
                    Ok(Received::Event(record)) => {
                        if !matches!(record.event(), "reset" | "live") {
                            self.agents.works();
                        }
                        if self.agents.succeed() {
                            observer(Notice::Receiving);
                        }
                        return Poll::Ready(Ok(Incoming::Event(record)));
                    }
                    Ok(Received::Heartbeat) => {
                        self.agents.works();
                        self.agents.succeed();
                        observer(Notice::Heartbeat);
                    }
                    Err(failure) => self.fail(failure, observer)?,
                },
                Phase::Idle => self.connect(resume_after(), observer),
                Phase::Connecting(attempt) => {
                    let attempt = ready!(attempt.as_mut().poll(cx));
                    if let Some(opened) = self.connected(attempt, observer)? {
                        return Poll::Ready(Ok(opened));
                    }
                }
                Phase::Waiting(timer) => {
                    ready!(timer.as_mut().poll(cx));
                    self.phase = Phase::Idle;
                }
            }
        }
    }

    fn connect(&mut self, after: Option<Position>, observer: &mut dyn FnMut(Notice<'_>)) {
        let endpoint = Arc::clone(self.agents.current());
        observer(Notice::Connecting {
            endpoint: &endpoint,
            after,
        });
        let (clients, read_timeout) = (Arc::clone(&self.clients), self.clients.read_timeout());
        self.phase = Phase::Connecting(Box::pin(Connection::open(
            clients,
            endpoint,
            after,
            read_timeout,
        )));
    }

    fn connected(
        &mut self,
        attempt: Attempt,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Result<Option<Incoming>, Error> {
        for exchange in &attempt.exchanges {
            observer(Notice::Exchanged(exchange));
        }
        let connection = match attempt.result {
            Ok(connection) => connection,
            Err(failure) => return self.fail(failure, observer).map(|()| None),
        };
        observer(Notice::Connected(self.agents.current()));
        self.phase = Phase::Connected(Box::new(connection));
        let answer = attempt.exchanges.last().map(|exchange| &exchange.answer);
        let date = answer.and_then(date_of).map(second_of);
        let local = self.clock.second();
        Ok(Some(Incoming::Opened(Answered::new(date, local))))
    }

    /// Tells of a failed try and waits for the next one, or gives up.
    fn fail(
        &mut self,
        failure: Failure,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Result<(), Error> {
        let retry = match &self.phase {
            Phase::Connected(connection) => connection.retry(),
            _ => None,
        };
        let next = self.agents.fail(failure, retry)?;
        self.phase = if next.wait.is_zero() {
            Phase::Idle
        } else {
            Phase::Waiting(Box::pin(tokio::time::sleep(next.wait)))
        };
        observer(Notice::Lost {
            failure: &next.failure,
            failures: next.waits,
            wait: next.wait,
            endpoint: &next.failed,
            next: self.agents.current(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
