//! Statistics that are shown from whatever thread comes to it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::{Statistics, Tally};
use crate::output::Format;
use crate::report::stderr;
use crate::state::Saver;

/// The statistics of a run. They can be shown from another thread too, for while the one that
/// prints is stuck in writing.
#[derive(Clone, Debug)]
pub struct SharedStatistics {
    statistics: Arc<Mutex<Statistics>>,
    /// How often they have been asked for and not been shown.
    asked: Arc<AtomicU32>,
    /// Somebody looks soon whether they have been shown.
    is_watched: Arc<AtomicBool>,
    /// Who knows when the position was saved.
    saver: Option<Saver>,
    format: Format,
    /// Whether they are shown at the end.
    at_end: bool,
}

impl SharedStatistics {
    /// Of a run in which nothing has come yet, and whose position goes to `saver`, if it is kept.
    pub fn new(format: Format, at_end: bool, saver: Option<Saver>) -> Self {
        Self {
            statistics: Arc::new(Mutex::new(Statistics::new())),
            saver,
            asked: Arc::default(),
            is_watched: Arc::default(),
            format,
            at_end,
        }
    }

    /// What is printed was counted here.
    pub fn publish(&self, tally: &mut Tally) {
        if tally.has_news {
            self.lock().publish(tally);
        }
    }

    /// To be kept no longer than nothing blocks.
    pub fn lock(&self) -> MutexGuard<'_, Statistics> {
        self.statistics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// They are asked for. Whether the caller has to see to it that [`Self::show_if_asked`] is
    /// called after a while.
    pub fn ask(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        !self.is_watched.swap(true, Ordering::SeqCst)
    }

    /// Shows them as often as they have been asked for and not been shown.
    pub fn show_if_asked(&self) {
        self.is_watched.store(false, Ordering::SeqCst);
        while self.take_asked() {
            self.show();
        }
    }

    /// Whether they have been asked for and are still to be shown; whoever is told so shows them.
    pub fn take_asked(&self) -> bool {
        let one_less = |asked: u32| asked.checked_sub(1);
        self.asked
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
    }

    /// Writes the summary to stderr: one JSON object on a line, or a few lines for a person.
    pub fn show(&self) {
        let text = self.text(&self.lock());
        stderr::write(&text);
    }

    fn text(&self, statistics: &Statistics) -> String {
        let saved_at = self.saver.as_ref().and_then(Saver::saved_at);
        statistics.text(self.format, self.saver.is_some(), saved_at)
    }

    /// What is shown at the end, if anything; without waiting for another thread.
    pub fn last_lines(&self) -> String {
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
    pub fn show_at_end(&self) {
        if self.at_end {
            self.show();
        }
    }
}
