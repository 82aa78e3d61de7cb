//! Checks at the start that the limits of the process are high enough for a run.
//!
//! The asynchronous runtime panics if it gets no file descriptor, and a limit that is reached later
//! looks like a fault of the network. So a run that cannot work does not begin.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// How many files a run may have open at once beside the standard ones: 8 of the runtimes and
/// their signals, 2 of stdout, 3 of the state file, 3 connections, 4 of looking up a name or
/// reading certificates; and the 5 of a demo server with its connections, 3 spare ones.
const DESCRIPTORS: usize = 28;

/// Limits that are advised are multiples of this.
const STEP: usize = 64;
/// How many threads a run needs at once: for signals, saving, and looking up a name.
const THREADS: usize = 3;

/// A limit of the system is too low.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitError {
    #[error("the limit on open files ({}) is too low for a run; raise it (ulimit -n {enough})", described(*.limit))]
    Descriptors {
        /// The limit of the process, where it has one.
        limit: Option<u64>,
        /// A limit that is enough.
        enough: usize,
    },
    #[error(
        "the whole system has too many open files, and a run needs {DESCRIPTORS} more; close other programs, or raise the limit of the system"
    )]
    System,
    #[error(
        "no thread can be started ({0}); raise the limit on processes (ulimit -u, or that of the container)"
    )]
    Threads(io::Error),
}

fn described(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unknown".into(), |limit| limit.to_string())
}

/// Fails where the process may not open as many files as a run needs.
pub(crate) fn check_descriptors() -> Result<(), LimitError> {
    let stdin = io::stdin();
    let mut opened: Vec<OwnedFd> = Vec::with_capacity(DESCRIPTORS);
    while opened.len() < DESCRIPTORS {
        match stdin.as_fd().try_clone_to_owned() {
            Ok(descriptor) => opened.push(descriptor),
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::MFILE) => Err(too_few(opened.len())),
                    Some(Errno::NFILE) => Err(LimitError::System),
                    // Another failure says nothing about the limit.
                    _ => Ok(()),
                };
            }
        }
    }
    Ok(())
}

/// The error where only `free` files could be opened.
fn too_few(free: usize) -> LimitError {
    let limit = getrlimit(Resource::Nofile).current;
    let missing = DESCRIPTORS - free;
    let needed = usize::try_from(limit.unwrap_or(0)).unwrap_or(0) + missing;
    // Rounded up: files that were inherited with numbers above the limit count under a higher one.
    LimitError::Descriptors {
        limit,
        enough: needed.next_multiple_of(STEP),
    }
}

/// Fails where the process may not start as many threads as a run needs.
pub(crate) fn check_threads() -> Result<(), LimitError> {
    let tried: io::Result<Vec<_>> = (0..THREADS)
        .map(|_| thread::Builder::new().spawn(thread::park))
        .collect();
    for parked in tried.map_err(LimitError::Threads)? {
        parked.thread().unpark();
        // It does nothing that could panic.
        let _ = parked.join();
    }
    Ok(())
}
