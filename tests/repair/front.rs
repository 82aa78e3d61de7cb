//! Stands before the server and decides what becomes of each new connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on to the server.
    Served,
    /// It is closed before a word is said.
    Closed,
    /// Its request is answered with this status.
    Refused(u16),
    /// It is passed on until so many bytes of the answer have come.
    CutAfter(usize),
    /// It is passed on, but the answer only from when the gate is opened, a few bytes at a time.
    Slow(Gate),
}

/// Holds the answers of slow connections back.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn passed(&self) {
        let mut gate = self.0.subscribe();
        let _ = gate.wait_for(|open| *open).await;
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}

#[derive(Debug, Default)]
struct Plan {
    /// Of the connections to come. After them, every connection is served.
    fates: VecDeque<Fate>,
    /// How many connections came.
    count: usize,
    /// How many of them have ended.
    ended: usize,
}

pub struct Front {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    accepting: JoinHandle<()>,
}

impl Front {
    /// Stands before the server of this address. Must be called within a runtime.
    pub fn of(server: SocketAddr) -> Self {
        let listener = crate::support::listener();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let plan = Arc::<Mutex<Plan>>::default();
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&plan)));
        Self {
            address,
            plan,
            accepting,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What becomes of the next connections.
    pub fn expect(&self, fates: impl IntoIterator<Item = Fate>) {
        self.plan.lock().unwrap().fates = fates.into_iter().collect();
    }

    /// How many connections stand.
    pub fn standing(&self) -> usize {
        let plan = self.plan.lock().unwrap();
        plan.count - plan.ended
    }

    /// How many connections came so far.
    pub fn count(&self) -> usize {
        self.plan.lock().unwrap().count
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, plan: Arc<Mutex<Plan>>) {
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        let fate = {
            let mut plan = plan.lock().unwrap();
            plan.count += 1;
            plan.fates.pop_front().unwrap_or(Fate::Served)
        };
        // A client that goes away ends its connection, which is for the test to judge.
        let plan = Arc::clone(&plan);
        connections.spawn(async move {
            drop(play(client, server, fate).await);
            plan.lock().unwrap().ended += 1;
        });
    }
}

async fn play(mut client: TcpStream, server: SocketAddr, fate: Fate) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (mut left, piece) = match &fate {
        Fate::Closed => return Ok(()),
        Fate::Refused(status) => {
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await?;
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
            return client.write_all(answer.as_bytes()).await;
        }
        Fate::CutAfter(bytes) => (*bytes, 4096),
        Fate::Served => (usize::MAX, 4096),
        Fate::Slow(_) => (usize::MAX, 16),
    };
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (mut request, mut answer) = ([0; 4096], [0; 4096]);
    while left > 0 {
        let piece = piece.min(left);
        tokio::select! {
            read = client.read(&mut request) => match read? {
                0 => return Ok(()),
                length => server.write_all(&request[..length]).await?,
            },
            read = server.read(&mut answer[..piece]) => match read? {
                0 => return Ok(()),
                length => {
                    if let Fate::Slow(gate) = &fate {
                        gate.passed().await;
                        tokio::task::yield_now().await;
                    }
                    client.write_all(&answer[..length]).await?;
                    left -= length;
                }
            },
        }
    }
    Ok(())
}
