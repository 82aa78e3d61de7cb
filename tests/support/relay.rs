//! Stands between the program and a server, and interrupts the first connection at an event.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Acceptor, Gate, PATIENCE};

/// How long a waiting connection goes on before it looks whether the test has ended.
const MOMENT: Duration = Duration::from_millis(20);

/// How much of the next event still comes through, if it is there: half an event is none.
const HALF_AN_EVENT: usize = 9;

/// What becomes of the first connection once so many events have come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    Cut,
    /// Nothing more comes, though the connection stays.
    Hold,
}

/// Passes on what a server sends, in pieces as they come. Later connections wait until the test
/// lets them through.
pub struct Relay {
    acceptor: Acceptor,
    reached: Gate,
    later: Gate,
}

impl Relay {
    pub fn start(server: SocketAddr, events: usize, interruption: Interruption) -> Self {
        let (reached, later) = (Gate::new(), Gate::new());
        let (is_reached, lets_through) = (reached.clone(), later.clone());
        let acceptor = Acceptor::start(move |number, client, ended| {
            if number == 0 {
                let server = open(client, server)?;
                pass_events(&server, client, events)?;
                is_reached.open();
                while interruption == Interruption::Hold && !ended.load(Ordering::Relaxed) {
                    std::thread::sleep(MOMENT);
                }
                let _ = client.shutdown(Shutdown::Both);
                return server.shutdown(Shutdown::Both);
            }
            while !lets_through.wait(MOMENT) {
                if ended.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            copy(&open(client, server)?, client);
            Ok(())
        });
        Self {
            acceptor,
            reached,
            later,
        }
    }

    pub fn url(&self) -> String {
        self.acceptor.url("http")
    }

    /// Waits until all that should come through the first connection has.
    #[track_caller]
    pub fn wait_until_interrupted(&self) {
        assert!(self.reached.wait(PATIENCE), "too few events came");
    }

    /// Lets later connections through.
    pub fn go_on(&self) {
        self.later.open();
    }
}

/// Connects to the server and passes on what the client says.
fn open(client: &TcpStream, server: SocketAddr) -> std::io::Result<TcpStream> {
    let server = TcpStream::connect(server)?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || copy(&from, &to));
    Ok(server)
}

/// Copies until the end of `from`, then ends both.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Passes the head of the answer on and so many events. An empty line ends each; in the framing
/// around them there is none with line feeds only.
fn pass_events(mut from: &TcpStream, mut to: &TcpStream, events: usize) -> std::io::Result<()> {
    let mut passed: Vec<u8> = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let new = passed.len();
        passed.extend_from_slice(&buffer[..count]);
        if let Some(end) = end_of(&passed, events) {
            let end = passed.len().min(end + HALF_AN_EVENT);
            return to.write_all(&passed[new..end]);
        }
        to.write_all(&buffer[..count])?;
    }
}

/// Where the head and so many events end.
pub fn end_of(bytes: &[u8], events: usize) -> Option<usize> {
    let find = |from: usize, mark: &[u8]| {
        let rest = &bytes[from..];
        let at = rest.windows(mark.len()).position(|part| part == mark)?;
        Some(from + at + mark.len())
    };
    (0..events).try_fold(find(0, b"\r\n\r\n")?, |end, _| find(end, b"\n\n"))
}
