//! The connection is cut at every byte of a replication and the operations that follow it.

use std::collections::{HashMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use oplog_tail::consumer::Delivery;
use oplog_tail::oplog::Position;
use oplog_tail::server::model::{Filter, Model, ModelConfig, Polled, Subscription};
use oplog_tail::server::object::Change;
use serde_json::Value;

use crate::in_process::Follower;
use crate::support::{PATIENCE, Tail, at_once, events, listener, runtime};

/// When the log begins; its operations are 170 ms apart, so that a second holds several.
const BEGINNING_MS: u64 = 1_795_456_500_000;
const STEP_MS: u64 = 170;
/// The server's clock, in the middle of it: nothing comes late enough for a third connection, that
/// fetches what the replication has left out.
const NOW: &str = "Mon, 23 Nov 2026 17:55:03 GMT";
/// How many offsets lie between two that are also tried on the program itself. A prime, so that
/// all parts of an event are met.
const STRIDE: usize = 97;

/// How a connection ends where it is cut.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As if the body ended there.
    End,
    /// With a reset.
    Reset,
    /// In HTTP chunks, of which the last is cut short or the closing one is missing.
    Chunk,
}

/// A record in the order and the words of an uninterrupted stream.
#[derive(Clone, Debug, PartialEq)]
struct Record {
    id: String,
    event: String,
    data: String,
}

impl Record {
    fn is_deletion(&self) -> bool {
        self.event == "delete"
    }

    fn second(&self) -> u64 {
        self.id.parse::<Position>().map_or(0, Position::second)
    }

    fn has_operation_id(&self) -> bool {
        self.id.len() == 24
    }
}

/// A store, and the operations that are appended to it once a stream has caught up with it.
struct Log {
    model: Model,
    later: VecDeque<(Change, u64)>,
}

impl Log {
    fn new() -> Self {
        let mut model = Model::new(ModelConfig {
            lossy: false,
            ..ModelConfig::default()
        });
        let mut now = BEGINNING_MS;
        let mut at = || {
            now += STEP_MS;
            now
        };
        for number in 0..18 {
            let change = Change::insert("video", &format!("v{number}")).parents(["user/ü1"]);
            model.append(&change, at());
        }
        let later = (0..14).map(|number| {
            let id = format!("v{number}");
            let change = match number % 3 {
                0 => Change::delete("video", &id),
                1 => Change::update("video", &id).parents(["user/u1", "user/u2"]),
                _ => Change::insert("video", &format!("new{number}")),
            };
            (change, at())
        });
        Self {
            later: later.collect(),
            model,
        }
    }

    fn subscribe(&mut self, last_event_id: Option<&str>) -> Subscription {
        let filter = Filter::default();
        self.model.subscribe(last_event_id, filter).unwrap()
    }

    /// The next events of a stream; `None` when there will be no more.
    fn next_piece(&mut self, subscription: &Subscription) -> Option<Vec<u8>> {
        loop {
            let mut piece = Vec::new();
            let polled = self.model.poll(subscription, &mut piece);
            if !piece.is_empty() {
                return Some(piece);
            }
            if polled == Polled::Waiting {
                let (change, at) = self.later.pop_front()?;
                self.model.append(&change, at);
            }
        }
    }

    /// What is sent to `socket`: the stream after `last_event_id`, cut after that many bytes.
    fn serve(
        &mut self,
        socket: &mut impl std::io::Write,
        last_event_id: Option<&str>,
        chunked: bool,
        cut: usize,
    ) -> std::io::Result<()> {
        let mut left = cut;
        let subscription = self.subscribe(last_event_id);
        while left > 0 {
            let Some(mut piece) = self.next_piece(&subscription) else {
                break;
            };
            if chunked {
                let length = format!("{:x}\r\n", piece.len());
                piece.splice(0..0, length.into_bytes());
                piece.extend_from_slice(b"\r\n");
            }
            let part = &piece[..piece.len().min(left)];
            socket.write_all(part)?;
            left -= part.len();
        }
        Ok(())
    }
}

/// The uninterrupted stream.
fn whole(chunked: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut log = Log::new();
    log.serve(&mut bytes, Some("0"), chunked, usize::MAX)
        .unwrap();
    bytes
}

fn records(body: &[u8]) -> Vec<Record> {
    events(body)
        .into_iter()
        .map(|event| Record {
            id: event.id,
            event: event.name,
            data: event.data.unwrap_or_default(),
        })
        .collect()
}

/// Serves two connections for each cut that comes: one that is cut there, one that is not.
struct CutServer {
    url: String,
    cuts: Sender<(Way, usize)>,
}

impl CutServer {
    fn start() -> Self {
        let listener = listener();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (cuts, receiver) = channel();
        std::thread::spawn(move || {
            if let Err(error) = serve(&listener, &receiver) {
                // The test sees a stream that does not go on.
                eprintln!("the server: {error}");
            }
        });
        Self { url, cuts }
    }
}

fn serve(listener: &TcpListener, cuts: &Receiver<(Way, usize)>) -> std::io::Result<()> {
    while let Ok((way, cut)) = cuts.recv() {
        let mut log = Log::new();
        let chunked = matches!(way, Way::Chunk);
        let (mut first, last_event_id) = answer(listener, chunked)?;
        log.serve(&mut first, last_event_id.as_deref(), chunked, cut)?;
        if let Way::Reset = way {
            rustix::net::sockopt::set_socket_linger(&first, Some(Duration::ZERO))?;
        }
        drop(first);
        let (mut second, last_event_id) = answer(listener, chunked)?;
        log.serve(&mut second, last_event_id.as_deref(), chunked, usize::MAX)?;
        // Held open until the client has what it waits for.
        let _ = second.read(&mut [0; 1]);
    }
    Ok(())
}

/// Takes a request in and answers with a head; returns the position that was asked for.
fn answer(listener: &TcpListener, chunked: bool) -> std::io::Result<(TcpStream, Option<String>)> {
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..count]);
    }
    let coding = if chunked {
        "Transfer-Encoding: chunked\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nDate: {NOW}\r\nContent-Type: text/event-stream\r\n{coding}\r\n"
    );
    socket.write_all(head.as_bytes())?;
    let request = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let last_event_id = request
        .lines()
        .find_map(|line| line.strip_prefix("last-event-id: "));
    Ok((socket, last_event_id.map(str::to_owned)))
}

/// What must hold for what came over both connections; `lost_at` is how much of it came over the
/// first one. Tells what does not.
fn check(whole: &[Record], came: &[Record], lost_at: usize) -> Result<(), String> {
    let expected: HashMap<(&str, bool), &Record> = whole
        .iter()
        .map(|record| ((record.data.as_str(), record.is_deletion()), record))
        .collect();
    let mut times: HashMap<(&str, bool), usize> = HashMap::new();
    let interrupted = came[..lost_at].last().map_or(0, Record::second);
    let mut newest = "";
    for (index, record) in came.iter().enumerate() {
        if matches!(record.event.as_str(), "reset" | "live") {
            if !record.data.is_empty() || (record.event == "reset") != (index == 0) {
                return Err(format!("{record:?} at {index}"));
            }
            continue;
        }
        let key = (record.data.as_str(), record.is_deletion());
        let known = expected
            .get(&key)
            .ok_or(format!("nobody sent {record:?}"))?;
        let count = times.entry(key).or_default();
        *count += 1;
        if record.has_operation_id() {
            if record != *known || record.id.as_str() <= newest {
                return Err(format!("{record:?} instead of {known:?}, after {newest}"));
            }
            newest = &record.id;
        }
        // The second in which the first connection ended is all that may come again.
        let again = *count == 2 && index >= lost_at && record.second() == interrupted;
        if *count > 1 && !again {
            return Err(format!("{record:?} came {count} times"));
        }
    }
    let mut wanted = expected.keys().filter(|key| !key.0.is_empty());
    if let Some(lost) = wanted.find(|key| !times.contains_key(*key)) {
        return Err(format!("{lost:?} never came"));
    }
    if !came.iter().any(|record| record.event == "live") {
        return Err("no live".into());
    }
    Ok(())
}

fn at_every_byte(way: Way) {
    let chunked = matches!(way, Way::Chunk);
    let expected = records(&whole(false));
    assert!(expected.len() >= 30, "{} events", expected.len());
    let last = &expected.last().unwrap().id;
    let server = CutServer::start();
    let runtime = runtime();
    // Cut within the line end after the last chunk, nothing would be missing.
    let end = whole(chunked).len() - if chunked { 2 } else { 0 };
    for cut in 0..end {
        server.cuts.send((way, cut)).unwrap();
        let (came, lost_at) = runtime.block_on(async {
            let mut follower = Follower::new(&server.url, 3, None, Position::FULL_REPLICATION);
            let mut came: Vec<Record> = Vec::new();
            while came.last().is_none_or(|record| record.id != *last) {
                let next = tokio::time::timeout(PATIENCE, follower.next()).await;
                let next = next.unwrap_or_else(|_| panic!("{way:?} at {cut}: nothing comes"));
                let Delivery::Operation(operation) = next.unwrap() else {
                    panic!("{way:?} at {cut}: corrupt");
                };
                came.push(Record {
                    id: operation.id().to_owned(),
                    event: operation.event().name().to_owned(),
                    data: operation.data().to_owned(),
                });
            }
            let received = came.len();
            (came, follower.lost_at().unwrap_or(received))
        });
        if let Err(wrong) = check(&expected, &came, lost_at) {
            panic!("{way:?} at {cut}, lost at {lost_at}: {wrong}\n{came:#?}");
        }
    }
}

#[test]
fn at_every_byte_by_its_end() {
    at_every_byte(Way::End);
}

#[test]
fn at_every_byte_by_a_reset() {
    at_every_byte(Way::Reset);
}

#[test]
fn at_every_byte_within_chunks() {
    at_every_byte(Way::Chunk);
}

#[test]
fn through_the_program() {
    let expected = records(&whole(false));
    let last = &expected.last().unwrap().id;
    let cuts: Vec<_> = (0..whole(false).len()).step_by(STRIDE).collect();
    // A few at a time: each is a process and two connections.
    for some in cuts.chunks(8) {
        at_once(some, |cut| {
            let server = CutServer::start();
            server.cuts.send((Way::End, *cut)).unwrap();
            let url = server.url.as_str();
            let mut run = Tail::url(url)
                .args(["--url", url, "--url", url, "--start-id", "0"])
                .spawn();
            run.wait_for_line(|line| line.contains(last));
            let stderr = run.wait_for_stderr("trying");
            run.signal(rustix::process::Signal::TERM);
            let finished = run.wait().exit(0);
            let came: Vec<Record> = finished.stdout_lines().iter().map(|l| record(l)).collect();
            // The program does not tell where it stood, so any cut may explain a repetition.
            let wrong = (0..=came.len()).map(|lost_at| check(&expected, &came, lost_at));
            if let Some(wrong) = wrong.reduce(Result::or).unwrap().err() {
                panic!("at {cut}: {wrong}\n{came:#?}\n{stderr}");
            }
        });
    }
}

/// What a JSON line says.
fn record(line: &str) -> Record {
    let value: Value = serde_json::from_str(line).expect("a JSON line");
    let text = |name: &str| value[name].as_str().expect("a string").to_owned();
    let data = line.split_once(r#","data":"#).map(|(_, rest)| {
        let data = rest.strip_suffix('}').expect("the end of the object");
        data.to_owned()
    });
    Record {
        id: text("id"),
        event: text("event"),
        data: data.unwrap_or_default(),
    }
}
