//! Standard error: whole lines, and below them at most one status line that is redrawn in place.
//!
//! All threads write to stderr through this module, so the status line and the lines never mix. A
//! process has one stderr, so this state is global.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rustix::fs::{fstat, stat};
use rustix::termios::LocalModes;

use crate::output::echo;

/// What every line begins with.
const PREFIX: &str = "oplog-tail: ";

/// The message as a line. Escapes control characters: text of the server must not affect the
/// terminal.
pub(crate) fn line(message: &dyn Display) -> String {
    format!("{PREFIX}{}\n", crate::output::escaped(&message.to_string()))
}

/// Writes the message as a line.
pub(crate) fn write_line(message: &dyn Display) {
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
    /// Nothing any more: the process is ending.
    Closed,
}

static STATUS: Mutex<Status> = Mutex::new(Status::Empty);
/// The process is about to be stopped, or is: no status line may be drawn.
static IS_FORBIDDEN: AtomicBool = AtomicBool::new(false);

fn lock() -> MutexGuard<'static, Status> {
    // Nothing panics with the lock held. If it did, at worst a status line would stay.
    STATUS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes these lines, above the status line if there is one.
pub(crate) fn write(lines: &str) {
    // One write, so that lines of several processes do not mix. A failure is ignored: there is no
    // other place to report it.
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
pub(crate) fn show_status(line: &str) {
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

/// Removes the status line.
pub(crate) fn clear_status() {
    let mut status = lock();
    if let Status::Shown(_) = *status {
        draw("");
        *status = Status::Empty;
    }
}

/// Removes the status line until [`allow_status`]. Call it before the process is stopped. Returns
/// after `patience` at the latest, as [`close`] does.
pub(crate) fn forbid_status(patience: Duration) {
    IS_FORBIDDEN.store(true, Ordering::Relaxed);
    within(patience, clear_status);
}

/// Allows the status line again. It appears with its next change.
pub(crate) fn allow_status() {
    IS_FORBIDDEN.store(false, Ordering::Relaxed);
}

/// Removes the status line for good and writes the last lines. Call it before the process is ended
/// while other threads run.
///
/// Returns after `patience` at the latest: a terminal stopped by Ctrl-S must not delay the end.
pub(crate) fn close(last_lines: String, patience: Duration) {
    within(patience, move || {
        clear_status();
        *lock() = Status::Closed;
        write(&last_lines);
    });
}

/// Runs `work` on a thread of its own and waits for it, `patience` at most.
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

/// The maximum width of a status line.
pub(crate) fn status_width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    let columns = match usize::from(columns) {
        0 => USUAL_WIDTH,
        columns => columns,
    };
    // Some terminals wrap when the last column is filled.
    columns - 1
}

/// True if a status line can be shown: stderr is a terminal, and not the one that shows stdout.
pub(crate) fn has_terminal_of_its_own() -> bool {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    if !stdout.is_terminal() || !stderr.is_terminal() {
        return stderr.is_terminal();
    }
    let (Ok(stdout), Ok(stderr)) = (fstat(&stdout), fstat(&stderr)) else {
        return false;
    };
    // By this name either of them may be the other.
    let any = stat("/dev/tty").map_or(0, |tty| tty.st_rdev);
    stdout.st_rdev != stderr.st_rdev && stdout.st_rdev != any && stderr.st_rdev != any
}

/// True if this process is in the foreground. In the background it would draw over the output of
/// the shell.
fn in_foreground() -> bool {
    let group = rustix::termios::tcgetpgrp(io::stderr());
    // Without job control there is no background.
    group.map_or(true, |group| group == rustix::process::getpgrp())
}

/// True if another program controls the terminal, such as a pager that shows the records. A status
/// line would disturb its screen. Such a program reads single keys.
fn is_taken() -> bool {
    rustix::termios::tcgetattr(io::stderr())
        .is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ICANON))
}

/// Draws one line and leaves the cursor at its beginning. If the window is made narrower, all parts
/// of the line are then at and below the cursor, so the next drawing erases them. The same holds for
/// the `^C` of Ctrl-C.
fn draw(line: &str) {
    if in_foreground() && !is_taken() {
        let _ = io::stderr().write_all(drawing(line).as_bytes());
    }
}

/// The bytes that draw the line. Erasing below comes last: from the first place of the screen it
/// would erase all of it, and some terminals then save a copy.
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
