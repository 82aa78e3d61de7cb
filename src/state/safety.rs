//! What makes a state file safer without being the save itself: its mode, its owner, and that it
//! is on the disk before the system says so. Not every file system can do these, and not every
//! user may. So none of them fails a save; what could not be done is noted.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use rustix::io::Errno;

use crate::error_text::in_words;

/// Does what it can, and keeps a note of each kind of thing that it could not do.
#[derive(Debug, Default)]
pub struct Safety {
    noted: Vec<&'static str>,
    /// Notes that nobody has taken yet.
    notes: Vec<String>,
}

impl Safety {
    /// What could not be done since this was last asked. Each kind comes once.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Gives `file` the owner and the mode of `present`.
    pub fn dress(&mut self, file: &File, present: &File) {
        let dressed = present.metadata().and_then(|present| {
            let made = file.metadata()?;
            if (present.uid(), present.gid()) != (made.uid(), made.gid()) {
                self.give_away(file, present.uid(), present.gid());
            }
            // After the owner, because giving a file away takes parts of its mode.
            file.set_permissions(present.permissions())
        });
        self.note("its mode could not be kept", dressed);
    }

    fn give_away(&mut self, file: &File, user: u32, group: u32) {
        let given = fchown(file, Some(user), Some(group));
        if given.is_err() {
            // Only root may give it to another user; a group of one's own is open to anyone.
            let _ = fchown(file, None, Some(group));
        }
        self.note("its owner could not be kept", given);
    }

    /// Has the content of `file` written to the disk.
    ///
    /// # Errors
    /// When the disk fails, but not where the file system cannot do such a thing.
    pub fn sync(&mut self, file: &File) -> io::Result<()> {
        let synced = file.sync_all();
        let cannot = [Errno::INVAL, Errno::NOTSUP, Errno::NOSYS];
        let errno = synced.as_ref().err().and_then(Errno::from_io_error);
        if errno.is_some_and(|errno| cannot.contains(&errno)) {
            let what = "its file system does not say when content is on the disk";
            self.note(what, synced);
            return Ok(());
        }
        synced
    }

    /// Has the names in `folder` written to the disk. Without that a loss of power can bring the
    /// position of the save before, which is a safe one too.
    pub fn sync_folder(&mut self, folder: &Path) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        let what = "its folder could not be synced, so after a loss of power it may hold an \
                    earlier position";
        self.note(what, synced);
    }

    fn note(&mut self, what: &'static str, done: io::Result<()>) {
        if let Err(error) = done
            && !self.noted.contains(&what)
        {
            self.noted.push(what);
            self.notes.push(format!("{what} ({})", in_words(&error)));
        }
    }
}
