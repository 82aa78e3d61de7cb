//! The file that keeps the position across runs: the bare id, as the Go client writes it.
//!
//! One process at a time may use it. The lock is on the file itself, because no other file may
//! stay behind, and every save replaces that file; so the new file is locked before it takes the
//! old one's place, and whoever gets a lock checks that it is still the file of that name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::position::Position;

/// No position is longer than this; a longer file is not one of ours.
const LONGEST_STATE: u64 = 4096;
/// How many links are followed to the file itself, as the system does.
const MAX_LINKS: usize = 40;

/// Why the state file cannot be used. Each says on which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read or opened.
    #[error("state file {}: cannot be opened: {source}; check that the folder exists and that both can be written", path.display())]
    Open {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no regular file.
    #[error("state file {}: is no regular file; name another one", .0.display())]
    NotAFile(PathBuf),
    /// It holds something else.
    #[error("state file {}: holds {content:?}, which is no position; remove it, or name another one", path.display())]
    Invalid {
        /// The file as it was named.
        path: PathBuf,
        /// The start of what it holds.
        content: String,
    },
    /// Another process has locked it.
    #[error("state file {}: is in use by another process; stop that one, or name another file", .0.display())]
    InUse(PathBuf),
    /// The position cannot be saved.
    #[error("state file {}: cannot be written: {source}; position {position} is not saved; make room or give write access, then start again", path.display())]
    Save {
        /// The file as it was named.
        path: PathBuf,
        /// The position that is not in it.
        position: Position,
        /// What the system said.
        source: io::Error,
    },
    /// The position is not saved in the time there was.
    #[error("state file {}: position {position} could not be saved within {patience:?}; look after the disk", path.display())]
    TooSlow {
        /// The file as it was named.
        path: PathBuf,
        /// The position that may not be in it.
        position: Position,
        /// The time there was.
        patience: Duration,
    },
    /// Somebody else put another file in its place.
    #[error("state file {}: was replaced by another program while in use; its content is left alone, position {position} is not saved", path.display())]
    Replaced {
        /// The file as it was named.
        path: PathBuf,
        /// The position that is not in it.
        position: Position,
    },
}

/// Reads the position at `path` without locking or changing anything; `None` where there is no
/// file or an empty one.
pub fn peek(path: &Path) -> Result<Option<Position>, StateError> {
    // Checked first, because opening a pipe would wait for its other end.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(StateError::NotAFile(path.into()));
    }
    match File::open(path) {
        Ok(file) => read(&file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::Open {
            path: path.into(),
            source,
        }),
    }
}

fn read(file: &File, path: &Path) -> Result<Option<Position>, StateError> {
    let open_error = |source| StateError::Open {
        path: path.into(),
        source,
    };
    if !file.metadata().map_err(open_error)?.is_file() {
        return Err(StateError::NotAFile(path.into()));
    }
    let mut content = Vec::new();
    file.take(LONGEST_STATE)
        .read_to_end(&mut content)
        .map_err(open_error)?;
    let text = String::from_utf8_lossy(&content);
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| StateError::Invalid {
        path: path.into(),
        content: text.chars().take(40).collect(),
    })
}

/// A state file that this process holds the lock of.
#[derive(Debug)]
pub struct StateFile {
    /// As it was named, for messages.
    name: PathBuf,
    /// Where it really is: what a symbolic link of that name points to.
    path: PathBuf,
    /// Where the next content is written before it takes the file's place.
    temporary: PathBuf,
    /// Holds the lock.
    locked: File,
    /// The file did not exist before; if nothing was ever saved it goes again.
    is_new: bool,
}

impl StateFile {
    /// Locks the state file and reads the position in it; makes the file where there is none.
    ///
    /// Checks all that saving will need: that the folder can be written, and that this is the
    /// only process.
    pub fn open(name: &Path) -> Result<(Self, Option<Position>), StateError> {
        let open_error = |source| StateError::Open {
            path: name.into(),
            source,
        };
        let path = follow_links(name).map_err(open_error)?;
        let file_name = path
            .file_name()
            .ok_or_else(|| StateError::NotAFile(name.into()))?;
        let mut temporary_name = std::ffi::OsString::from(".");
        temporary_name.push(file_name);
        temporary_name.push(".oplog-tail");
        let temporary = path.with_file_name(temporary_name);

        let (locked, is_new) = lock(&path, name)?;
        let mut state = Self {
            name: name.into(),
            path,
            temporary,
            locked,
            is_new,
        };
        let position = match read(&state.locked, name) {
            Ok(position) => position,
            Err(error) => {
                state.is_new = false;
                return Err(error);
            }
        };
        // A run that was killed in the middle of a save has left this; with the lock it is ours.
        // Making it once more shows now, rather than after the first record, whether the folder
        // can be written.
        state.make_temporary().map_err(open_error)?;
        fs::remove_file(&state.temporary).map_err(open_error)?;
        Ok((state, position))
    }

    /// The file as it was named.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Puts `position` into the file. Whatever happens in between, even a loss of power, the
    /// file holds the old position or the new one.
    pub fn save(&mut self, position: Position) -> Result<(), StateError> {
        if self.is_replaced() {
            return Err(StateError::Replaced {
                path: self.name.clone(),
                position,
            });
        }
        match self.replace(position, || Ok(())) {
            Ok(locked) => {
                self.locked = locked;
                self.is_new = false;
                Ok(())
            }
            Err(source) => {
                let _ = fs::remove_file(&self.temporary);
                Err(StateError::Save {
                    path: self.name.clone(),
                    position,
                    source,
                })
            }
        }
    }

    /// Whether the file is still there under its name.
    pub fn is_in_place(&self) -> bool {
        let (Ok(ours), Ok(there)) = (self.locked.metadata(), fs::metadata(&self.path)) else {
            return false;
        };
        is_same_file(&ours, &there)
    }

    /// Whether another file has the name now. One that was removed is simply made again.
    fn is_replaced(&self) -> bool {
        let (Ok(ours), Ok(there)) = (self.locked.metadata(), fs::metadata(&self.path)) else {
            return false;
        };
        !is_same_file(&ours, &there)
    }

    /// The steps of a save, in the order that makes it safe. `between` is called after each of
    /// them, so that a test can stop there.
    fn replace(
        &self,
        position: Position,
        mut between: impl FnMut() -> io::Result<()>,
    ) -> io::Result<File> {
        let mut file = self.make_temporary()?;
        between()?;
        file.write_all(position.to_string().as_bytes())?;
        between()?;
        file.sync_all()?;
        between()?;
        // Locked before it can be found under the name, so that nobody gets in between.
        file.try_lock()?;
        between()?;
        fs::rename(&self.temporary, &self.path)?;
        between()?;
        File::open(self.folder())?.sync_all()?;
        between()?;
        Ok(file)
    }

    /// The folder the file is in.
    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Makes the file for the next content, with the mode and the owner of the present one.
    fn make_temporary(&self) -> io::Result<File> {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Closed to others until its mode is known; and never through a planted link.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.temporary)?;
        let (present, made) = (self.locked.metadata()?, file.metadata()?);
        if (present.uid(), present.gid()) != (made.uid(), made.gid()) {
            // Only root may; for anyone else the file changes hands, as with any editor.
            let _ = fchown(&file, Some(present.uid()), Some(present.gid()));
        }
        file.set_permissions(present.permissions())?;
        Ok(file)
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        if self.is_new && !self.is_replaced() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens and locks the file that has the name `path`, and says whether it was made for that.
fn lock(path: &Path, name: &Path) -> Result<(File, bool), StateError> {
    let open_error = |source| StateError::Open {
        path: name.into(),
        source,
    };
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let (file, is_new) = match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Checked first, because opening a pipe would wait for its other end.
                if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
                    return Err(StateError::NotAFile(name.into()));
                }
                match options.open(path) {
                    Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
                    opened => (opened.map_err(open_error)?, false),
                }
            }
            made => (made.map_err(open_error)?, true),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(name.into())),
            Err(TryLockError::Error(error)) => return Err(open_error(error)),
        }
        let ours = file.metadata().map_err(open_error)?;
        // Saved by its owner just before it let go of the old file: what is locked is no longer
        // what the name stands for.
        if fs::metadata(path).is_ok_and(|there| is_same_file(&ours, &there)) {
            return Ok((file, is_new));
        }
    }
}

fn is_same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Where `name` leads to if it is a symbolic link; the file there may be missing.
fn follow_links(name: &Path) -> io::Result<PathBuf> {
    let mut path = name.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(test)]
mod tests;
