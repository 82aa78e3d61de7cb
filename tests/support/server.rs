//! A server on a raw socket that plays a script for each connection.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::script::{Choice, Step, in_chunk};
use super::{Authority, PATIENCE, Script};

/// How long a blocked step goes on before it looks whether the test has ended.
const MOMENT: Duration = Duration::from_millis(20);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query; a whole URL at a proxy.
    pub target: String,
    /// In the order and the spelling they came in.
    pub headers: Vec<(String, String)>,
    /// The request line and the headers, as sent.
    pub raw: String,
}

impl Request {
    fn parse(raw: String) -> Self {
        let mut lines = raw.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target) = (word(), word());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self {
            method,
            target,
            headers,
            raw,
        }
    }

    /// Every value of this header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|header| header.0.eq_ignore_ascii_case(name))
            .map(|header| header.1.as_str())
            .collect()
    }

    /// The value of this header, which must not be there twice.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} is there twice:\n{}", self.raw);
        values.first().copied()
    }

    /// Where it asks to start.
    #[track_caller]
    pub fn last_event_id(&self) -> Option<&str> {
        self.header("Last-Event-ID")
    }

    /// It asks for what comes after this position.
    #[track_caller]
    pub fn asks_after(&self, position: &str) {
        assert_eq!(self.last_event_id(), Some(position));
    }
}

/// What becomes of connections after the last script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLast {
    /// They are answered 404, which ends the program: none was expected.
    NotExpected,
    /// The last script is played again.
    Repeat,
    /// Nothing listens any more from the moment the last script begins.
    Refuse,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    changed: Condvar,
    ended: AtomicBool,
}

/// A server that plays a script for each connection, in the order they come.
pub struct ScriptServer {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

impl ScriptServer {
    /// Plays these scripts; a connection more is answered 404.
    pub fn start(scripts: impl Into<Vec<Script>>) -> Self {
        Self::with(scripts, AfterLast::NotExpected)
    }

    /// Plays the same script for every connection.
    pub fn repeating(script: Script) -> Self {
        Self::with([script], AfterLast::Repeat)
    }

    /// Plays these scripts, then goes on like this.
    pub fn with(scripts: impl Into<Vec<Script>>, after: AfterLast) -> Self {
        Self::open(listener(), scripts.into(), after, None)
    }

    /// Plays these scripts on a listener whose address was needed before.
    pub fn on(listener: TcpListener, scripts: impl Into<Vec<Script>>) -> Self {
        Self::open(listener, scripts.into(), AfterLast::NotExpected, None)
    }

    /// Plays these scripts over TLS, with a certificate of this authority.
    pub fn tls(scripts: impl Into<Vec<Script>>, authority: &Authority) -> Self {
        Self::tls_with(scripts, authority.server_config())
    }

    /// Plays these scripts over TLS set up like this.
    pub fn tls_with(scripts: impl Into<Vec<Script>>, config: Arc<rustls::ServerConfig>) -> Self {
        Self::open(
            listener(),
            scripts.into(),
            AfterLast::NotExpected,
            Some(config),
        )
    }

    fn open(
        listener: TcpListener,
        scripts: Vec<Script>,
        after: AfterLast,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let address = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let to_thread = Arc::clone(&shared);
        std::thread::spawn(move || accept(listener, scripts, after, &to_thread, tls.as_ref()));
        Self {
            address,
            scheme,
            shared,
        }
    }

    /// `http://127.0.0.1:PORT/` or the same with `https`.
    pub fn url(&self) -> String {
        self.url_as("")
    }

    /// The URL with these credentials, such as `:pw@`.
    pub fn url_as(&self, credentials: &str) -> String {
        format!("{}://{credentials}{}/", self.scheme, self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until that many requests came.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        let (requests, _) = self
            .shared
            .changed
            .wait_timeout_while(requests, PATIENCE, |requests| requests.len() < count)
            .unwrap();
        assert!(
            requests.len() >= count,
            "{count} requests expected, {} came: {requests:#?}",
            requests.len()
        );
        requests.clone()
    }

    /// The only request that came.
    #[track_caller]
    pub fn request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests[0].clone()
    }
}

impl Drop for ScriptServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(
    listener: TcpListener,
    scripts: Vec<Script>,
    after: AfterLast,
    shared: &Arc<Shared>,
    tls: Option<&Arc<rustls::ServerConfig>>,
) {
    let mut scripts = VecDeque::from(scripts);
    let mut listening = Some(listener);
    while let Some(listener) = &listening {
        let Ok((stream, _)) = listener.accept() else {
            return;
        };
        if shared.ended.load(Ordering::Relaxed) {
            return;
        }
        let script = match after {
            AfterLast::Repeat if scripts.len() == 1 => scripts.front().cloned(),
            _ => scripts.pop_front(),
        };
        let script = script.unwrap_or_else(|| Script::answer(404, &[], "not in the script"));
        if scripts.is_empty() && after == AfterLast::Refuse {
            // Before the last script is played: who has seen its answer is refused for certain.
            listening = None;
        }
        let shared = Arc::clone(shared);
        let tls = tls.cloned();
        std::thread::spawn(move || {
            // A client that goes away early ends the script, which is for the test to judge.
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(MOMENT));
            let _ = stream.set_write_timeout(Some(MOMENT));
            let _ = match tls {
                None => play(&mut &stream, &stream, &script, &shared),
                Some(config) => rustls::ServerConnection::new(config)
                    .map_err(std::io::Error::other)
                    .and_then(|connection| {
                        let mut wire = rustls::StreamOwned::new(connection, &stream);
                        if let Err(error) = play(&mut wire, &stream, &script, &shared) {
                            end_after_alert(&stream, &shared);
                            return Err(error);
                        }
                        wire.conn.send_close_notify();
                        wire.flush()
                    }),
            };
        });
    }
}

/// Plays a script over `wire`, which runs over `socket`.
fn play<W: Read + Write>(
    wire: &mut W,
    socket: &TcpStream,
    script: &Script,
    shared: &Shared,
) -> std::io::Result<()> {
    let frame = |bytes: &[u8]| {
        if script.chunked {
            in_chunk(bytes)
        } else {
            bytes.to_vec()
        }
    };
    let mut asked = None;
    for step in &script.steps {
        match step {
            Step::ReadRequest => {
                let request = Request::parse(read_head(wire, shared)?);
                shared.requests.lock().unwrap().push(request.clone());
                asked = Some(request);
                shared.changed.notify_all();
            }
            Step::Choose(Choice(choose)) => {
                let mut chosen = choose(asked.as_ref().expect("a request"));
                chosen.steps.remove(0);
                play(wire, socket, &chosen, shared)?;
            }
            Step::SendUnframed(bytes) => send(wire, bytes, shared)?,
            Step::Send(bytes) => send(wire, &frame(bytes), shared)?,
            Step::SendInChunks(bytes, size) => {
                for chunk in bytes.chunks(*size) {
                    send(wire, &frame(chunk), shared)?;
                }
            }
            Step::Wait(gate) => {
                while !gate.wait(MOMENT) {
                    still_needed(shared)?;
                }
            }
            Step::Pause(pause) => std::thread::sleep(*pause),
            Step::Flood(first, make) => {
                for start in (*first..).step_by(64) {
                    let block: Vec<u8> = (start..start + 64).flat_map(make).collect();
                    send(wire, &frame(&block), shared)?;
                }
            }
            Step::Every(pause, bytes) => loop {
                send(wire, &frame(bytes), shared)?;
                std::thread::sleep(*pause);
            },
            Step::Stall => while read(wire, &mut [0; 64], shared)? > 0 {},
            Step::Reset => {
                rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO))?;
            }
        }
    }
    Ok(())
}

/// Lets the client read the alert: a socket that is closed with something unread is reset.
fn end_after_alert(mut socket: &TcpStream, shared: &Shared) {
    let _ = socket.shutdown(std::net::Shutdown::Write);
    while read(&mut socket, &mut [0; 512], shared).is_ok_and(|count| count > 0) {}
}

fn still_needed(shared: &Shared) -> std::io::Result<()> {
    if shared.ended.load(Ordering::Relaxed) {
        return Err(ErrorKind::ConnectionAborted.into());
    }
    Ok(())
}

fn timed_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn read(wire: &mut impl Read, buffer: &mut [u8], shared: &Shared) -> std::io::Result<usize> {
    loop {
        match wire.read(buffer) {
            Err(error) if timed_out(&error) => still_needed(shared)?,
            result => return result,
        }
    }
}

fn send(wire: &mut impl Write, mut bytes: &[u8], shared: &Shared) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match wire.write(bytes) {
            Err(error) if timed_out(&error) => still_needed(shared)?,
            Err(error) => return Err(error),
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
        }
    }
    wire.flush()
}

/// Reads up to the empty line, without it.
fn read_head(wire: &mut impl Read, shared: &Shared) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if read(wire, &mut byte, shared)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    head.truncate(head.len() - 4);
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A listener on a free port of the loopback interface.
pub fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")
}

/// A URL of this machine at which nothing listens.
///
/// The port stays bound until the test program ends, so that no other test can get it.
pub fn closed_port() -> String {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let address = getsockname(&socket).expect("a bound socket");
    let address = SocketAddr::try_from(address).expect("an internet address");
    std::mem::forget(socket);
    format!("http://{address}/")
}
