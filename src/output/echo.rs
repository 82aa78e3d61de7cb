//! The `^C` that a terminal shows when Ctrl-C is pressed.
//!
//! The terminal writes it wherever the cursor is, also in the middle of a record. What is written
//! next must begin a new line, or it stands behind the `^C`.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use rustix::termios::LocalModes;

/// Ctrl-C may have been pressed, and nothing has been written since.
static IS_PENDING: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Notes each SIGINT from now on. The note is made in the signal handler: a thread of its own
/// would be later than the next write of the main thread.
pub fn watch() -> io::Result<()> {
    let interrupt = rustix::process::Signal::INT.as_raw();
    signal_hook::flag::register(interrupt, Arc::clone(&IS_PENDING)).map(drop)
}

/// Whether this terminal shows a `^C` where the next text would begin. True once for each.
///
/// A SIGINT that was sent by `kill` cannot be told from Ctrl-C.
pub fn take(terminal: impl AsFd) -> bool {
    IS_PENDING.load(Ordering::Relaxed)
        && echoes(terminal)
        && IS_PENDING.swap(false, Ordering::Relaxed)
}

/// Whether this is the terminal of this process, and shows Ctrl-C as `^C`.
fn echoes(terminal: impl AsFd) -> bool {
    let echo = LocalModes::ECHO | LocalModes::ECHOCTL;
    rustix::termios::tcgetattr(&terminal).is_ok_and(|modes| modes.local_modes.contains(echo))
        && rustix::termios::tcgetpgrp(&terminal)
            .is_ok_and(|group| group == rustix::process::getpgrp())
}
