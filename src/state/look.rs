//! Looks at a state file without a change or a lock, for `--check`. A run tries what it needs; this
//! asks the system instead.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::error::StateError;
use super::file::{check_regular, content, failed, follow_links, holder, temporary_of};
use super::format::parse;
use super::holder::{Holder, is_locked};
use super::obstacle::{Problem, is_kept_for_its_owner, is_marked, is_mount_point};
use super::step::{Step, folder_of};
use crate::oplog::Position;

/// The state of a state file.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The position in it, if it holds one.
    pub position: Option<Position>,
    /// There is no such file.
    pub is_new: bool,
    /// Whether a process has locked it; `None` if the system does not tell.
    pub in_use: Option<bool>,
    /// The process that has locked it, if the system tells.
    pub holder: Option<Holder>,
    /// What would end a run.
    pub problem: Option<StateError>,
}

/// Looks at the state file of this name.
pub(crate) fn look(name: &Path) -> Look {
    let mut look = Look::default();
    let path = follow_links(name).unwrap_or_else(|_| name.into());
    look.holder = holder(&path);
    look.in_use = match look.holder {
        Some(_) => Some(true),
        None => in_use(&path),
    };
    if let Err(problem) = read(name, &mut look) {
        look.problem = Some(problem);
    }
    look
}

/// Reads the content of the file, and fails as a run would.
fn read(name: &Path, look: &mut Look) -> Result<(), StateError> {
    let path = follow_links(name).map_err(|error| failed(name, name, None, (Step::Open, error)))?;
    if path.file_name().is_none() {
        return Err(StateError::NotAFile(name.into()));
    }
    check_regular(&path, name)?;
    match open(&path) {
        Ok(file) => look.position = parse(&content(&file, name)?, name)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => look.is_new = true,
        Err(error) => return Err(failed(name, &path, None, (Step::Open, error))),
    }
    match obstacle(&path) {
        Some(problem) => Err(StateError::Open {
            path: name.into(),
            problem,
        }),
        None => Ok(()),
    }
}

/// Opens the file for reading, if a run could open it for writing too.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    check_access(path, Access::WRITE_OK)?;
    if is_marked(path) {
        return Err(Errno::PERM.into());
    }
    Ok(file)
}

/// Fails where this process does not have these rights.
fn check_access(path: &Path, rights: Access) -> rustix::io::Result<()> {
    match accessat(CWD, path, rights, AtFlags::EACCESS) {
        // An old kernel or a sandbox does not let that be asked. Marks are looked for elsewhere.
        Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => Ok(()),
        answer => answer,
    }
}

/// Why a save would fail, as far as this can be known without a save.
fn obstacle(path: &Path) -> Option<Problem> {
    let refused = |step, errno: Errno| Some(Problem::new(step, &errno.into(), path));
    let folder = folder_of(path);
    if let Some(problem) = Problem::of_folder(path) {
        return Some(problem);
    }
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    if let Err(errno) = check_access(folder, rights) {
        return refused(Step::Create, errno);
    }
    if let Err(error) = fs::symlink_metadata(temporary_of(path))
        && error.kind() != io::ErrorKind::NotFound
    {
        return Some(Problem::new(Step::Create, &error, path));
    }
    let space = rustix::fs::statvfs(folder);
    // A file system that does not count reports 0 of both.
    if space.is_ok_and(|space| space.f_blocks > 0 && space.f_bfree == 0) {
        return refused(Step::Write, Errno::NOSPC);
    }
    if is_kept_for_its_owner(path) {
        return refused(Step::Replace, Errno::PERM);
    }
    if is_mount_point(path) {
        return refused(Step::Replace, Errno::BUSY);
    }
    None
}

/// Whether a process has locked the file, or the one beside it that is to become it.
fn in_use(path: &Path) -> Option<bool> {
    let files = [path, &temporary_of(path)].map(fs::metadata);
    let mut locked = files.iter().flatten().map(is_locked);
    locked.try_fold(false, |all, one| Some(all | one?))
}
