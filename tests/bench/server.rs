//! The server that the program is measured against: a process of its own, which sends bytes that
//! it made ready beforehand, as fast as the socket takes them.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

use crate::process::Process;

/// The hidden argument that makes the bench the server.
pub const ARGUMENT: &str = "--serve";
/// Every operation is this long, in bytes, so that the first of them are found by counting.
pub const OPERATION: usize = 165;
/// When the first object changed, ms.
const FIRST_STATE_MS: u64 = 1_795_456_511_000;
/// How long a connection may stand still before the server lets go of it.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a server is kept.
const LONGEST_BENCH: Duration = Duration::from_hours(1);
/// The time between two operations that are sent one by one.
const PAUSE: Duration = Duration::from_millis(5);
/// As Go's HTTP server, on which the real one stands, cuts what it sends without a length.
const CHUNK: usize = 2 << 10;
/// The longest request that is taken, in bytes.
const LONGEST_REQUEST: u64 = 64 << 10;

/// Nanoseconds on the clock that all processes of a machine share.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let [seconds, nanoseconds] = [now.tv_sec, now.tv_nsec].map(i64::unsigned_abs);
    seconds * 1_000_000_000 + nanoseconds
}

/// A running server, seen from the bench. Ends with it.
pub struct Server {
    _process: Process,
    port: u16,
}

impl Server {
    /// Starts one that has `operations` ready to be sent.
    pub fn start(operations: usize) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args([ARGUMENT, &operations.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command, LONGEST_BENCH)?;
        let output = process.child().stdout.take();
        let mut line = String::new();
        BufReader::new(output.context("the server has no stdout")?).read_line(&mut line)?;
        let port = line.trim().parse().context("the server names no port")?;
        Ok(Self {
            _process: process,
            port,
        })
    }

    /// Where `count` operations come in a rush.
    pub fn rush(&self, count: usize) -> String {
        format!("http://127.0.0.1:{}/rush/{count}", self.port)
    }

    /// The same in small HTTP chunks.
    pub fn chunked(&self, count: usize) -> String {
        format!("http://127.0.0.1:{}/chunked/{count}", self.port)
    }

    /// Where every one of `count` objects comes, as after the operation id of second 1.
    pub fn objects(&self, count: usize) -> String {
        format!("http://127.0.0.1:{}/objects/{count}", self.port)
    }

    /// Where `count` operations come one by one, each with the time at which it was sent.
    pub fn single(&self, count: usize) -> String {
        format!("http://127.0.0.1:{}/single/{count}", self.port)
    }
}

/// Is the server: says its port on stdout, serves until stdin ends.
pub fn serve(operations: usize) -> anyhow::Result<()> {
    let body = Arc::new(Body::new(operations));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = Arc::clone(&body);
            // A client that has enough goes away in the middle; that is no error.
            std::thread::spawn(move || body.answer(stream));
        }
    });
    // The bench holds the other end: were it killed, this would end too.
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

struct Body {
    plain: Vec<u8>,
    chunked: Vec<u8>,
}

impl Body {
    fn new(operations: usize) -> Self {
        let plain: Vec<u8> = (0..operations as u64).flat_map(operation).collect();
        let mut chunked = Vec::with_capacity(plain.len() + plain.len() / 128);
        for chunk in plain.chunks(CHUNK) {
            chunked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            chunked.extend(chunk);
            chunked.extend(b"\r\n");
        }
        Self { plain, chunked }
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (path, last_event_id) = request(&stream)?;
        let mut parts = path.split('/').skip(1);
        let how = parts.next().unwrap_or_default();
        let count = parts.next().and_then(|count| count.parse().ok());
        let count: usize = count.ok_or(io::ErrorKind::InvalidInput)?;
        let framing = match how {
            "chunked" => "Transfer-Encoding: chunked",
            _ => "Connection: close",
        };
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        match how {
            "chunked" => {
                // Cut at the end of the whole body only, so any other count is rounded up.
                for _ in 0..count.div_ceil(self.plain.len() / OPERATION) {
                    stream.write_all(&self.chunked)?;
                }
                stream.write_all(b"0\r\n\r\n")?;
            }
            "single" => send_one_by_one(&mut stream, count)?,
            "objects" => {
                send_objects(&stream, count, &last_event_id)?;
                // The log goes on.
                io::copy(&mut stream, &mut io::sink())?;
            }
            _ => {
                let mut left = count * OPERATION;
                while left > 0 {
                    let now = left.min(self.plain.len());
                    stream.write_all(&self.plain[..now])?;
                    left -= now;
                }
            }
        }
        stream.shutdown(Shutdown::Write)?;
        // Closing before the client has read everything would take it away again.
        io::copy(&mut stream, &mut io::sink())?;
        Ok(())
    }
}

fn send_one_by_one(stream: &mut TcpStream, count: usize) -> io::Result<()> {
    for number in 0..count {
        if number > 0 {
            std::thread::sleep(PAUSE);
        }
        let id = 0x6b04_7e05_0000_0000_0000_0000_u128 + number as u128;
        let sent = monotonic_ns();
        let event = format!(
            "id: {id:024x}\nevent: update\ndata: {{\"timestamp\":\"2026-11-23T17:55:17.996Z\",\"parents\":[\"user/u1\"],\"type\":\"video\",\"id\":\"v1\",\"sent\":{sent}}}\n\n"
        );
        stream.write_all(event.as_bytes())?;
    }
    Ok(())
}

/// Sends states, `live`, and operations that are late enough for what the replication left out to
/// be fetched; after one of these operations only those that follow it.
fn send_objects(stream: &TcpStream, count: usize, last_event_id: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, stream);
    let is_resumed = last_event_id.starts_with("fb");
    let count = if is_resumed { 0 } else { count };
    for number in 0..count as u64 {
        let (ms, data) = (FIRST_STATE_MS + number / 10, object("x", number));
        write!(out, "id: {ms}\nevent: insert\ndata: {data}\n\n")?;
    }
    if !is_resumed {
        write!(out, "id: {FIRST_STATE_MS}\nevent: live\n\n")?;
    }
    for second in [0xfb04_7e00_u32, 0xfb04_7e10] {
        let id = format!("{second:08x}686c822d00000001");
        let data = object("later", 0);
        if !is_resumed || *id > *last_event_id {
            write!(out, "id: {id}\nevent: delete\ndata: {data}\n\n")?;
        }
    }
    // After the last operation nothing else shows that the server still has it.
    out.write_all(b":\n")?;
    out.flush()
}

/// The data of an object of this number.
pub fn object(letter: &str, number: u64) -> String {
    let (ms, user) = (number % 1000, number % 10_000);
    format!(
        "{{\"timestamp\":\"2026-11-23T17:55:17.{ms:03}Z\",\"parents\":[\"user/u{user:05}\"],\
         \"type\":\"video\",\"id\":\"{letter}{number:07}\",\
         \"ref\":\"http://api.example.com/video/{letter}{number:07}\"}}"
    )
}

/// The operation of this number.
pub fn operation(number: u64) -> Vec<u8> {
    let event = ["insert", "update", "delete"][usize::from((number % 3) as u8)];
    let id = 0x6b04_7e05_0000_0000_0000_0000_u128 + u128::from(number);
    let user = number % 10_000;
    let mut bytes = format!(
        "id: {id:024x}\nevent: {event}\ndata: {{\"timestamp\":\"2026-11-23T17:55:17.{:03}-08:00\",\"parents\":[\"user/u{user:05}\"],\"type\":\"video\",\"id\":\"x{number:07}",
        number % 1000
    )
    .into_bytes();
    // The digits of the object's id take up what is left.
    let end = b"\"}\n\n";
    bytes.resize(OPERATION - end.len(), b'z');
    bytes.extend(end);
    bytes
}

/// Reads a request and returns what it asks for, and after which id.
fn request(stream: &TcpStream) -> io::Result<(String, String)> {
    let mut reader = BufReader::new(stream.take(LONGEST_REQUEST));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    let mut last_event_id = String::new();
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("last-event-id")
        {
            value.trim().clone_into(&mut last_event_id);
        }
        line.clear();
    }
    let path = first.split(' ').nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    Ok((path.to_owned(), last_event_id))
}
