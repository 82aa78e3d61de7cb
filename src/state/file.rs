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

use super::error::{Reason, StateError};
use super::format::{parse, read};
use super::holder::{Holder, Lock};
use super::lock::{claim, is_at, is_busy, lock};
use super::obstacle::Problem;
use super::safety::Safety;
use super::step::{Step, Stepped, at, folder_of};
use crate::oplog::Position;

/// How many links are followed to the file itself, as the system does.
const MAX_LINKS: usize = 40;
/// As long as a position, but not a position.
const PROBE: [u8; 24] = [b' '; 24];

/// Reads the position in the file of this name without locking or changing anything.
pub(crate) fn peek(name: &Path) -> Result<Position, StateError> {
    let peeked = || {
        check_regular(name)?;
        let file = match File::open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Reason::NoPosition { is_missing: true });
            }
            opened => opened.map_err(not_opened(name))?,
        };
        let content = read(&file).map_err(not_opened(name))?;
        parse(&content)?.ok_or(Reason::NoPosition { is_missing: false })
    };
    peeked().map_err(|reason| reason.with(name))
}

/// Fails if the name is not that of a regular file. Checked before it is opened, because opening a
/// pipe would wait for its other end.
fn check_regular(path: &Path) -> Result<(), Reason> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Reason::NotAFile),
        _ => Ok(()),
    }
}

/// Where the state file of this name really is. It may be missing.
pub(super) fn locate(name: &Path) -> Result<PathBuf, Reason> {
    let path = follow_links(name).map_err(not_opened(name))?;
    // Only a folder can have such a name. `file_name` passes over the slash.
    let bytes = path.as_os_str().as_encoded_bytes();
    let names_folder = bytes.ends_with(b"/") || bytes.ends_with(b"/.");
    if names_folder || path.file_name().is_none() {
        return Err(Reason::NotAFile);
    }
    check_regular(&path)?;
    Ok(path)
}

/// The reason that the state file at `path` cannot be opened or read.
pub(super) fn not_opened(path: &Path) -> impl Fn(io::Error) -> Reason {
    move |error| Reason::Step(Problem::new(Step::Open, &error, path))
}

/// The reason for a step that failed with the state file at `path`.
fn failed(path: &Path, (step, error): (Step, io::Error)) -> Reason {
    if step != Step::Lock || !is_busy(&error) {
        return Reason::Step(Problem::new(step, &error, path));
    }
    Reason::InUse(match lock_of(path) {
        Lock::Held(holder) => holder,
        Lock::Free | Lock::Unknown => Holder::Unnamed,
    })
}

/// What the system tells of the lock of the state file at `path`.
pub(super) fn lock_of(path: &Path) -> Lock {
    let look = |_| {
        let files = [path, &temporary_of(path)].map(fs::metadata);
        files.iter().flatten().map(Lock::of).max()
    };
    // Its owner may replace the file during a look. So it is looked at more than once.
    (0..3).filter_map(look).max().unwrap_or(Lock::Free)
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
    /// Where it really is: what a symbolic link of that name points to.
    path: PathBuf,
    /// Where the next content is written before it takes the file's place.
    temporary: PathBuf,
    /// Holds the lock: the file at `path`; as long as `is_new`, the one at `temporary`.
    locked: File,
    /// There is no file at `path` yet.
    is_new: bool,
    pub(super) safety: Safety,
}

impl StateFile {
    /// Locks the state file and reads the position in it.
    ///
    /// Then tries a save: replaces the file by a copy of itself. So a reason that would make a save
    /// fail is found before the run begins. If there is no file, none is made before the first save.
    pub(crate) fn open(name: &Path) -> Result<(Self, Option<Position>), StateError> {
        Self::open_there(name).map_err(|reason| reason.with(name))
    }

    fn open_there(name: &Path) -> Result<(Self, Option<Position>), Reason> {
        let path = locate(name)?;
        if let Some(problem) = Problem::of_folder(&path) {
            return Err(Reason::Step(problem));
        }
        let failed = |failure| failed(&path, failure);
        let temporary = temporary_of(&path);
        let (locked, is_new) = lock(&path, &temporary).map_err(failed)?;
        let mut state = Self {
            path: path.clone(),
            temporary,
            locked,
            is_new,
            safety: Safety::default(),
        };
        let content = read(&state.locked).map_err(not_opened(name))?;
        let position = parse(&content)?;
        let tried = if is_new {
            state.try_writing()
        } else {
            state.try_replacing(&content)
        };
        tried.map_err(failed)?;
        Ok((state, position))
    }

    /// Whether there was no file before, and no position has been saved yet.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Saves `position` in the file. Even after a loss of power the file holds the old position or
    /// the new one.
    pub(super) fn save(&mut self, position: Position) -> Result<(), Reason> {
        // One that was removed is simply made again.
        if fs::metadata(&self.path).is_ok() && !self.is_in_place() {
            return Err(Reason::Replaced(position));
        }
        let replaced = self.replace(position.to_string().as_bytes(), || Ok(()));
        replaced.map_err(|failure| match failed(&self.path, failure) {
            Reason::Step(problem) => Reason::Save(position, problem),
            reason => reason,
        })
    }

    /// Whether the file is still there under its name.
    pub(super) fn is_in_place(&self) -> bool {
        !self.is_new && is_at(&self.locked, &self.path)
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
