//! Accepts connections on a port of its own, for the small servers of the tests.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::listener;

/// Serves each connection on a thread of its own until this is dropped.
pub struct Acceptor {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Acceptor {
    /// `serve` is given the number of the connection, from 0 on, and what tells whether the test
    /// has ended.
    pub fn start<S>(serve: S) -> Self
    where
        S: Fn(usize, &TcpStream, &AtomicBool) -> std::io::Result<()> + Send + Sync + 'static,
    {
        let listener = listener();
        let acceptor = Self {
            address: listener.local_addr().expect("a bound socket"),
            ended: Arc::default(),
        };
        let ended = Arc::clone(&acceptor.ended);
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for number in 0.. {
                let Ok((client, _)) = listener.accept() else {
                    return;
                };
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (serve, ended) = (Arc::clone(&serve), Arc::clone(&ended));
                // A connection that breaks is for the test to judge.
                std::thread::spawn(move || drop(serve(number, &client, &ended)));
            }
        });
        acceptor
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL at which it accepts, with this scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/", self.address)
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}
