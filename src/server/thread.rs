//! A server for tests that block.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::{io, thread};

use tokio::task::AbortHandle;

use super::agent::{Handle, ServerConfig};
use super::running::Server;

/// A server on a thread and a runtime of its own, for blocking tests. Stops when dropped.
#[derive(Debug)]
pub struct ServerThread {
    handle: Handle,
    runtime: tokio::runtime::Handle,
    serving: AbortHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl ServerThread {
    /// Serves an empty store on a free port of the loopback interface.
    ///
    /// # Errors
    /// What the system says about the port, the thread or its runtime.
    pub fn on_loopback(config: ServerConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut server = {
            let _within = runtime.enter();
            Server::start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, config)?
        };
        Ok(Self {
            handle: server.handle(),
            runtime: runtime.handle().clone(),
            serving: server.accepting.abort_handle(),
            thread: Some(
                thread::Builder::new()
                    .name("oplog-server".into())
                    .spawn(move || {
                        // It ends when it is aborted.
                        let _ = runtime.block_on(&mut server.accepting);
                    })?,
            ),
        })
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

    /// Blocks until [`settled`](super::Agent::settled).
    ///
    /// # Panics
    /// As that does.
    pub fn settle(&self) {
        self.runtime.block_on(self.handle.settled());
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
        self.serving.abort();
        if let Some(thread) = self.thread.take() {
            // It fails only where the thread panicked, which has been reported by then.
            let _ = thread.join();
        }
    }
}
