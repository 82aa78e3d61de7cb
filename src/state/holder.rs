//! Finds the process that holds the lock of a file, so that a person can be told.

use std::fmt;
use std::fs::Metadata;

/// What the system tells of the lock of a file. Of several looks the greatest counts: a holder if any
/// of them finds one, and free only if all of them say so.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    /// No process holds it.
    Free,
    /// The system does not tell: only Linux does.
    #[default]
    Unknown,
    /// This process holds it.
    Held(Holder),
}

/// A process that holds the lock of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// One that cannot be named here: in another container or on another machine.
    Unnamed,
    /// One of this machine.
    Process {
        pid: u32,
        /// The name of its program.
        program: Option<String>,
    },
}

impl Lock {
    /// The lock of this file.
    #[cfg(target_os = "linux")]
    pub(super) fn of(file: &Metadata) -> Self {
        let Ok(locks) = std::fs::read_to_string("/proc/locks") else {
            return Self::Unknown;
        };
        linux::holder(&locks, file).map_or(Self::Free, Self::Held)
    }

    /// The lock of this file; this system does not tell.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_: &Metadata) -> Self {
        Self::Unknown
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("another process"),
            Self::Process { pid, program: None } => write!(f, "process {pid}"),
            Self::Process {
                pid,
                program: Some(program),
            } => write!(f, "process {pid} ({program})"),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, Metadata};
    use std::os::unix::fs::MetadataExt;

    use crate::state::holder::Holder;

    /// The process that holds a lock of this file, by the text of `/proc/locks`.
    pub(super) fn holder(locks: &str, file: &Metadata) -> Option<Holder> {
        let own = device(file.dev());
        // Some file systems (btrfs, overlayfs) give a file another device than their locks. Then
        // the same number can belong to two files, so the process must have the right one open.
        let is_ours = |(pid, device, inode): &(Option<u32>, &str, u64)| {
            *inode == file.ino() && (*device == own || pid.is_some_and(|pid| has_open(pid, file)))
        };
        let holders = locks.lines().filter_map(parse).filter(is_ours);
        holders.map(|(pid, ..)| named(pid)).max()
    }

    fn named(pid: Option<u32>) -> Holder {
        let Some(pid) = pid else {
            return Holder::Unnamed;
        };
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        let program = program.map(|name| name.trim_end_matches('\n').to_owned());
        Holder::Process { pid, program }
    }

    /// The process of a line of `/proc/locks`, the device of the file and its inode. `None` for a
    /// process that still waits for the lock.
    fn parse(line: &str) -> Option<(Option<u32>, &str, u64)> {
        // Where a process waits for the lock, `->` moves the words on, and the fifth is no number.
        let mut words = line.split_whitespace().skip(4);
        let pid: i64 = words.next()?.parse().ok()?;
        let (device, inode) = words.next()?.rsplit_once(':')?;
        let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0);
        Some((pid, device, inode.parse().ok()?))
    }

    /// The numbers of a device as the kernel writes them there.
    fn device(device: u64) -> String {
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        format!("{major:02x}:{minor:02x}")
    }

    fn has_open(pid: u32, file: &Metadata) -> bool {
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return false;
        };
        open.flatten()
            .filter_map(|entry| fs::metadata(entry.path()).ok())
            .any(|other| (other.dev(), other.ino()) == (file.dev(), file.ino()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn pid(locks: &str, file: &Metadata) -> Option<u32> {
            match holder(locks, file)? {
                Holder::Process { pid, .. } => Some(pid),
                Holder::Unnamed => None,
            }
        }

        #[test]
        fn finds_who_has_the_lock_and_not_who_waits_for_it() {
            let file = tempfile::tempfile().unwrap().metadata().unwrap();
            let (device, inode) = (device(file.dev()), file.ino());
            let other = inode + 1;
            let locks = format!(
                "1: POSIX  ADVISORY  READ  11 {device}:{other} 0 EOF\n\
                 2: FLOCK  ADVISORY  WRITE 0 {device}:{inode} 0 EOF\n\
                 3: OFDLCK ADVISORY  WRITE -1 {device}:{inode} 0 EOF\n\
                 3: -> FLOCK  ADVISORY  WRITE 12 {device}:{inode} 0 EOF\n\
                 4: FLOCK  ADVISORY  WRITE 1234567890 ff:ff:{inode} 0 EOF\n\
                 5: FLOCK  ADVISORY  WRITE 13 {device}:{inode} 0 EOF\n"
            );
            assert_eq!(pid(&locks, &file), Some(13));
            assert_eq!(holder("", &file), None);
            assert_eq!(holder("1: garbage\n\n:::", &file), None);
            // Of a process in another container.
            let unnamed = format!("2: FLOCK  ADVISORY  WRITE 0 {device}:{inode} 0 EOF\n");
            assert_eq!(holder(&unnamed, &file), Some(Holder::Unnamed));
            let waits = format!("3: -> FLOCK  ADVISORY  WRITE 12 {device}:{inode} 0 EOF\n");
            assert_eq!(holder(&waits, &file), None);
        }

        #[test]
        fn on_another_device_the_process_must_have_the_file_open() {
            let open = tempfile::tempfile().unwrap();
            let file = open.metadata().unwrap();
            let (own, inode) = (std::process::id(), file.ino());
            let locks = format!("1: FLOCK  ADVISORY  WRITE {own} ff:ff:{inode} 0 EOF\n");
            assert_eq!(pid(&locks, &file), Some(own));
            drop(open);
            assert_eq!(holder(&locks, &file), None);
        }
    }
}
