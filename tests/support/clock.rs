//! The clock of the consumer's machine, which a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oplog_tail::consumer::Clock;

#[derive(Debug)]
pub struct LocalClock(Arc<AtomicU64>);

impl LocalClock {
    /// A clock that shows this UNIX time, in ms.
    pub fn at(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    /// From now on it shows this UNIX time, in ms.
    pub fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }

    /// For the consumer.
    pub fn clock(&self) -> Clock {
        let ms = Arc::clone(&self.0);
        Clock::new(move || {
            let ms = ms.load(Ordering::Relaxed);
            jiff::Timestamp::from_millisecond(ms.try_into().unwrap()).unwrap()
        })
    }
}
