//! Looks up the addresses of a host, each time on a thread of its own.
//!
//! The resolver of the system blocks, so it needs a thread. If the system gives none, the runtime
//! would panic. Here only the connection fails, as if the name server did not answer.

use std::io;
use std::net::ToSocketAddrs as _;
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// The system has no thread for the lookup.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot look up the host: no thread can be started ({0}); raise the limit on processes (ulimit -u, \
     or that of the container)"
)]
pub(super) struct NoThread(pub(super) io::Error);

/// Asks the resolver of the system.
#[derive(Debug)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, is_found) = oneshot::channel();
        let spawned = thread::Builder::new().name("lookup".into()).spawn(move || {
            // Nobody waits for it any more where the connection was given up.
            let _ = found.send((name.as_str(), 0).to_socket_addrs());
        });
        Box::pin(async move {
            spawned.map_err(NoThread)?;
            let addresses: Addrs = Box::new(is_found.await??);
            Ok(addresses)
        })
    }
}
