//! Connections one after the other: which agent, when to try again, when to give up. The only
//! place that decides to retry.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::backoff::Backoff;
use super::config::{Config, second_of};
use super::{Error, Notice};
use crate::http::{Clients, Endpoint, Failure, Hint, Remedy, date_of};
use crate::oplog::{Position, Record};
use crate::sse::{Attempt, Connection, Received};

/// So many rounds in a row that brought nothing but what cannot be read are an answer that trying
/// again will not change.
const MAX_UNREADABLE: u32 = 5;

/// So many connections of an agent in a row that ended before an operation or a heartbeat have a
/// cause that lasts.
const MANY_ENDED: u32 = 3;

enum Phase {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Attempt>>>),
    Connected(Box<Connection>),
    Waiting(Pin<Box<Sleep>>),
}

/// One agent of the log, with when it may be tried.
struct Agent {
    endpoint: Arc<Endpoint>,
    /// The least pause that its streams have asked for.
    retry: Option<Duration>,
    /// It failed lately, and is not tried before this.
    rests_until: Option<Instant>,
    /// How many connections in a row ended before an operation or a heartbeat.
    ended: u32,
}

impl Agent {
    fn new(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: Arc::new(endpoint.clone()),
            retry: None,
            rests_until: None,
            ended: 0,
        }
    }

    /// Takes note of a failure. Returns it without the causes of an end, unless there were many.
    fn fail(&mut self, failure: Failure, now: Instant, jitter: f64) -> Failure {
        self.rests_until = now.checked_add(Backoff::rest(jitter, self.retry));
        if !matches!(failure.hint, Some(Hint::Ended | Hint::EndedOverTls)) {
            self.ended = 0;
            return failure;
        }
        self.ended += 1;
        let hint = failure.hint.filter(|_| self.ended >= MANY_ENDED);
        Failure { hint, ..failure }
    }

    /// How long it still rests.
    fn rest(&self, now: Instant) -> Duration {
        self.rests_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

/// When a connection was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The UNIX second by the clock of the server, or of a proxy before it that writes its own;
    /// `None` where the answer does not say.
    pub date: Option<u64>,
    /// The UNIX second by the clock of this machine.
    pub local: u64,
    at: Instant,
}

impl Answered {
    /// Answered just now.
    pub fn new(date: Option<u64>, local: u64) -> Self {
        Self {
            date,
            local,
            at: Instant::now(),
        }
    }

    /// The second by whichever clock is behind.
    pub fn earliest(&self) -> u64 {
        self.date.map_or(self.local, |date| date.min(self.local))
    }

    /// The second that it is now, by the clock that was behind at the answer; setting the time of
    /// day since changes nothing.
    pub fn earliest_now(&self) -> u64 {
        self.earliest() + self.at.elapsed().as_secs()
    }

    /// The second that it is now, by whichever clock is ahead; `local` is that of this machine.
    pub fn latest_now(&self, local: u64) -> u64 {
        let passed = self.at.elapsed().as_secs() + 1;
        self.date.map_or(local, |date| local.max(date + passed))
    }
}

/// What comes over a link.
#[derive(Debug)]
pub enum Incoming {
    /// A new connection stands.
    Opened(Answered),
    /// An event, not yet checked.
    Event(Record),
}

/// A connection that is made again whenever it breaks.
pub struct Reconnect {
    config: Arc<Config>,
    clients: Arc<Clients>,
    agents: Vec<Agent>,
    /// The agent that is spoken to.
    current: usize,
    phase: Phase,
    backoff: Backoff,
    /// The failures of the agents tried since the last event, heartbeat or wait.
    round: Vec<Failure>,
    /// How many rounds in a row brought nothing but what cannot be read.
    unreadable: u32,
}

impl Reconnect {
    /// A link that has not connected yet.
    pub fn new(config: Arc<Config>, clients: Arc<Clients>) -> Self {
        Self {
            agents: config.endpoints.iter().map(Agent::new).collect(),
            config,
            clients,
            current: 0,
            phase: Phase::Idle,
            backoff: Backoff::default(),
            round: Vec::new(),
            unreadable: 0,
        }
    }

    /// Ends the connection; the next poll makes a new one at once.
    pub fn disconnect(&mut self) {
        self.phase = Phase::Idle;
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

    /// Nothing is ready to be read; `is_late` says whether operations come late.
    pub fn nothing_ready(&mut self, is_late: impl FnOnce() -> bool, cx: &Context<'_>) {
        if let Phase::Connected(connection) = &mut self.phase
            && connection.has_large_backlog()
        {
            connection.nothing_ready(is_late(), cx);
        }
    }

    /// Whether the server may have had to wait for this program to read.
    pub fn is_behind(&self) -> bool {
        matches!(&self.phase, Phase::Connected(connection) if connection.is_behind())
    }

    /// Tells that reading paused for a reason of ours, which is no silence of the server.
    pub fn hold(&mut self) {
        if let Phase::Connected(connection) = &mut self.phase {
            connection.hold();
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
                            self.agents[self.current].ended = 0;
                        }
                        if self.succeed() {
                            observer(Notice::Receiving);
                        }
                        return Poll::Ready(Ok(Incoming::Event(record)));
                    }
                    Ok(Received::Heartbeat) => {
                        self.agents[self.current].ended = 0;
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
        let (clients, read_timeout) = (Arc::clone(&self.clients), self.config.http.read_timeout);
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
        let local = self.config.clock.second();
        Ok(Some(Incoming::Opened(Answered::new(date, local))))
    }

    /// The connection works: what failed before counts no more. Says whether something had.
    fn succeed(&mut self) -> bool {
        let had_failed = self.backoff.failures() > 0 || !self.round.is_empty();
        self.backoff.succeed();
        self.round.clear();
        self.unreadable = 0;
        had_failed
    }

    /// Decides what follows a failed try: the next agent at once, the first one again after a
    /// while, or giving up.
    ///
    /// No agent is tried again before it has rested, also where connections to several of them
    /// work for a moment each, so that no round of failures comes to its end.
    fn fail(
        &mut self,
        failure: Failure,
        observer: &mut dyn FnMut(Notice<'_>),
    ) -> Result<(), Error> {
        let (now, jitter) = (Instant::now(), fastrand::f64());
        let agent = &mut self.agents[self.current];
        if let Phase::Connected(connection) = &self.phase {
            agent.retry = connection.retry().or(agent.retry);
        }
        let failure = agent.fail(failure, now, jitter);
        let failed = Arc::clone(&agent.endpoint);
        self.current = (self.current + 1) % self.agents.len();
        self.round.push(Failure {
            reason: format!("{}: {}", failed.url, failure.reason),
            ..failure.clone()
        });
        let mut wait = self.agents[self.current].rest(now);
        if self.round.len() >= self.agents.len() {
            wait = wait.max(self.end_round(jitter)?);
        }
        let next = &self.agents[self.current];
        self.phase = if wait.is_zero() {
            Phase::Idle
        } else {
            Phase::Waiting(Box::pin(tokio::time::sleep(wait)))
        };
        observer(Notice::Lost {
            failure: &failure,
            failures: self.backoff.failures(),
            wait,
            endpoint: &failed,
            next: &next.endpoint,
        });
        Ok(())
    }

    /// Decides what follows once every agent has failed: how long to wait, or giving up.
    fn end_round(&mut self, jitter: f64) -> Result<Duration, Error> {
        let round = std::mem::take(&mut self.round);
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
        let asked = round.iter().filter_map(|failure| match failure.remedy {
            Remedy::Retry(asked) => asked,
            _ => None,
        });
        let asked = asked.max();
        let retries = self.config.retries;
        if retries.is_some_and(|retries| self.backoff.failures() >= retries)
            && let Some(failure) = round.into_iter().next_back()
        {
            let failed = self.backoff.failures() + 1;
            return Err(Error::ConnectionLost { failure, failed });
        }
        Ok(self.backoff.fail(jitter, asked))
    }
}

/// The failure after the last of the rounds that brought nothing that can be read.
fn unreadable(round: Vec<Failure>) -> Failure {
    let mut round = round.into_iter();
    let failure = round.find(|failure| failure.remedy == Remedy::RetryFew);
    let reason = failure.map_or_else(String::new, |failure| failure.reason);
    Failure::fatal(format!(
        "{reason}; {MAX_UNREADABLE} tries in a row brought nothing that can be read"
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
