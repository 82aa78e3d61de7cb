//! Standard output for records: writes whole batches without a buffer, and detects that the reader
//! is gone.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{closed_stdout, echo};

/// The pause between two tries if stdout is full and non-blocking. Another process that shares it can
/// have made it non-blocking.
const FULL: Duration = Duration::from_millis(5);
/// How long a terminal may take to show `^C`: it sends the signal first.
const ECHO: Duration = Duration::from_millis(2);

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("the reader of stdout is gone")]
    ReaderGone,
    #[error("cannot write to stdout: {0}; what was not written is not acknowledged")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Self::ReaderGone,
            _ => Self::Failed(error),
        }
    }
}

/// Runs `print`, which writes something else than records, such as the help. A reader that goes away
/// is no error: it has seen enough.
pub fn print(print: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let printed = closed_stdout::check()
        .and_then(|()| print())
        .and_then(|()| io::stdout().flush());
    match printed.map_err(OutputError::from) {
        Ok(()) | Err(OutputError::ReaderGone) => Ok(()),
        Err(OutputError::Failed(error)) => Err(error),
    }
}

/// The standard output of the process.
#[derive(Debug)]
pub struct Stdout {
    file: File,
    is_terminal: bool,
    /// Notices that the reader is gone. `None` for a file, which cannot be watched.
    watch: Option<AsyncFd<File>>,
}

impl Stdout {
    /// Opens it, if the process has one. Must be called within a tokio runtime.
    pub fn open() -> Result<Self, OutputError> {
        closed_stdout::check()?;
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let watched = file.try_clone()?;
        // SAFETY: the registration asks that the descriptor stays open and the same for as long
        // as the `AsyncFd` owns it. It owns the `File`, which is never replaced. No safe call
        // watches a descriptor without making it non-blocking, which would change it for every
        // process that shares it.
        #[expect(unsafe_code, reason = "tokio has no safe call for this; see above")]
        let watch = unsafe { AsyncFd::register_with_interest(watched, Interest::ERROR) }.ok();
        let is_terminal = file.is_terminal();
        Ok(Self {
            file,
            is_terminal,
            watch,
        })
    }

    /// Writes all of `bytes`, which are whole lines; blocks while the reader does not read.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let mut written = 0;
        while written < bytes.len() {
            if self.is_terminal {
                written = self.after_echo(bytes, written);
            }
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err(OutputError::Failed(ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    tokio::time::sleep(FULL).await;
                }
                // A terminal that was hung up says "Input/output error".
                Err(_) if self.is_hung_up() => return Err(OutputError::ReaderGone),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until the terminal takes more. If it shows a `^C` then, begins a new line, and says
    /// where to go on: with the whole of the line that the `^C` has cut.
    ///
    /// The wait is a `poll`, because a signal ends that. A `write` that has written nothing yet
    /// starts again by itself, and its line would stand behind the `^C`.
    fn after_echo(&mut self, bytes: &[u8], written: usize) -> usize {
        // Whatever the poll says, the write says it too.
        let _ = poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], None);
        if !echo::take(&self.file) {
            return written;
        }
        std::thread::sleep(ECHO);
        let _ = self.file.write_all(b"\n");
        memchr::memrchr(b'\n', &bytes[..written]).map_or(0, |end| end + 1)
    }

    fn is_hung_up(&self) -> bool {
        let mut fds = [PollFd::new(&self.file, PollFlags::empty())];
        let polled = poll(&mut fds, Some(&Timespec::default()));
        polled.is_ok() && fds[0].revents().contains(PollFlags::HUP)
    }

    /// Waits until the reader of stdout is gone, also while there is nothing to write.
    ///
    /// A pipe reports an error, a local socket a hang-up, a terminal both. A socket whose other side
    /// was only shut down for writing still has a reader. Over TCP a reader that closes the connection
    /// looks the same; the answer to the next line is a reset.
    pub async fn reader_gone(&self) {
        let Some(watch) = &self.watch else {
            return std::future::pending().await;
        };
        loop {
            // Registered for errors only, so WRITABLE means that the other side is closed.
            match watch.ready(Interest::ERROR | Interest::WRITABLE).await {
                Ok(ready) if ready.ready().is_error() || ready.ready().is_write_closed() => return,
                Ok(mut ready) => ready.clear_ready(),
                // It cannot be watched. The next write will fail.
                Err(_) => return std::future::pending().await,
            }
        }
    }
}
