//! How long to wait before the next try: one second, doubling to thirty.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest a server may ask to be left alone, in `Retry-After` or in a `retry` field; more is
/// taken for a mistake.
const LONGEST_ASKED_FOR: Duration = Duration::from_hours(24);

/// Counts failures in a row and tells the wait after each.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure.
    ///
    /// `jitter` in 0..=1 takes up to half of it off, so that many clients of one server do not
    /// come back together. A wait that the server `asked` for is never undercut.
    pub fn fail(&mut self, jitter: f64, asked: Option<Duration>) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(5)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0);
        own.max(asked.unwrap_or_default().min(LONGEST_ASKED_FOR))
    }

    /// How long one agent rests after it failed, however soon another one is tried: as long as
    /// after a first failure, and as its streams ask for.
    pub fn rest(jitter: f64, asked: Option<Duration>) -> Duration {
        Self::default().fail(jitter, asked)
    }

    /// How many failures came in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Starts over: an event or a heartbeat came from the server.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_thirty_seconds_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.fail(0.0, None).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff.failures(), 8);
        backoff.succeed();
        assert_eq!(backoff.fail(0.0, None), FIRST);
    }

    #[test]
    fn jitter_takes_at_most_half_off() {
        assert_eq!(Backoff::default().fail(1.0, None), FIRST / 2);
        assert_eq!(Backoff::default().fail(f64::MAX, None), FIRST / 2);
    }

    #[test]
    fn waits_as_long_as_the_server_asks() {
        let minute = Duration::from_mins(1);
        assert_eq!(Backoff::default().fail(1.0, Some(minute)), minute);
        assert_eq!(Backoff::default().fail(0.0, Some(Duration::ZERO)), FIRST);
        assert_eq!(
            Backoff::default().fail(0.0, Some(Duration::MAX)),
            LONGEST_ASKED_FOR
        );
    }
}
