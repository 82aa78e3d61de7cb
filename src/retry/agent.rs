//! One agent of the log: when it may be tried, and what its failures in a row tell.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::{Backoff, LONGEST_ASKED_FOR};
use crate::http::{Endpoint, Failure, Hint, Remedy};

/// After this many connections in a row that ended before an operation or a heartbeat, the failure
/// names possible causes.
const MANY_ENDED: u32 = 3;

/// One agent of the log, with when it may be tried.
pub(super) struct Agent {
    pub endpoint: Arc<Endpoint>,
    /// The least pause that its streams have asked for.
    retry: Option<Duration>,
    /// It failed lately, and is not tried before this.
    rests_until: Option<Instant>,
    /// Counts its failures in this round. There can be many, while another agent rests for long.
    backoff: Backoff,
    /// How many connections in a row ended before an operation or a heartbeat.
    ended: u32,
}

impl Agent {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: Arc::new(endpoint.clone()),
            retry: None,
            rests_until: None,
            backoff: Backoff::default(),
            ended: 0,
        }
    }

    /// Its stream asks for at least this pause from now on.
    pub(super) fn ask(&mut self, retry: Duration) {
        self.retry = Some(retry);
    }

    /// Takes note of a failure. Returns it, without possible causes if its stream just ended, unless
    /// that has happened [`MANY_ENDED`] times.
    pub(super) fn fail(&mut self, failure: Failure, now: Instant, jitter: f64) -> Failure {
        let retry_after = match failure.remedy {
            Remedy::Retry(asked) => asked,
            _ => None,
        };
        let asked = self.retry.max(retry_after).unwrap_or_default();
        let rest = self.backoff.fail(jitter).max(asked.min(LONGEST_ASKED_FOR));
        self.rests_until = now.checked_add(rest);
        if !matches!(failure.hint, Some(Hint::Ended | Hint::EndedOverTls)) {
            self.ended = 0;
            return failure;
        }
        self.ended += 1;
        let hint = failure.hint.filter(|_| self.ended >= MANY_ENDED);
        Failure { hint, ..failure }
    }

    /// It has sent something that shows that it works.
    pub(super) fn works(&mut self) {
        self.ended = 0;
    }

    /// A new round begins. The agent still rests for as long as it was told to.
    pub(super) fn begin_round(&mut self) {
        self.backoff.start_over();
    }

    /// How long it still rests.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        self.rests_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}
