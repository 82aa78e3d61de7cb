//! One accepted connection, which knows when its socket is full.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Whether a connection is blocked: its socket is full, because the client does not read.
#[derive(Debug)]
pub(super) struct Blocked {
    is_waiting: AtomicBool,
    /// The same socket, to ask the system.
    socket: OwnedFd,
}

impl Blocked {
    /// True if a write waits and the socket is still full. If the client has read since, it is not
    /// blocked, even if the connection did not get to run.
    pub(super) fn is_blocked(&self) -> bool {
        if !self.is_waiting.load(Ordering::SeqCst) {
            return false;
        }
        let mut fds = [PollFd::new(&self.socket, PollFlags::OUT)];
        matches!(poll(&mut fds, Some(&Timespec::default())), Ok(0))
    }
}

/// A connection that reports when it is blocked.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    blocked: Arc<Blocked>,
    progress: watch::Sender<()>,
}

impl Watched {
    /// Watches this connection. `progress` is marked as changed when a write has to wait, and
    /// when it goes on.
    ///
    /// # Errors
    /// Where the system has no more file descriptors.
    pub(super) fn new(stream: TcpStream, progress: watch::Sender<()>) -> io::Result<Self> {
        let blocked = Arc::new(Blocked {
            is_waiting: AtomicBool::new(false),
            socket: stream.as_fd().try_clone_to_owned()?,
        });
        Ok(Self {
            stream,
            blocked,
            progress,
        })
    }

    /// Tells whether the connection is blocked.
    pub(super) fn blocked(&self) -> Arc<Blocked> {
        Arc::clone(&self.blocked)
    }

    fn note<T>(&self, polled: Poll<T>) -> Poll<T> {
        let is_waiting = polled.is_pending();
        if self.blocked.is_waiting.swap(is_waiting, Ordering::SeqCst) != is_waiting {
            self.progress.send_replace(());
        }
        polled
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.note(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}
