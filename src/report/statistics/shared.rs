//! Statistics that any thread can show.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Statistics, Tally};
use crate::consumer::Status;
use crate::output::Format;
use crate::report::stderr;
use crate::state::Saver;

/// The statistics of a run. Another thread can show them while the main thread is blocked in
/// writing, so nothing that may block is done with the lock held.
#[derive(Clone, Debug)]
pub(crate) struct SharedStatistics(Arc<Mutex<Statistics>>);

impl SharedStatistics {
    /// The statistics of a new run, and whether they are shown at its end. `saver` saves its
    /// position, if it is kept.
    pub(crate) fn new(format: Format, at_end: bool, saver: Option<Saver>) -> Self {
        let statistics = Statistics::new(format, at_end, saver);
        Self(Arc::new(Mutex::new(statistics)))
    }

    fn lock(&self) -> MutexGuard<'_, Statistics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the counts of `tally`.
    pub(crate) fn publish(&self, tally: &mut Tally) {
        self.lock().publish(tally);
    }

    /// Where the run was when it was told last.
    pub(crate) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// The run is here now.
    pub(crate) fn set_status(&self, status: Status) {
        self.lock().status = status;
    }

    /// Requests them. If this returns true, the caller must have [`Self::show_if_asked`] called after
    /// a while.
    pub(crate) fn ask(&self) -> bool {
        let mut statistics = self.lock();
        statistics.asked += 1;
        !std::mem::replace(&mut statistics.is_watched, true)
    }

    /// Shows them once for each request that is still open.
    pub(crate) fn show_if_asked(&self) {
        self.lock().is_watched = false;
        while self.take_asked() {
            self.show();
        }
    }

    /// Takes one open request. If this returns true, the caller must show them.
    pub(crate) fn take_asked(&self) -> bool {
        let mut statistics = self.lock();
        let is_asked = statistics.asked > 0;
        statistics.asked -= u32::from(is_asked);
        is_asked
    }

    /// Writes the summary to stderr.
    pub(crate) fn show(&self) {
        let text = self.lock().text();
        stderr::write(&text);
    }

    /// What is shown at the end; empty if nothing is.
    pub(crate) fn last_lines(&self) -> String {
        let statistics = self.lock();
        if statistics.at_end {
            statistics.text()
        } else {
            String::new()
        }
    }
}
