//! The time of day: of this machine, and as a server tells it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use tokio::time::Instant;

/// The clock of this machine, or of a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The UNIX second that it is.
    pub fn second(&self) -> u64 {
        second_of((self.0)())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The time that `text` stands for: ISO 8601, with an offset.
///
/// jiff refuses times of the last day of the year 9999, because it cannot represent them in every
/// time zone. People write them for never, so they count as its latest time.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let year = Pieces::parse(text).ok()?.date().year();
        (year == 9999).then_some(Timestamp::MAX)
    })
}

/// The UNIX second of a time; 0 for times before 1970.
pub fn second_of(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// When a connection was answered, by two clocks. Either may be wrong, so each rule takes the one
/// that is safe for it.
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
