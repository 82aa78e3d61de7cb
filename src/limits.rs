//! Checks at the start that the limits of the process leave room for a run.
//!
//! The asynchronous runtime panics where it gets no file descriptor or no thread, and a limit that
//! is reached later looks like a fault of the network. So a run that cannot work is not begun.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::runtime::Runtime;

/// How many files a run may have open at once beside the standard ones: 8 of the runtimes and
/// their signals, 2 of stdout, 3 of the state file, 3 connections, 4 of looking up a name or
/// reading certificates; and the 5 of a demo server with its connections, 3 spare ones.
const DESCRIPTORS: usize = 28;

/// The system gives less than a run needs.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// Too few files may be open.
    #[error("at most {} files may be open at once, and a run needs {needed}; raise the limit (ulimit -n {needed})", described(*.limit))]
    Descriptors {
        /// The limit of the process, where it has one.
        limit: Option<u64>,
        /// The smallest limit that is enough.
        needed: usize,
    },
    /// All files that the whole system may have open are.
    #[error("the system has too many open files; a run needs {DESCRIPTORS} more")]
    System,
    /// No thread can be started.
    #[error(
        "no thread can be started: {0}; raise the limit on processes (ulimit -u, or that of the container)"
    )]
    Threads(io::Error),
}

fn described(limit: Option<u64>) -> String {
    limit.map_or_else(|| "too few".into(), |limit| limit.to_string())
}

/// Fails where the process may not open as many files as a run needs.
pub fn check_descriptors() -> Result<(), LimitError> {
    let stdin = io::stdin();
    let mut opened: Vec<OwnedFd> = Vec::with_capacity(DESCRIPTORS);
    while opened.len() < DESCRIPTORS {
        match stdin.as_fd().try_clone_to_owned() {
            Ok(descriptor) => opened.push(descriptor),
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::MFILE) => Err(too_few(opened.len())),
                    Some(Errno::NFILE) => Err(LimitError::System),
                    // This is no way to find out; what needs a file will tell.
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
    LimitError::Descriptors {
        limit,
        needed: usize::try_from(limit.unwrap_or(0)).unwrap_or(0) + missing,
    }
}

/// A runtime whose thread for looking up names is already there: the runtime panics where it
/// cannot start the first such thread, and waits for that one where it cannot start more.
///
/// # Errors
/// When the system gives no thread.
pub fn start_threads(runtime: &Runtime) -> Result<(), LimitError> {
    // Asked for in a way that can fail first.
    thread::Builder::new()
        .spawn(|| ())
        .and_then(|thread| thread.join().map_err(|_| io::Error::other("it panicked")))
        .map_err(LimitError::Threads)?;
    drop(runtime.spawn_blocking(|| ()));
    Ok(())
}

/// How long a thread of the runtime is kept that has nothing to do: for ever.
pub const THREADS_LAST: Duration = Duration::MAX;
