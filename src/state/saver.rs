//! The thread that saves the position. So a slow disk delays neither reading nor signals, and a
//! blocked stdout does not delay saving.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::error::{Reason, StateError};
use super::file::StateFile;
use super::obstacle::Problem;
use super::step::Step;
use crate::oplog::Position;
use crate::tracker::PositionStore;

/// Positions are saved at most this often while they change.
const INTERVAL: Duration = Duration::from_secs(1);
/// If a save takes longer, the run waits for it.
const LONGEST_SAVE: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct State {
    wanted: Option<Position>,
    saved: Option<Position>,
    /// When this run saved it.
    saved_at: Option<Instant>,
    /// When the save began that is running now.
    saving_since: Option<Instant>,
    /// The thread waits for a new position, not for the end of the interval.
    is_idle: bool,
    stopping: bool,
    finished: bool,
    error: Option<Reason>,
    /// The notes about steps for safety that nobody has taken yet.
    notes: Vec<String>,
}

impl State {
    /// The position that is still to be saved.
    fn pending(&self) -> Option<Position> {
        self.wanted.filter(|wanted| self.saved != Some(*wanted))
    }

    fn is_behind(&self) -> bool {
        self.saving_since
            .is_some_and(|since| since.elapsed() >= LONGEST_SAVE)
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// The state file as it was named.
    name: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
    /// Sent after each save, for tasks that wait for it.
    saves: watch::Sender<()>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held. If it did, the state would still be complete.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle to the saving thread. Clones are handles to the same thread.
#[derive(Clone, Debug)]
pub(crate) struct Saver {
    shared: Arc<Shared>,
}

impl Saver {
    /// Starts the thread for the file of this name. `saved` is what it holds now.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        name: &Path,
        mut file: StateFile,
        saved: Option<Position>,
    ) -> Result<Self, StateError> {
        let state = State {
            saved,
            notes: file.safety.take_notes(),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            name: name.into(),
            state: state.into(),
            ..Shared::default()
        });
        let handle = Self {
            shared: Arc::clone(&shared),
        };
        std::thread::Builder::new()
            .name("save".into())
            .spawn(move || run(&shared, file))
            .map_err(|error| Reason::Step(Problem::new(Step::Start, &error, name)).with(name))?;
        Ok(handle)
    }

    /// Changes after each save, also after a failed one.
    pub(crate) fn saves(&self) -> watch::Receiver<()> {
        self.shared.saves.subscribe()
    }

    /// When this run saved a position last; `None` if it has saved none.
    pub(crate) fn saved_at(&self) -> Option<Instant> {
        self.shared.lock().saved_at
    }

    /// Waits until saving fails, and tells why.
    pub(crate) async fn failure(&self) -> StateError {
        let reason = self.until(|state| state.error.clone()).await;
        reason.with(&self.shared.name)
    }

    /// Waits until there is what is looked for, after some save.
    async fn until<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        // Subscribed before the look, so that no save goes unnoticed in between.
        let mut saves = self.saves();
        loop {
            if let Some(found) = look(&self.shared.lock()) {
                return found;
            }
            // The sender is part of what this handle shares.
            let _ = saves.changed().await;
        }
    }

    /// True if a save takes too long, as on a disk that hangs. Then nothing more should be handed out
    /// until it ends, or the output would get further and further ahead of the file.
    pub(crate) fn is_behind(&self) -> bool {
        self.shared.lock().is_behind()
    }

    /// Waits until saving is [behind](Saver::is_behind).
    pub(crate) async fn falls_behind(&self) {
        while !self.is_behind() {
            let since = self.shared.lock().saving_since;
            let lasting = since.map_or(Duration::ZERO, |since| since.elapsed());
            tokio::time::sleep(LONGEST_SAVE.saturating_sub(lasting)).await;
        }
    }

    /// Waits until saving is no longer behind.
    pub(crate) async fn caught_up(&self) {
        self.until(|state| (!state.is_behind()).then_some(())).await;
    }

    /// Takes the notes about steps for safety that failed.
    pub(crate) fn take_notes(&self) -> Vec<String> {
        let notes = std::mem::take(&mut self.shared.lock().notes);
        let name = self.shared.name.display();
        let told = |note| format!("state file {name}: {note}");
        notes.into_iter().map(told).collect()
    }

    /// Saves the last position, ends the thread and releases the file. Waits at most `patience`.
    ///
    /// # Errors
    /// Why the last position is not in the file. Every later call gives the same error.
    pub(crate) fn finish(&self, patience: Duration) -> Result<(), StateError> {
        let mut state = self.shared.lock();
        state.stopping = true;
        self.shared.changed.notify_all();
        let state = self
            .shared
            .changed
            .wait_timeout_while(state, patience, |state| !state.finished)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if !state.finished
            && let Some(position) = state.pending()
        {
            let reason = Reason::TooSlow { position, patience };
            return Err(reason.with(&self.shared.name));
        }
        // Kept, because two threads can end the process and each needs the error.
        let error = state.error.clone();
        error.map_or(Ok(()), |reason| Err(reason.with(&self.shared.name)))
    }
}

impl PositionStore for Saver {
    /// Has `position` saved within [`INTERVAL`].
    fn store(&self, position: Position) {
        let mut state = self.shared.lock();
        state.wanted = Some(position);
        // It need not be woken for each of the positions that follow within the interval: when
        // its time has come it takes the last of them.
        if std::mem::take(&mut state.is_idle) {
            self.shared.changed.notify_all();
        }
    }

    /// What the file holds.
    fn stored(&self) -> Option<Position> {
        self.shared.lock().saved
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let mut saves = self.saves();
        Box::pin(async move { drop(saves.changed().await) })
    }
}

fn run(shared: &Shared, mut file: StateFile) {
    let mut last_save: Option<Instant> = None;
    while let Some(position) = next(shared, last_save) {
        shared.lock().saving_since = Some(Instant::now());
        let result = file.save(position);
        last_save = Some(Instant::now());
        let mut state = shared.lock();
        state.saving_since = None;
        state.notes.append(&mut file.safety.take_notes());
        match result {
            Ok(()) => (state.saved, state.saved_at) = (Some(position), last_save),
            Err(reason) => state.error = Some(reason),
        }
        drop(state);
        shared.saves.send_replace(());
    }
    // The file was removed and nothing had to be saved. Without it the next run would start from now.
    let saved = {
        let state = shared.lock();
        state.saved.filter(|_| state.error.is_none())
    };
    if let Some(position) = saved
        && !file.is_in_place()
        && let Err(reason) = file.save(position)
    {
        shared.lock().error = Some(reason);
    }
    drop(file);
    shared.lock().finished = true;
    shared.changed.notify_all();
}

/// Waits for the next position to save; `None` when there will be no more, or after a failure.
fn next(shared: &Shared, last_save: Option<Instant>) -> Option<Position> {
    let mut state = shared.lock();
    while state.error.is_none() {
        let pending = state.pending();
        if state.stopping {
            return pending;
        }
        let due = last_save.map_or(Duration::ZERO, |at| INTERVAL.saturating_sub(at.elapsed()));
        if pending.is_some() && due.is_zero() {
            return pending;
        }
        state.is_idle = pending.is_none();
        let pause = if state.is_idle { Duration::MAX } else { due };
        let waited = shared.changed.wait_timeout(state, pause);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saves_what_is_left_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st");
        let (file, position) = StateFile::open(&path).unwrap();
        let saver = Saver::start(&path, file, position).unwrap();
        for ms in 1..=1000 {
            saver.store(Position::Replication(ms));
        }
        saver.finish(Duration::from_secs(20)).unwrap();
        assert_eq!(saver.stored(), Some(Position::Replication(1000)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1000");
        StateFile::open(&path).unwrap();
    }

    #[test]
    fn a_file_that_was_removed_is_there_again_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st");
        std::fs::write(&path, "1000").unwrap();
        let (file, position) = StateFile::open(&path).unwrap();
        let saver = Saver::start(&path, file, position).unwrap();
        std::fs::remove_file(&path).unwrap();
        saver.finish(Duration::from_secs(20)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1000");
    }

    #[test]
    fn tells_why_a_position_is_not_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st");
        let (file, position) = StateFile::open(&path).unwrap();
        let saver = Saver::start(&path, file, position).unwrap();
        drop(folder);
        saver.store(Position::Replication(1));
        let error = saver.finish(Duration::from_secs(20)).unwrap_err();
        assert!(matches!(error.reason, Reason::Save(..)), "{error}");
        // Another thread may ask as well.
        assert!(saver.clone().finish(Duration::from_secs(20)).is_err());
    }
}
