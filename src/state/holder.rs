//! Finds the process that holds the lock of a file, so that a person can be told.

use std::fmt;
use std::fs::Metadata;

/// A process that holds the lock of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pid: u32,
    /// The name of its program.
    program: Option<String>,
}

impl Holder {
    /// The process that holds the lock of this file. `None` where the system does not tell:
    /// only Linux does, and not about processes in another container or on another machine.
    #[cfg(target_os = "linux")]
    pub(crate) fn of(file: &Metadata) -> Option<Self> {
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        let pid = linux::pid(&locks, file)?;
        let program = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        Some(Self {
            pid,
            program: program.map(|name| name.trim_end_matches('\n').to_owned()),
        })
    }

    /// The process that holds the lock of this file; this system does not tell.
    #[cfg(not(target_os = "linux"))]
    pub fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// This process, with the name of its program.
    #[cfg(test)]
    pub(crate) fn new(pid: u32, program: &str) -> Self {
        let program = Some(program.to_owned());
        Self { pid, program }
    }

    /// The holder in words, also where it is not known.
    pub(crate) fn described(holder: Option<&Self>) -> String {
        holder.map_or_else(|| "another process".into(), ToString::to_string)
    }
}

/// Whether a process has locked this file, be it one that cannot be named here. `None` where the
/// system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn is_locked(file: &Metadata) -> Option<bool> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    Some(linux::is_locked(&locks, file))
}

/// Whether a process has locked this file; this system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn is_locked(_: &Metadata) -> Option<bool> {
    None
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        match &self.program {
            Some(program) => write!(f, " ({program})"),
            None => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, Metadata};
    use std::os::unix::fs::MetadataExt;

    /// A line of `/proc/locks`.
    struct Lock<'a> {
        /// `None` for one that cannot be named here.
        pid: Option<u32>,
        /// The numbers of the device, in hexadecimal.
        device: &'a str,
        inode: u64,
    }

    impl<'a> Lock<'a> {
        /// `None` for a process that still waits for the lock.
        fn parse(line: &'a str) -> Option<Self> {
            // Where a process waits for the lock, `->` moves the words on, and the fifth is no number.
            let mut words = line.split_whitespace().skip(4);
            let (pid, file) = (words.next()?, words.next()?);
            let (device, inode) = file.rsplit_once(':')?;
            Some(Self {
                pid: u32::try_from(pid.parse::<i64>().ok()?)
                    .ok()
                    .filter(|pid| *pid > 0),
                device,
                inode: inode.parse().ok()?,
            })
        }
    }

    /// The process that holds a lock of this file, by the text of `/proc/locks`.
    pub(super) fn pid(locks: &str, file: &Metadata) -> Option<u32> {
        let device = device(file.dev());
        let mut locks = of_inode(locks, file);
        // Some file systems (btrfs, overlayfs) give a file another device than their locks. Then
        // the same number can belong to two files, so the process must have the right one open.
        locks.find_map(|lock| {
            let pid = lock.pid?;
            (lock.device == device || has_open(pid, file)).then_some(pid)
        })
    }

    /// Whether there is a lock of this file, by the text of `/proc/locks`.
    pub(super) fn is_locked(locks: &str, file: &Metadata) -> bool {
        let device = device(file.dev());
        pid(locks, file).is_some() || of_inode(locks, file).any(|lock| lock.device == device)
    }

    /// The locks of files with the number of this one, on whatever device.
    fn of_inode<'a>(locks: &'a str, file: &Metadata) -> impl Iterator<Item = Lock<'a>> {
        let inode = file.ino();
        let locks = locks.lines().filter_map(Lock::parse);
        locks.filter(move |lock| lock.inode == inode)
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
            assert_eq!(pid("", &file), None);
            assert_eq!(pid("1: garbage\n\n:::", &file), None);
            assert!(is_locked(&locks, &file));
            // Of a process in another container.
            let unnamed = format!("2: FLOCK  ADVISORY  WRITE 0 {device}:{inode} 0 EOF\n");
            assert_eq!(pid(&unnamed, &file), None);
            assert!(is_locked(&unnamed, &file));
            let waits = format!("3: -> FLOCK  ADVISORY  WRITE 12 {device}:{inode} 0 EOF\n");
            assert!(!is_locked(&waits, &file));
        }

        #[test]
        fn on_another_device_the_process_must_have_the_file_open() {
            let open = tempfile::tempfile().unwrap();
            let file = open.metadata().unwrap();
            let (own, inode) = (std::process::id(), file.ino());
            let locks = format!("1: FLOCK  ADVISORY  WRITE {own} ff:ff:{inode} 0 EOF\n");
            assert_eq!(pid(&locks, &file), Some(own));
            drop(open);
            assert_eq!(pid(&locks, &file), None);
        }
    }
}
