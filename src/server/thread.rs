//! A server for tests that block.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::{io, thread};

use tokio::sync::oneshot;

use super::handle::{Handle, Server};
use super::object::Change;
use super::shared::ServerConfig;
use crate::oplog::ObjectId;

/// A server on a thread and a runtime of its own, for blocking tests. Stops when dropped.
#[derive(Debug)]
pub struct ServerThread {
    handle: Handle,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ServerThread {
    /// Serves an empty store on `listener`.
    ///
    /// # Errors
    /// What the system says about the listener, the thread or its runtime.
    pub fn start(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let server = {
            let _within = runtime.enter();
            Server::start(listener, config)?
        };
        let (handle, within) = (server.handle(), runtime.handle().clone());
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("oplog-server".into())
            .spawn(move || {
                // Nothing is ever sent: the sender is dropped.
                let _ = runtime.block_on(stopped);
                drop(server);
            })?;
        Ok(Self {
            handle,
            runtime: within,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Serves an empty store on a free port of the loopback interface.
    ///
    /// # Errors
    /// As [`Self::start`], or no port could be had.
    pub fn on_loopback(config: ServerConfig) -> io::Result<Self> {
        Self::start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, config)
    }

    /// Another agent of the same store, on a free port of the loopback interface; see
    /// [`Server::another`].
    ///
    /// # Errors
    /// No port could be had.
    pub fn another(&self, agent_offset_ms: i64) -> io::Result<Server> {
        let _within = self.runtime.enter();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Server::another(&self.handle, listener, agent_offset_ms)
    }

    /// Blocks until [`Handle::settled`].
    ///
    /// # Panics
    /// As that does.
    pub fn settle(&self) {
        self.runtime.block_on(self.handle.settled());
    }

    /// Appends an operation now, then waits as [`Self::settle`]. Returns its id.
    ///
    /// # Panics
    /// As [`Self::settle`].
    pub fn append_paced(&self, change: &Change) -> ObjectId {
        let id = self.handle.append(change);
        self.settle();
        id
    }
}

impl Deref for ServerThread {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It fails only where the thread panicked, which has been reported by then.
            let _ = thread.join();
        }
    }
}
