//! A running server.

use std::io;
use std::net::TcpListener;
use std::ops::Deref;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::accept::accept;
use super::agent::{Agent, Handle, ServerConfig, Store};

/// A server on the current runtime. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    pub(super) accepting: JoinHandle<()>,
}

impl Server {
    /// Serves an empty store on `listener`. Must be called within a tokio runtime with I/O and
    /// time enabled.
    ///
    /// # Errors
    /// What the system says about the listener.
    pub fn start(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let store = Store::new(config.model.clone());
        Self::agent(listener, config, Arc::new(store))
    }

    /// Another agent of the store that `first` serves, with a clock of its own, this much ahead of
    /// the store's; otherwise like `first`. Must be called within a runtime, like [`Self::start`].
    ///
    /// # Errors
    /// What the system says about the listener.
    pub fn another(
        first: &Handle,
        listener: TcpListener,
        agent_offset_ms: i64,
    ) -> io::Result<Self> {
        let config = ServerConfig {
            agent_offset_ms,
            ..first.config.clone()
        };
        Self::agent(listener, config, Arc::clone(&first.store))
    }

    fn agent(listener: TcpListener, config: ServerConfig, store: Arc<Store>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let handle = Arc::new(Agent::new(config, store, listener.local_addr()?));
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self {
            accepting: tokio::spawn(accept(listener, Arc::clone(&handle))),
            handle,
        })
    }

    /// A handle that outlives this value, though not the serving.
    pub fn handle(&self) -> Handle {
        Arc::clone(&self.handle)
    }
}

impl Deref for Server {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
