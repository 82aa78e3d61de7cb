//! Explains why the system refused a step with the state file, and what a person can do.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;

use super::step::{Step, folder_of};
use crate::error_text::in_words;

/// The known causes, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cause {
    #[error("its folder does not exist")]
    NoFolder,
    #[error("part of its path is not a folder")]
    NotAFolder,
    #[error("this user may not read and write it")]
    FileForbidden,
    #[error("this user may not create files in its folder")]
    FolderForbidden,
    #[error("it is marked as immutable or append-only")]
    FileMarked,
    #[error("its folder is marked as immutable or append-only")]
    FolderMarked,
    #[error("it belongs to another user, and in a sticky folder only the owner may replace a file")]
    OtherUsers,
    #[error("its file system is read-only")]
    ReadOnly,
    #[error("it is mounted as a single file")]
    MountPoint,
    #[error("its disk is full")]
    NoSpace,
    #[error("the disk quota is used up")]
    QuotaReached,
    #[error("the limit on the size of a file is reached")]
    SizeLimit,
    #[error("the limit on open files is reached")]
    DescriptorLimit,
    #[error("its file system has no locks, so a second process could use it too")]
    NoLocks,
    #[error("its name is too long for the temporary file beside it")]
    NameTooLong,
    #[error("its disk reports an error")]
    DiskBroken,
}

impl Cause {
    /// The cause of an error at this step, for the state file at `path`.
    fn of(step: Step, error: &io::Error, path: &Path) -> Option<Self> {
        Some(match Errno::from_io_error(error)? {
            Errno::NOENT if !folder_of(path).exists() => Self::NoFolder,
            Errno::NOTDIR => Self::NotAFolder,
            Errno::ACCESS if step == Step::Open && path.exists() => Self::FileForbidden,
            Errno::ACCESS => Self::FolderForbidden,
            Errno::PERM if is_marked(path) => Self::FileMarked,
            Errno::PERM if is_marked(folder_of(path)) => Self::FolderMarked,
            Errno::PERM if step == Step::Replace && is_kept_for_its_owner(path) => Self::OtherUsers,
            Errno::ROFS => Self::ReadOnly,
            Errno::BUSY | Errno::XDEV if step == Step::Replace => Self::MountPoint,
            Errno::NOSPC => Self::NoSpace,
            Errno::DQUOT => Self::QuotaReached,
            Errno::FBIG => Self::SizeLimit,
            Errno::MFILE | Errno::NFILE => Self::DescriptorLimit,
            Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK | Errno::INVAL if step == Step::Lock => {
                Self::NoLocks
            }
            Errno::NAMETOOLONG => Self::NameTooLong,
            Errno::IO => Self::DiskBroken,
            _ => return None,
        })
    }

    /// What a person can do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::NoFolder => "create the folder, or correct the name",
            Self::NotAFolder => "correct the name",
            Self::FileForbidden => "give this user both rights",
            Self::FolderForbidden => "give this user write access to the folder",
            Self::FileMarked => "remove the mark with chattr -i -a",
            Self::FolderMarked => "name a file in another folder",
            Self::OtherUsers => "name a file in a folder of this user",
            Self::ReadOnly => "name a file on one that can be written",
            Self::MountPoint => "mount the folder that holds it instead of the file alone",
            Self::NoSpace | Self::QuotaReached => "free some space",
            Self::SizeLimit => "raise the limit (ulimit -f)",
            Self::DescriptorLimit => "raise the limit (ulimit -n)",
            Self::NoLocks => "name a file on a local disk",
            Self::NameTooLong => "choose a shorter name",
            Self::DiskBroken => "check the disk",
        }
    }
}

/// A step that the system refused.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    step: Step,
    cause: Option<Cause>,
    /// What the system said.
    said: String,
}

impl Problem {
    /// The step was refused with this error, for the state file at `path`.
    pub(super) fn new(step: Step, error: &io::Error, path: &Path) -> Self {
        Self {
            step,
            cause: Cause::of(step, error, path),
            said: in_words(error),
        }
    }

    /// A step that was refused for this cause.
    #[cfg(test)]
    pub(super) fn with_cause(step: Step, cause: Option<Cause>) -> Self {
        let said = "what the system says".into();
        Self { step, cause, said }
    }

    /// The problem of a folder where files can be made but neither renamed nor removed. It must be
    /// found before the first file is made, because that file would stay.
    pub(super) fn of_folder(path: &Path) -> Option<Self> {
        is_marked(folder_of(path)).then(|| {
            let error = io::Error::from(Errno::PERM);
            Self::new(Step::Create, &error, path)
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, cause, said } = self;
        match cause {
            Some(cause) => write!(f, "{step}: {cause} ({said}); {}", cause.advice()),
            None => write!(f, "{step}: {said}"),
        }
    }
}

/// True if `chattr +i` or `chattr +a` was used on it.
#[cfg(target_os = "linux")]
pub(super) fn is_marked(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let marks = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|there| there.stx_attributes.intersects(marks))
}

/// Other systems have such marks too, but std does not show them.
#[cfg(not(target_os = "linux"))]
pub fn is_marked(_: &Path) -> bool {
    false
}

/// True if another file system, or a file of another one, is mounted exactly there.
#[cfg(target_os = "linux")]
pub(super) fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|there| there.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Other systems do not tell of a file.
#[cfg(not(target_os = "linux"))]
pub fn is_mount_point(_: &Path) -> bool {
    false
}

/// True if the folder is sticky and neither it nor the file belongs to this user.
pub(super) fn is_kept_for_its_owner(path: &Path) -> bool {
    const STICKY: u32 = 0o1000;
    let user = rustix::process::geteuid().as_raw();
    let (Ok(file), Ok(folder)) = (fs::metadata(path), fs::metadata(folder_of(path))) else {
        return false;
    };
    folder.mode() & STICKY != 0 && folder.uid() != user && file.uid() != user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(step: Step, errno: Errno, path: &Path) -> String {
        Problem::new(step, &errno.into(), path).to_string()
    }

    #[test]
    fn says_what_is_in_the_way_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st");
        for (step, errno, words) in [
            (Step::Replace, Errno::BUSY, "mount the folder"),
            (Step::Replace, Errno::XDEV, "mount the folder"),
            (Step::Lock, Errno::NOLCK, "has no locks"),
            (Step::Lock, Errno::NOTSUP, "has no locks"),
            (Step::Lock, Errno::NOSYS, "has no locks"),
            (Step::Write, Errno::NOSPC, "disk is full"),
            (Step::Write, Errno::DQUOT, "quota"),
            (Step::Write, Errno::FBIG, "ulimit -f"),
            (Step::Write, Errno::IO, "check the disk"),
            (Step::Create, Errno::ROFS, "is read-only"),
            (Step::Create, Errno::MFILE, "ulimit -n"),
            (Step::Create, Errno::ACCESS, "write access to the folder"),
            (Step::Create, Errno::NAMETOOLONG, "shorter name"),
            (Step::Open, Errno::NOTDIR, "correct the name"),
        ] {
            let told = told(step, errno, &path);
            assert!(told.contains(words), "{errno:?}: {told}");
            let said = in_words(&io::Error::from(errno));
            assert!(told.contains(&format!("({said})")), "{told}");
        }
    }

    #[test]
    fn gives_no_advice_where_none_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("st");
        // The folder is there, so the missing folder is not the cause.
        for errno in [Errno::PERM, Errno::NOENT, Errno::STALE] {
            let told = told(Step::Replace, errno, &path);
            let said = in_words(&io::Error::from(errno));
            assert_eq!(told, format!("{}: {said}", Step::Replace));
        }
        let none = folder.path().join("none/st");
        assert!(told(Step::Create, Errno::NOENT, &none).contains("create the folder"));
    }
}
