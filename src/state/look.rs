//! Looks at a state file without a change or a lock, for `--check`. A run tries what it needs; this
//! asks the system instead.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::error::Reason;
use super::file::{follow_links, locate, lock_of, not_opened, temporary_of};
use super::format::{parse, read};
use super::holder::Lock;
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
    /// Whether a process has locked it.
    pub lock: Lock,
    /// What would end a run.
    pub problem: Option<Reason>,
}

/// Looks at the state file of this name.
pub(crate) fn look(name: &Path) -> Look {
    let mut look = Look::default();
    look.lock = lock_of(&follow_links(name).unwrap_or_else(|_| name.into()));
    look.problem = read_into(&mut look, name).err();
    look
}

/// Reads the content of the file, and fails as a run would.
fn read_into(look: &mut Look, name: &Path) -> Result<(), Reason> {
    let path = locate(name)?;
    match open(&path) {
        Ok(file) => look.position = parse(&read(&file).map_err(not_opened(name))?)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => look.is_new = true,
        Err(error) => return Err(not_opened(&path)(error)),
    }
    obstacle(&path).map_or(Ok(()), |problem| Err(Reason::Step(problem)))
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
