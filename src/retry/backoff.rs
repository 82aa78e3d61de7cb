//! How long to wait before the next try: one second, doubling to thirty.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest a server may ask to be left alone, in `Retry-After` or in a `retry` field; more is
/// taken for a mistake.
pub(super) const LONGEST_ASKED_FOR: Duration = Duration::from_hours(24);

/// Counts failures in a row and tells the wait after each.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure.
    ///
    /// `jitter` in 0..=1 takes up to half of it off, so that many clients of one server do not
    /// come back together.
    pub(super) fn fail(&mut self, jitter: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(5)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Forgets the failures: the next wait is the shortest again.
    pub(super) fn start_over(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_thirty_seconds_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.fail(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff.failures(), 8);
        backoff.start_over();
        assert_eq!(backoff.fail(0.0), FIRST);
    }

    #[test]
    fn jitter_takes_at_most_half_off() {
        assert_eq!(Backoff::default().fail(1.0), FIRST / 2);
        assert_eq!(Backoff::default().fail(f64::MAX), FIRST / 2);
    }
}
