//! What a server does with one connection, step by step.

use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::Request;

/// Holds a script back until the test opens it.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every script pass, those that come later too.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits a moment for the gate to open; whether it is.
    pub(super) fn wait(&self, moment: Duration) -> bool {
        let open = self.0.0.lock().unwrap();
        *self
            .0
            .1
            .wait_timeout_while(open, moment, |open| !*open)
            .unwrap()
            .0
    }
}

/// Makes a script of a request.
#[derive(Clone)]
pub(super) struct Choice(pub(super) Arc<dyn Fn(&Request) -> Script + Send + Sync>);

impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Choice")
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    ReadRequest,
    /// Sends the bytes as they are even where the rest goes out in HTTP chunks.
    SendUnframed(Vec<u8>),
    Send(Vec<u8>),
    SendInChunks(Vec<u8>, usize),
    Wait(Gate),
    Pause(Duration),
    /// Sends what the function makes of this number and those that follow, for as long as it is
    /// taken.
    Flood(u64, fn(u64) -> Vec<u8>),
    /// Goes on with the script that the request calls for.
    Choose(Choice),
    /// Sends the bytes again and again, with this pause.
    Every(Duration, Vec<u8>),
    /// Holds the connection open until the client or the test ends.
    Stall,
    Reset,
}

/// What a server does with one connection. Once the steps are done it is closed.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) steps: Vec<Step>,
    /// Whether what is sent goes out in HTTP chunks.
    pub(super) chunked: bool,
}

impl Script {
    /// Reads the request and answers nothing.
    pub fn silent() -> Self {
        Self {
            steps: vec![Step::ReadRequest],
            chunked: false,
        }
    }

    /// Reads the request and goes on with what another script does then; which one, the request
    /// decides. For servers that get requests in an order that is not settled.
    pub fn choosing(choose: impl Fn(&Request) -> Self + Send + Sync + 'static) -> Self {
        Self::silent().step(Step::Choose(Choice(Arc::new(choose))))
    }

    /// Reads the request and sends these bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::silent().step(Step::SendUnframed(bytes.into()))
    }

    /// An event stream that begins with `body`; it ends where the connection does.
    pub fn events(body: impl Into<Vec<u8>>) -> Self {
        Self::events_with(&[], body)
    }

    /// The same with more response headers.
    pub fn events_with(headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let mut all = vec![("Content-Type", "text/event-stream")];
        all.extend_from_slice(headers);
        Self::raw(head(200, &all)).send(body)
    }

    /// An event stream of a server whose clock says `date`.
    pub fn events_at(date: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::events_with(&[("Date", date)], body)
    }

    /// The same in HTTP chunks, one for each thing sent.
    pub fn chunked_events(body: impl Into<Vec<u8>>) -> Self {
        let mut script = Self::events_with(&[("Transfer-Encoding", "chunked")], "");
        script.chunked = true;
        script.send(body)
    }

    /// A complete answer.
    pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str()), ("Connection", "close")];
        all.extend_from_slice(headers);
        if status == 204 {
            all.remove(0);
        }
        Self::raw(head(status, &all)).send(body)
    }

    /// A complete answer without a body.
    pub fn status(status: u16) -> Self {
        Self::answer(status, &[], "")
    }

    /// Sends the client elsewhere.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::answer(status, &[("Location", location)], "")
    }

    pub fn send(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.steps.push(Step::Send(bytes));
        }
        self
    }

    /// Sends `size` bytes at a time, each as a packet of its own.
    pub fn send_in_chunks(self, bytes: impl Into<Vec<u8>>, size: usize) -> Self {
        let bytes = bytes.into();
        self.step(Step::SendInChunks(bytes, size))
    }

    /// Goes on with what another script does after it has read the request.
    pub fn then(mut self, other: Self) -> Self {
        self.steps.extend(other.steps.into_iter().skip(1));
        self
    }

    /// Goes on when the test opens the gate.
    pub fn wait_for(self, gate: &Gate) -> Self {
        self.step(Step::Wait(gate.clone()))
    }

    /// Lets time pass, where the pace of the server is what is tested.
    pub fn pause(self, pause: Duration) -> Self {
        self.step(Step::Pause(pause))
    }

    /// Sends what `make` makes of 0, 1, 2, … for as long as the client takes it.
    pub fn flood(self, make: fn(u64) -> Vec<u8>) -> Self {
        self.flood_from(0, make)
    }

    /// The same from this number on.
    pub fn flood_from(self, first: u64, make: fn(u64) -> Vec<u8>) -> Self {
        self.step(Step::Flood(first, make))
    }

    /// Sends heartbeats, with this pause between them, until the client goes away.
    pub fn heartbeats(self, pause: Duration) -> Self {
        self.step(Step::Every(pause, b":\n".to_vec()))
    }

    /// Holds the connection open until the client or the test ends.
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Ends the connection with a reset instead of an end.
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Ends a body sent in HTTP chunks as it should.
    pub fn end_of_chunks(self) -> Self {
        self.step(Step::SendUnframed(b"0\r\n\r\n".to_vec()))
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// The bytes as one HTTP chunk.
pub(super) fn in_chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn head(status: u16, headers: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head + "\r\n"
}

/// The id of the `number`th operation of a made-up log, all in the second 0x6b047e00 (2026).
pub fn operation_id(number: u64) -> String {
    format!("6b047e00686c822d{number:08x}")
}

/// An operation that inserts `video/NUMBER`, as the server sends it.
pub fn insert(number: u64) -> String {
    format!(
        "id: {}\nevent: insert\ndata: {{\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"{number}\"}}\n\n",
        operation_id(number)
    )
}

/// The number that [`operation_id`] or [`id_after`] has made this id of.
#[track_caller]
pub fn number_of(id: &str) -> u64 {
    id.get(8..)
        .and_then(|rest| rest.strip_prefix("686c822d"))
        .and_then(|number| u64::from_str_radix(number, 16).ok())
        .unwrap_or_else(|| panic!("no operation of the log: {id:?}"))
}

/// The id of the same operation, so many seconds later.
pub fn id_after(seconds: u64, number: u64) -> String {
    let later = format!("{:08x}", 0x6b04_7e00 + seconds);
    operation_id(number).replace("6b047e00", &later)
}

/// The same operation, so many seconds later.
pub fn insert_after(seconds: u64, number: u64) -> String {
    insert(number).replace(&operation_id(number), &id_after(seconds, number))
}

/// The same as bytes, for [`Script::flood`].
pub fn insert_numbered(number: u64) -> Vec<u8> {
    insert(number).into_bytes()
}

/// The state of `video/NAME` as a replication sends it, its id a time in milliseconds.
pub fn object_at(ms: u64, name: &str) -> String {
    format!(
        "id: {ms}\nevent: insert\ndata: {{\"timestamp\":\"2026-11-23T17:55:12Z\",\"parents\":[],\"type\":\"video\",\"id\":\"{name}\"}}\n\n"
    )
}
