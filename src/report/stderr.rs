//! Standard error: whole lines, and below them at most one status line that is redrawn in place.
//!
//! Everything written to stderr goes through here, from whatever thread, so that the status line
//! and the lines never mix. There is one stderr in a process, and so there is one of this.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rustix::termios::LocalModes;

use crate::output::echo;

/// What every line begins with.
const PREFIX: &str = "oplog-tail: ";

/// The message as a line. Text that came over the network must not drive the terminal.
pub fn line(message: &dyn Display) -> String {
    format!("{PREFIX}{}\n", crate::output::escaped(&message.to_string()))
}

/// Writes the message as a line.
pub fn write_line(message: &dyn Display) {
    write(&line(message));
}

/// The width of a terminal that does not tell.
const USUAL_WIDTH: usize = 80;

/// What is at the bottom of the terminal.
enum Status {
    /// Nothing.
    Empty,
    /// A status line.
    Shown(String),
    /// Nothing, and there will be nothing more: the process is ending.
    Closed,
}

static STATUS: Mutex<Status> = Mutex::new(Status::Empty);
/// The process is about to be stopped, or is: no status line may be drawn.
static IS_FORBIDDEN: AtomicBool = AtomicBool::new(false);

fn lock() -> MutexGuard<'static, Status> {
    // Nothing in here panics with the lock held; if it did, the worst is a line left behind.
    STATUS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes these lines, above the status line if there is one.
pub fn write(lines: &str) {
    // One write, so that lines of several processes do not mix. Nothing can be done where it
    // fails.
    let write = |lines: &str| drop(io::stderr().write_all(lines.as_bytes()));
    let status = lock();
    let is_echoed = !lines.is_empty() && echo::take(io::stderr());
    match &*status {
        Status::Shown(line) => {
            draw("");
            write(lines);
            draw(line);
        }
        Status::Empty | Status::Closed if is_echoed => {
            // Without records on it, the `^C` stands at the beginning of a line. Every line is
            // longer.
            let start = if has_terminal_of_its_own() {
                "\r"
            } else {
                "\n"
            };
            write(&format!("{start}{lines}"));
        }
        Status::Empty | Status::Closed => write(lines),
    }
}

/// Shows this in the status line, cut to the width of the terminal.
pub fn show_status(line: &str) {
    let mut status = lock();
    if IS_FORBIDDEN.load(Ordering::Relaxed) {
        return;
    }
    if !matches!(*status, Status::Closed) {
        let line: String = line.chars().take(status_width()).collect();
        draw(&line);
        *status = Status::Shown(line);
    }
}

/// Takes the status line away.
pub fn clear_status() {
    let mut status = lock();
    if let Status::Shown(_) = *status {
        draw("");
        *status = Status::Empty;
    }
}

/// Takes the status line away until [`allow_status`]. To be called before the process is stopped.
///
/// Takes no longer than `patience`, as [`close`].
pub fn forbid_status(patience: Duration) {
    IS_FORBIDDEN.store(true, Ordering::Relaxed);
    within(patience, clear_status);
}

/// The status line may be shown again, from its next change on.
pub fn allow_status() {
    IS_FORBIDDEN.store(false, Ordering::Relaxed);
}

/// Takes the status line away for good, and writes these last lines. To be called before the
/// process is ended while other threads run.
///
/// Takes no longer than `patience`: a terminal that was stopped (Ctrl-S) must not hold up the end.
pub fn close(last_lines: String, patience: Duration) {
    within(patience, move || {
        clear_status();
        *lock() = Status::Closed;
        write(&last_lines);
    });
}

/// Does this on a thread of its own, and waits for it no longer than `patience`.
fn within(patience: Duration, work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let spawned = std::thread::Builder::new().spawn(move || {
        work();
        let _ = done.send(());
    });
    if spawned.is_ok() {
        let _ = is_done.recv_timeout(patience);
    }
}

/// How many columns a status line can have.
pub fn status_width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    let columns = match usize::from(columns) {
        0 => USUAL_WIDTH,
        columns => columns,
    };
    // A line that fills the last column makes some terminals go on to the next.
    columns - 1
}

/// Whether a status line has a place: stderr is a terminal, and not the one that shows stdout.
pub fn has_terminal_of_its_own() -> bool {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    stderr.is_terminal()
        && (!stdout.is_terminal()
            || match (device(stdout.as_fd()), device(stderr.as_fd())) {
                (Ok(stdout), Ok(stderr)) => {
                    // By this name either of them may be the other.
                    let any = std::fs::metadata("/dev/tty").map_or(0, |tty| tty.rdev());
                    stdout != stderr && stdout != any && stderr != any
                }
                _ => false,
            })
}

fn device(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(File::from(fd.try_clone_to_owned()?).metadata()?.rdev())
}

/// Whether the terminal is ours to draw on: a job that was sent to the background would draw over
/// what the shell shows.
fn in_foreground() -> bool {
    let group = rustix::termios::tcgetpgrp(io::stderr());
    group.is_ok_and(|group| group == rustix::process::getpgrp())
        // Without job control there is no background.
        || group.is_err()
}

/// Whether another program drives the terminal, such as a pager that shows our records: it takes
/// each key as it comes, and a line of ours would lie on its screen.
fn is_taken() -> bool {
    rustix::termios::tcgetattr(io::stderr())
        .is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ICANON))
}

/// Draws one line and leaves the cursor at its beginning. Wherever the terminal puts the parts of
/// the line when its window is made narrower, they are then at and below the cursor, and erasing
/// from there on leaves nothing behind; so does what the terminal echoes for Ctrl-C.
fn draw(line: &str) {
    if in_foreground() && !is_taken() {
        let _ = io::stderr().write_all(drawing(line).as_bytes());
    }
}

/// What draws the line. Erasing below from the first place of the screen is erasing all of it,
/// which some terminals keep a copy of; so that comes last.
fn drawing(line: &str) -> String {
    format!("\r\x1b[K{line}\x1b[J\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_clears_the_one_before_and_returns_to_its_beginning() {
        assert_eq!(drawing("a status"), "\r\x1b[Ka status\x1b[J\r");
    }
}
