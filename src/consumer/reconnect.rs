//! Connections one after the other: which agent, when to try again, when to give up. The only
//! place that decides to retry.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::agent::Agent;
use super::backoff::Backoff;
use super::error::Error;
use super::notice::Notice;
use crate::clock::{Answered, Clock, second_of};
use crate::http::{Clients, Endpoint, Failure, Remedy, date_of};
use crate::oplog::{Position, Record};
use crate::sse::{Attempt, Connection, Lateness, Received};

/// So many rounds in a row that brought nothing but what cannot be read are an answer that trying
/// again will not change.
const MAX_UNREADABLE: u32 = 5;

/// Gaps that are no further apart than this come together,
const GAPS_TOGETHER: Duration = Duration::from_secs(5);
/// and are followed by a rest, which is that after a first failure.
const GAP_REST: Duration = Duration::from_secs(1);

enum Phase {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Attempt>>>),
    Connected(Box<Connection>),
    Waiting(Pin<Box<Sleep>>),
}

/// What comes over a connection, or over one after it.
#[derive(Debug)]
pub enum Incoming {
    /// A new connection stands.
    Opened(Answered),
    /// An event, not yet checked.
    Event(Record),
}

/// A connection that is made again whenever it breaks.
pub struct Reconnect {
    clients: Arc<Clients>,
    /// The clock that the server's is compared with.
    clock: Clock,
    /// How many new tries follow a failure; `None` for ever.
    retries: Option<u32>,
    agents: Vec<Agent>,
    /// The agent that is spoken to.
    current: usize,
    phase: Phase,
    backoff: Backoff,
    /// When the server last turned out to have left a gap.
    last_gap: Option<Instant>,
    /// The last failure of each agent that has failed since the last event or heartbeat, and since
    /// all of them had.
    round: Vec<(usize, Failure)>,
    /// How much of the pauses is taken off: the same for all agents of a round, so that they come
    /// in their order.
    jitter: f64,
    /// How many rounds in a row brought nothing but what cannot be read.
    unreadable: u32,
    /// How often in a row there was nobody to try at once.
    waits: u32,
}

impl Reconnect {
    /// Connections to these agents, of which none has been made yet.
    pub fn new(
        endpoints: &[Endpoint],
        retries: Option<u32>,
        clock: Clock,
        clients: Arc<Clients>,
    ) -> Self {
        Self {
            clients,
            clock,
            retries,
            agents: endpoints.iter().map(Agent::new).collect(),
            current: 0,
            phase: Phase::Idle,
            backoff: Backoff::default(),
            last_gap: None,
            round: Vec::new(),
            jitter: fastrand::f64(),
            unreadable: 0,
            waits: 0,
        }
    }

    /// Ends the connection; the next poll makes a new one at once.
    pub fn disconnect(&mut self) {
        self.phase = Phase::Idle;
    }

    /// The connection was ended because of a gap. The next one is made at once, unless the last gap
    /// was a moment ago: a server that never keeps what it is asked for would be asked without end
    /// and without a pause.
    pub fn rest_after_gap(&mut self) {
        let now = Instant::now();
        let last = self.last_gap.replace(now);
        if last.is_some_and(|last| now.duration_since(last) < GAPS_TOGETHER) {
            self.phase = Phase::Waiting(Box::pin(tokio::time::sleep(GAP_REST)));
        }
    }

    /// Whether a connection stands.
    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected(_))
    }

    /// A number that changes whenever something arrives over the connection that stands.
    pub fn arrived(&self) -> u64 {
        match &self.phase {
            Phase::Connected(connection) => connection.arrived(),
            _ => 0,
        }
    }

    /// The agent that is spoken to.
    pub fn endpoint(&self) -> Arc<Endpoint> {
        Arc::clone(&self.agents[self.current].endpoint)
    }

    /// Nothing is ready to be read; `lateness` says whether operations come late.
    pub fn nothing_ready(&mut self, lateness: impl FnOnce() -> Lateness, cx: &Context<'_>) {
        if let Phase::Connected(connection) = &mut self.phase
            && connection.has_large_backlog()
        {
            connection.nothing_ready(lateness(), cx);
        }
    }

    /// Whether the server may have had to wait for this program to read.
    pub fn is_behind(&self) -> bool {
        matches!(&self.phase, Phase::Connected(connection) if connection.is_behind())
    }

    /// Tells that reading paused for a reason of ours, which is no silence of the server.
    pub fn pause_clock(&mut self) {
        if let Phase::Connected(connection) = &mut self.phase {
            connection.pause_clock();
        }
    }

    /// What comes next. A new connection is asked to resume after what `resume_after` says.
    ///
    /// # Errors
    /// When trying again is of no use or not wanted any more.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut resume_after: impl FnMut() -> Option<Position>,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Poll<Result<Incoming, Error>> {
        loop {
            match &mut self.phase {
                Phase::Connected(connection) => match ready!(connection.poll_event(cx)) {
                    // A block of fields without a name and without data is no event at all.
                    Ok(Received::Event(record))
                        if record.event() == "message" && record.data().is_empty() => {}
                    Ok(Received::Event(record)) => {
                        if !matches!(record.event(), "reset" | "live") {
                            self.agents[self.current].works();
                        }
                        if self.succeed() {
                            observer(Notice::Receiving);
                        }
                        return Poll::Ready(Ok(Incoming::Event(record)));
                    }
                    Ok(Received::Heartbeat) => {
                        self.agents[self.current].works();
                        self.succeed();
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
        let endpoint = Arc::clone(&self.agents[self.current].endpoint);
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
        observer(Notice::Connected(&self.agents[self.current].endpoint));
        self.phase = Phase::Connected(Box::new(connection));
        let answer = attempt.exchanges.last().map(|exchange| &exchange.answer);
        let date = answer.and_then(date_of).map(second_of);
        let local = self.clock.second();
        Ok(Some(Incoming::Opened(Answered::new(date, local))))
    }

    /// The connection works: what failed before counts no more. Says whether something had.
    fn succeed(&mut self) -> bool {
        let had_failed = self.backoff.failures() > 0 || !self.round.is_empty();
        if had_failed {
            self.backoff.succeed();
            self.begin_round();
        }
        (self.unreadable, self.waits) = (0, 0);
        had_failed
    }

    /// Forgets the failures of this round, and returns them in the order of the last tries.
    fn begin_round(&mut self) -> Vec<Failure> {
        self.agents.iter_mut().for_each(Agent::begin_round);
        let round = std::mem::take(&mut self.round);
        round.into_iter().map(|(_, failure)| failure).collect()
    }

    /// Decides what follows a failed try: which agent is next, and when, or giving up.
    ///
    /// No agent is tried again before it has rested. Another one that may be tried sooner does
    /// not wait for it.
    fn fail(
        &mut self,
        failure: Failure,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Result<(), Error> {
        let (now, current) = (Instant::now(), self.current);
        let agent = &mut self.agents[current];
        if let Phase::Connected(connection) = &self.phase
            && let Some(retry) = connection.retry()
        {
            agent.ask(retry);
        }
        let failure = agent.fail(failure, now, self.jitter);
        let failed = Arc::clone(&agent.endpoint);
        let told = Failure {
            reason: format!("{}: {}", failed.url, failure.reason),
            ..failure.clone()
        };
        self.round.retain(|(agent, _)| *agent != current);
        self.round.push((current, told));
        let pause = if self.round.len() < self.agents.len() {
            Duration::ZERO
        } else {
            self.end_round()?
        };
        let wait = self.choose_next(now, pause);
        self.phase = if wait.is_zero() {
            Phase::Idle
        } else {
            self.waits = self.waits.saturating_add(1);
            Phase::Waiting(Box::pin(tokio::time::sleep(wait)))
        };
        observer(Notice::Lost {
            failure: &failure,
            failures: self.waits,
            wait,
            endpoint: &failed,
            next: &self.agents[self.current].endpoint,
        });
        Ok(())
    }

    /// Goes over to the agent that may be tried soonest after this pause; of several, to the first
    /// one in the order given, from the present one on. Returns how long to wait for it.
    fn choose_next(&mut self, now: Instant, pause: Duration) -> Duration {
        let agents = self.agents.len();
        let wait = |agent: &usize| self.agents[*agent].rest(now).max(pause);
        let others = (1..=agents).map(|step| (self.current + step) % agents);
        let Some(next) = others.min_by_key(wait) else {
            return pause;
        };
        let wait = wait(&next);
        self.current = next;
        wait
    }

    /// Decides what follows once every agent has failed: how long to wait at least, or giving up.
    fn end_round(&mut self) -> Result<Duration, Error> {
        let round = self.begin_round();
        let is_retried = |failure: &Failure| matches!(failure.remedy, Remedy::Retry(_));
        if round.iter().any(is_retried) {
            self.unreadable = 0;
        } else if round
            .iter()
            .all(|failure| failure.remedy != Remedy::RetryFew)
        {
            return Err(give_up(round));
        } else {
            self.unreadable += 1;
        }
        if self.unreadable >= MAX_UNREADABLE {
            return Err(Error::Refused(unreadable(round)));
        }
        let is_used_up = |retries| self.backoff.failures() >= retries;
        if self.retries.is_some_and(is_used_up)
            && let Some(failure) = round.into_iter().next_back()
        {
            let failed = self.backoff.failures() + 1;
            return Err(Error::ConnectionLost { failure, failed });
        }
        let pause = self.backoff.fail(self.jitter);
        self.jitter = fastrand::f64();
        Ok(pause)
    }
}

/// The failure after the last of the rounds that brought nothing that can be read.
fn unreadable(round: Vec<Failure>) -> Failure {
    let mut round = round.into_iter();
    let failure = round.find(|failure| failure.remedy == Remedy::RetryFew);
    let reason = failure.map_or_else(String::new, |failure| failure.reason);
    Failure::fatal(format!(
        "{reason}; gave up after {MAX_UNREADABLE} tries in a row brought nothing that can be read"
    ))
}

/// The error for a round in which every agent refused; the first one's word counts.
fn give_up(round: Vec<Failure>) -> Error {
    match round.into_iter().next() {
        Some(failure) if failure.remedy == Remedy::Authenticate => Error::AccessDenied(failure),
        Some(failure) => Error::Refused(failure),
        None => Error::Refused(Failure::fatal("no URL")),
    }
}

#[cfg(test)]
mod tests;
