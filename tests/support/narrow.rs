//! A network that is slow: everything that servers send shares its few bytes a second.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::Acceptor;

/// How much goes through at once.
const PIECE: usize = 2048;
/// What lies on the way at most, about, for each connection.
const ON_THE_WAY: usize = 16 * 1024;

/// Passes on what a server sends, no faster than so many bytes a second in all.
pub struct NarrowNetwork {
    acceptor: Acceptor,
    shared: Arc<Shared>,
}

struct Shared {
    bytes_per_second: AtomicU32,
    /// When everything that is on the way will be through.
    is_free_at: Mutex<Instant>,
}

impl Shared {
    /// Waits as long as so many bytes take.
    fn wait(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let takes = Duration::from_secs(1) * bytes / self.bytes_per_second.load(Ordering::Relaxed);
        let through_at = {
            let mut is_free_at = self.is_free_at.lock().unwrap();
            *is_free_at = (*is_free_at).max(Instant::now()) + takes;
            *is_free_at
        };
        std::thread::sleep(through_at.saturating_duration_since(Instant::now()));
    }
}

impl NarrowNetwork {
    pub fn start(server: SocketAddr, bytes_per_second: u32) -> Self {
        let shared = Arc::new(Shared {
            bytes_per_second: AtomicU32::new(bytes_per_second),
            is_free_at: Mutex::new(Instant::now()),
        });
        let of_all = Arc::clone(&shared);
        let acceptor = Acceptor::start(move |_, client, _| pass(client, server, &of_all));
        Self { acceptor, shared }
    }

    /// From now on it is as fast as any.
    pub fn widen(&self) {
        self.shared
            .bytes_per_second
            .store(u32::MAX, Ordering::Relaxed);
    }

    pub fn url(&self) -> String {
        self.acceptor.url("http")
    }
}

fn pass(mut client: &TcpStream, server: SocketAddr, shared: &Shared) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    set_socket_recv_buffer_size(&server, ON_THE_WAY)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut piece = [0; PIECE];
    loop {
        let count = server.read(&mut piece)?;
        if count == 0 {
            return client.shutdown(Shutdown::Both);
        }
        shared.wait(count);
        client.write_all(&piece[..count])?;
    }
}
