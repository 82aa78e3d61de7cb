//! Which agent is tried next, when, and when to give up. The only place that decides to retry; no
//! I/O.

mod agent;
mod backoff;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::http::{Endpoint, Failure, Remedy};
use agent::Agent;
use backoff::Backoff;

/// After this many rounds in a row in which no agent sent anything that can be read, trying again
/// is given up.
const MAX_UNREADABLE: u32 = 5;

/// The agents of a log, with their failures.
///
/// They are tried in rounds: a round ends when each of them has failed once since the last event or
/// heartbeat.
pub(crate) struct Agents {
    all: Vec<Agent>,
    /// The agent that is connected, or tried next.
    current: usize,
    /// How many new tries follow a failure; `None` for ever.
    retries: Option<u32>,
    backoff: Backoff,
    /// The last failure of each agent that has failed in this round.
    round: Vec<(usize, Failure)>,
    /// How much of the pauses is taken off: the same for all agents of a round, so that they come
    /// in their order.
    jitter: f64,
    /// How many rounds in a row brought nothing but what cannot be read.
    unreadable: u32,
    /// How many tries in a row had to wait, because every agent was resting.
    waits: u32,
}

/// What follows a failed try.
#[derive(Debug)]
pub(crate) struct NextTry {
    pub failure: Failure,
    /// The agent that failed.
    pub failed: Arc<Endpoint>,
    /// How many tries in a row had to wait, because every agent was resting; this one included.
    pub waits: u32,
    pub wait: Duration,
}

/// Why nothing follows a failed try.
#[derive(Debug)]
pub enum GaveUp {
    /// The server refuses the credentials.
    AccessDenied(Failure),
    /// Trying again will not change the answer.
    Refused(Failure),
    /// The retries are used up: the last failure, and how many tries failed in a row.
    UsedUp(Failure, u32),
}

impl Agents {
    pub(crate) fn new(endpoints: &[Endpoint], retries: Option<u32>) -> Self {
        Self {
            all: endpoints.iter().map(Agent::new).collect(),
            current: 0,
            retries,
            backoff: Backoff::default(),
            round: Vec::new(),
            jitter: fastrand::f64(),
            unreadable: 0,
            waits: 0,
        }
    }

    /// The agent that is connected, or tried next.
    pub(crate) fn current(&self) -> &Arc<Endpoint> {
        &self.all[self.current].endpoint
    }

    /// The current agent has sent an operation or a heartbeat, so it does more than accept
    /// connections.
    pub(crate) fn works(&mut self) {
        self.all[self.current].works();
    }

    /// Something has come over the connection: earlier failures count no more. Returns whether there
    /// were any.
    pub(crate) fn succeed(&mut self) -> bool {
        let had_failed = self.backoff.failures() > 0 || !self.round.is_empty();
        if had_failed {
            self.backoff.start_over();
            self.begin_round();
        }
        (self.unreadable, self.waits) = (0, 0);
        had_failed
    }

    /// Forgets the failures of this round, and returns them in the order of the last tries.
    fn begin_round(&mut self) -> Vec<Failure> {
        self.all.iter_mut().for_each(Agent::begin_round);
        let round = std::mem::take(&mut self.round);
        round.into_iter().map(|(_, failure)| failure).collect()
    }

    /// Decides what follows a failed try: which agent is next, and when, or giving up. `retry` is
    /// the least pause that the stream has asked for.
    ///
    /// No agent is tried again before it has rested. Another one that may be tried sooner does
    /// not wait for it.
    ///
    /// # Errors
    /// When trying again is of no use or not wanted any more.
    pub(crate) fn fail(
        &mut self,
        failure: Failure,
        retry: Option<Duration>,
    ) -> Result<NextTry, GaveUp> {
        let (now, current) = (Instant::now(), self.current);
        let agent = &mut self.all[current];
        if let Some(retry) = retry {
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
        let pause = if self.round.len() < self.all.len() {
            Duration::ZERO
        } else {
            self.end_round()?
        };
        let wait = self.choose_next(now, pause);
        if !wait.is_zero() {
            self.waits = self.waits.saturating_add(1);
        }
        Ok(NextTry {
            failure,
            failed,
            waits: self.waits,
            wait,
        })
    }

    /// Goes over to the agent that may be tried soonest after this pause; of several, to the first
    /// one in the order given, from the present one on. Returns how long to wait for it.
    fn choose_next(&mut self, now: Instant, pause: Duration) -> Duration {
        let agents = self.all.len();
        let wait = |agent: &usize| self.all[*agent].rest(now).max(pause);
        let others = (1..=agents).map(|step| (self.current + step) % agents);
        let Some(next) = others.min_by_key(wait) else {
            return pause;
        };
        let wait = wait(&next);
        self.current = next;
        wait
    }

    /// Decides what follows once every agent has failed: how long to wait at least, or giving up.
    fn end_round(&mut self) -> Result<Duration, GaveUp> {
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
            return Err(GaveUp::Refused(unreadable(round)));
        }
        let is_used_up = |retries| self.backoff.failures() >= retries;
        if self.retries.is_some_and(is_used_up)
            && let Some(failure) = round.into_iter().next_back()
        {
            let failed = self.backoff.failures() + 1;
            return Err(GaveUp::UsedUp(failure, failed));
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

/// What follows a round in which every agent refused; the first one's word counts.
fn give_up(round: Vec<Failure>) -> GaveUp {
    match round.into_iter().next() {
        Some(failure) if failure.remedy == Remedy::Authenticate => GaveUp::AccessDenied(failure),
        Some(failure) => GaveUp::Refused(failure),
        None => GaveUp::Refused(Failure::fatal("no URL")),
    }
}
