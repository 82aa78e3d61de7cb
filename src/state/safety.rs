//! The steps of a save that are good to have: mode and owner of the file, and the syncs.
//!
//! Not every file system can do these, and not every user may. So a save does not fail if one of them
//! fails; it leaves a note.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use rustix::io::Errno;

use crate::error_text::in_words;

/// Does these steps, and keeps a note of each kind that failed.
#[derive(Debug, Default)]
pub(super) struct Safety {
    noted: Vec<&'static str>,
    /// Notes that nobody has taken yet.
    notes: Vec<String>,
}

impl Safety {
    /// Takes the new notes. Each kind comes once.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Gives `file` the owner and the mode of `present`.
    pub(super) fn dress(&mut self, file: &File, present: &File) {
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
            // Only root may give it to another user. A user may give it to a group of theirs.
            let _ = fchown(file, None, Some(group));
        }
        self.note("its owner could not be kept", given);
    }

    /// Has the content of `file` written to the disk.
    ///
    /// # Errors
    /// When the disk fails, but not if the file system cannot sync.
    pub(super) fn sync(&mut self, file: &File) -> io::Result<()> {
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

    /// Has the names in `folder` written to the disk. Without this a loss of power can bring back the
    /// previous position, which is safe too.
    pub(super) fn sync_folder(&mut self, folder: &Path) {
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
