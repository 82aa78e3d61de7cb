//! Takes the lock of a state file, or of the file beside it that is to become it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::step::{Step, Stepped, at};

/// Opens and locks the file at `path`. If there is none, makes and locks the file at `temporary`, and
/// returns true with it.
pub(super) fn lock(path: &Path, temporary: &Path) -> Stepped<(File, bool)> {
    loop {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => {
                let locked = file.try_lock().map_err(io::Error::from);
                // A save of its owner has replaced the file. Only the lock of the new file counts.
                if is_at(&file, path) {
                    return locked.map(|()| (file, false)).map_err(at(Step::Lock));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(file) = claim(temporary, 0o666)? else {
                    continue;
                };
                if path.symlink_metadata().is_err() {
                    return Ok((file, true));
                }
                // The first save of another process came in between.
                let _ = fs::remove_file(temporary);
            }
            Err(error) => return Err((Step::Open, error)),
        }
    }
}

/// Makes the temporary file with this mode and locks it. `None` if another process was faster and is
/// done; then the caller starts again.
///
/// Only the process that holds the lock of the temporary file renames or removes it. If it is not
/// locked, a killed run has left it.
pub(super) fn claim(temporary: &Path, mode: u32) -> Stepped<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(mode);
    match options.clone().create_new(true).open(temporary) {
        Ok(file) => {
            let locked = file.try_lock().map_err(io::Error::from);
            if !is_at(&file, temporary) {
                return Ok(None);
            }
            if locked.as_ref().is_err_and(|error| !is_busy(error)) {
                let _ = fs::remove_file(temporary);
            }
            locked.map(|()| Some(file)).map_err(at(Step::Lock))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let no_link = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            #[expect(clippy::cast_possible_wrap, reason = "flags are bits")]
            let no_link = no_link.bits() as i32;
            let left = match options.custom_flags(no_link).open(temporary) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.ok(),
            };
            if let Some(left) = &left {
                let locked = left.try_lock().map_err(io::Error::from);
                if !is_at(left, temporary) {
                    return Ok(None);
                }
                locked.map_err(at(Step::Lock))?;
            }
            // What cannot be opened is no file of a run of this user: a link, for example.
            match fs::remove_file(temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err((Step::Create, error)),
                _ => Ok(None),
            }
        }
        Err(error) => Err((Step::Create, error)),
    }
}

/// Another process holds the lock.
pub(super) fn is_busy(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Whether this is the file of that name.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}
