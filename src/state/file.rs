//! The file that keeps the position across runs: the bare id, as the Go client writes it.
//!
//! One process at a time may use it. The lock is on the file itself, because no other file may
//! stay behind. Every save replaces that file. So the new file is locked before it takes the old
//! one's place, and a process that gets a lock checks that the file still has that name.
//!
//! While there is no file of that name, the lock is on the file beside it that will become it:
//! the program never leaves an empty state file behind, which would look like a consumer without a
//! position.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::StateError;
use super::format::{parse, read, written};
use super::holder::Holder;
use super::lock::{claim, is_at, is_busy, lock};
use super::obstacle::Problem;
use super::safety::Safety;
use super::step::{Step, Stepped, at, folder_of};
use crate::oplog::Position;

/// How many links are followed to the file itself, as the system does.
const MAX_LINKS: usize = 40;
/// As long as a position, but not a position.
const PROBE: [u8; 24] = [b' '; 24];

/// Reads the position at `path` without locking or changing anything.
pub(crate) fn peek(path: &Path) -> Result<Position, StateError> {
    let no_position = |is_missing| StateError::NoPosition {
        path: path.into(),
        is_missing,
    };
    check_regular(path, path)?;
    match File::open(path) {
        Ok(file) => parse(&content(&file, path)?, path)?.ok_or_else(|| no_position(false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_position(true)),
        Err(error) => Err(failed(path, path, None, (Step::Open, error))),
    }
}

/// Fails if the name is not that of a regular file. Checked before it is opened, because opening a
/// pipe would wait for its other end.
pub(super) fn check_regular(path: &Path, name: &Path) -> Result<(), StateError> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(StateError::NotAFile(name.into())),
        _ => Ok(()),
    }
}

/// The content of the state file.
pub(super) fn content(file: &File, name: &Path) -> Result<Vec<u8>, StateError> {
    read(file).map_err(|error| failed(name, name, None, (Step::Open, error)))
}

/// The error for a step that failed with the state file at `path`; `unsaved` is the position that
/// was to be saved, if any.
pub(super) fn failed(
    name: &Path,
    path: &Path,
    unsaved: Option<Position>,
    (step, error): (Step, io::Error),
) -> StateError {
    let name = name.into();
    if step == Step::Lock && is_busy(&error) {
        let holder = holder(path);
        return StateError::InUse { path: name, holder };
    }
    let problem = Problem::new(step, &error, path);
    match unsaved {
        None => StateError::Open {
            path: name,
            problem,
        },
        Some(position) => StateError::Save {
            path: name,
            position,
            problem,
        },
    }
}

/// The process that holds the lock of the state file at `path`, if the system tells.
pub(super) fn holder(path: &Path) -> Option<Holder> {
    // Its owner may replace the file between the two calls: then try once more.
    (0..3).find_map(|_| {
        [path, &temporary_of(path)]
            .iter()
            .find_map(|file| Holder::of(&fs::metadata(file).ok()?))
    })
}

/// Where the next content of the state file at `path` is written.
pub(super) fn temporary_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".oplog-tail");
    path.with_file_name(name)
}

/// A state file that this process holds the lock of.
#[derive(Debug)]
pub(crate) struct StateFile {
    /// As it was named, for messages.
    name: PathBuf,
    /// Where it really is: what a symbolic link of that name points to.
    path: PathBuf,
    /// Where the next content is written before it takes the file's place.
    temporary: PathBuf,
    /// Holds the lock: the file at `path`; as long as `is_new`, the one at `temporary`.
    locked: File,
    /// There is no file at `path` yet.
    is_new: bool,
    safety: Safety,
}

impl StateFile {
    /// Locks the state file and reads the position in it.
    ///
    /// Then tries a save: replaces the file by a copy of itself. So a reason that would make a save
    /// fail is found before the run begins. If there is no file, none is made before the first save.
    pub(crate) fn open(name: &Path) -> Result<(Self, Option<Position>), StateError> {
        let path =
            follow_links(name).map_err(|error| failed(name, name, None, (Step::Open, error)))?;
        let failed = |failure| failed(name, &path, None, failure);
        if path.file_name().is_none() {
            return Err(StateError::NotAFile(name.into()));
        }
        check_regular(&path, name)?;
        if let Some(problem) = Problem::of_folder(&path) {
            let path = name.into();
            return Err(StateError::Open { path, problem });
        }
        let temporary = temporary_of(&path);
        let (locked, is_new) = lock(&path, &temporary).map_err(failed)?;
        let mut state = Self {
            name: name.into(),
            path: path.clone(),
            temporary,
            locked,
            is_new,
            safety: Safety::default(),
        };
        let content = content(&state.locked, name)?;
        let position = parse(&content, name)?;
        let tried = if is_new {
            state.try_writing()
        } else {
            state.try_replacing(&content)
        };
        tried.map_err(failed)?;
        Ok((state, position))
    }

    /// The file as it was named.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Whether there was no file before, and no position has been saved yet.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Takes the notes about steps for safety that failed. Saves work without these steps.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        let notes = self.safety.take_notes().into_iter();
        notes
            .map(|note| format!("state file {}: {note}", self.name.display()))
            .collect()
    }

    /// Saves `position` in the file. Even after a loss of power the file holds the old position or
    /// the new one.
    pub(crate) fn save(&mut self, position: Position) -> Result<(), StateError> {
        if self.is_replaced() {
            return Err(StateError::Replaced {
                path: self.name.clone(),
                position,
            });
        }
        let replaced = self.replace(&written(position), || Ok(()));
        replaced.map_err(|failure| failed(&self.name, &self.path, Some(position), failure))
    }

    /// Whether the file is still there under its name.
    pub(crate) fn is_in_place(&self) -> bool {
        !self.is_new && is_at(&self.locked, &self.path)
    }

    /// Whether another file has the name now. One that was removed is simply made again.
    fn is_replaced(&self) -> bool {
        fs::metadata(&self.path).is_ok() && !self.is_in_place()
    }

    /// Replaces the file by a copy of itself. Nothing but the number of its inode changes.
    fn try_replacing(&mut self, content: &[u8]) -> Stepped<()> {
        let times = self.locked.metadata().and_then(|there| {
            Ok(fs::FileTimes::new()
                .set_accessed(there.accessed()?)
                .set_modified(there.modified()?))
        });
        self.replace(content, || Ok(()))?;
        if let Ok(times) = times {
            // The copy keeps the time of the file, so it does not look like a save.
            let _ = self.locked.set_times(times);
        }
        Ok(())
    }

    /// Writes to the file that the first save will rename, and empties it again.
    fn try_writing(&mut self) -> Stepped<()> {
        write(&mut self.locked, &PROBE).map_err(at(Step::Write))?;
        self.safety.sync(&self.locked).map_err(at(Step::Write))?;
        self.locked.set_len(0).map_err(at(Step::Write))
    }

    /// The steps of a save, in the order that makes it safe. Calls `between` after each step, so that
    /// a test can stop there. Leaves no file behind if it fails.
    fn replace(
        &mut self,
        content: &[u8],
        mut between: impl FnMut() -> io::Result<()>,
    ) -> Stepped<()> {
        let mut file = self.temporary_file()?;
        let replaced = self.put_in_place(&mut file, content, &mut between);
        match replaced {
            Ok(()) => {
                self.locked = file;
                self.is_new = false;
            }
            Err(_) => drop(fs::remove_file(&self.temporary)),
        }
        replaced
    }

    /// Makes the new file and locks it. It is locked before it gets the name, so no other process can
    /// take it first.
    fn temporary_file(&self) -> Stepped<File> {
        if self.is_new && is_at(&self.locked, &self.temporary) {
            return self.locked.try_clone().map_err(at(Step::Create));
        }
        loop {
            // No access for others until its mode is set.
            if let Some(file) = claim(&self.temporary, 0o600)? {
                return Ok(file);
            }
        }
    }

    fn put_in_place(
        &mut self,
        file: &mut File,
        content: &[u8],
        between: &mut impl FnMut() -> io::Result<()>,
    ) -> Stepped<()> {
        let mut next = |step| between().map_err(at(step));
        next(Step::Create)?;
        self.safety.dress(file, &self.locked);
        next(Step::Create)?;
        write(file, content).map_err(at(Step::Write))?;
        next(Step::Write)?;
        self.safety.sync(file).map_err(at(Step::Write))?;
        next(Step::Write)?;
        fs::rename(&self.temporary, &self.path).map_err(at(Step::Replace))?;
        next(Step::Replace)?;
        self.safety.sync_folder(folder_of(&self.path));
        next(Step::Replace)
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        if self.is_new && is_at(&self.locked, &self.temporary) {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Makes `content` the content of the file, from its beginning.
fn write(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(content)
}

/// Where `name` leads to if it is a symbolic link; the file there may be missing.
pub(super) fn follow_links(name: &Path) -> io::Result<PathBuf> {
    let mut path = name.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

#[cfg(test)]
mod tests;
