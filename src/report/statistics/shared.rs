//! Statistics that any thread can show.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::{Statistics, Tally};
use crate::output::Format;
use crate::report::stderr;
use crate::state::Saver;

/// The statistics of a run. Another thread can show them while the main thread is blocked in
/// writing.
#[derive(Clone, Debug)]
pub(crate) struct SharedStatistics {
    statistics: Arc<Mutex<Statistics>>,
    /// How many requests are still to be answered.
    asked: Arc<AtomicU32>,
    /// A thread will check soon whether they were shown.
    is_watched: Arc<AtomicBool>,
    /// Tells when the position was saved.
    saver: Option<Saver>,
    format: Format,
    /// Whether they are shown at the end.
    at_end: bool,
}

impl SharedStatistics {
    /// The statistics of a new run. `saver` saves its position, if it is kept.
    pub(crate) fn new(format: Format, at_end: bool, saver: Option<Saver>) -> Self {
        Self {
            statistics: Arc::new(Mutex::new(Statistics::new())),
            saver,
            asked: Arc::default(),
            is_watched: Arc::default(),
            format,
            at_end,
        }
    }

    /// Takes over the counts of `tally`.
    pub(crate) fn publish(&self, tally: &mut Tally) {
        if tally.has_news {
            self.lock().publish(tally);
        }
    }

    /// Locks them. Do not block while holding the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Statistics> {
        self.statistics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests them. If this returns true, the caller must have [`Self::show_if_asked`] called after
    /// a while.
    pub(crate) fn ask(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        !self.is_watched.swap(true, Ordering::SeqCst)
    }

    /// Shows them once for each request that is still open.
    pub(crate) fn show_if_asked(&self) {
        self.is_watched.store(false, Ordering::SeqCst);
        while self.take_asked() {
            self.show();
        }
    }

    /// Takes one open request. If this returns true, the caller must show them.
    pub(crate) fn take_asked(&self) -> bool {
        let one_less = |asked: u32| asked.checked_sub(1);
        self.asked
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
    }

    /// Writes the summary to stderr: one JSON object on a line, or a few lines for a person.
    pub(crate) fn show(&self) {
        let text = self.text(&self.lock());
        stderr::write(&text);
    }

    fn text(&self, statistics: &Statistics) -> String {
        let saved_at = self.saver.as_ref().and_then(Saver::saved_at);
        statistics.text(self.format, self.saver.is_some(), saved_at)
    }

    /// The text that is shown at the end, if any. Does not wait for another thread.
    pub(crate) fn last_lines(&self) -> String {
        if !self.at_end {
            return String::new();
        }
        match self.statistics.try_lock() {
            Ok(statistics) => self.text(&statistics),
            Err(TryLockError::Poisoned(poisoned)) => self.text(&poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => String::new(),
        }
    }

    /// Shows them if they are to be shown at the end.
    pub(crate) fn show_at_end(&self) {
        if self.at_end {
            self.show();
        }
    }
}
