//! Stdout that is full, gone, or not read.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{
    Gate, Running, Script, ScriptServer, State, Tail, at_once, insert, insert_numbered, listener,
    number_of, operation_id,
};

/// A second is promised; a loaded machine may add some.
const IN_TIME: Duration = Duration::from_secs(4);

#[test]
#[cfg(target_os = "linux")]
fn a_full_one_is_an_error_and_nothing_is_acknowledged() {
    for ack in ["auto", "stdin"] {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        let full = File::options().write(true).open("/dev/full").unwrap();
        Tail::url(server.url())
            .args(["--ack", ack])
            .state(state.path())
            .stdin_piped()
            .stdout_to(full)
            .run()
            .exit(1)
            .stderr_is_prefixed()
            .stderr_has("cannot write to stdout: No space left");
        state.is(&operation_id(1));
    }
}

/// The runtime opens `/dev/null` in its place, which is no place for records unless it was asked
/// for, also for reading and writing as some parents do.
#[test]
#[cfg(target_os = "linux")]
fn a_closed_one_is_an_error_and_nothing_is_acknowledged() {
    for (redirection, status, position) in
        [(">&-", 1, 1), (">/dev/null", 0, 2), ("1<>/dev/null", 0, 2)]
    {
        let state = State::holding(operation_id(1));
        let server = ScriptServer::start([Script::events(insert(2)).stall()]);
        let script = format!("exec \"$@\" {redirection}");
        let finished = Tail::of("/bin/sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_oplog-tail")])
            .args(["-n", "1", "--url", &server.url()])
            .state(state.path())
            .run()
            .exit(status);
        if status == 0 {
            finished.stderr_is_empty();
        } else {
            finished.stderr_has("cannot write to stdout: it is closed");
            assert!(server.requests().is_empty());
        }
        state.is(&operation_id(position));
    }
}

#[test]
fn a_reader_that_is_gone_before_the_first_line_ends_it_quietly() {
    let state = State::holding(operation_id(1));
    for body in [insert(2), String::new()] {
        let server = ScriptServer::start([Script::events(body).stall()]);
        let mut run = Tail::url(server.url()).state(state.path()).spawn();
        run.close_stdout();
        run.wait().exit(0).stderr_is_empty();
        state.is(&operation_id(1));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_reader_that_stops_for_longer_than_every_timeout() {
    // The server sends more than is taken. Each connection goes on after the operation that it asks
    // for: one made after the pause, or one that only asks whether something was skipped.
    let server = ScriptServer::repeating(Script::choosing(|request| {
        let last = number_of(request.last_event_id().unwrap());
        let more = (last + 1..last + 60_000).map(insert);
        Script::events(more.collect::<String>()).stall()
    }));
    let state = State::holding(operation_id(0));
    let mut run = Tail::url(server.url())
        .args(["--read-timeout", "2s", "--connect-timeout", "2s"])
        .args(["--until-idle", "2s", "--retries", "0"])
        .state(state.path())
        .spawn();
    run.read_lines(1_000);
    run.wait_until_stdout_is_full();
    let before = run.memory_kib("VmRSS");
    // What is tested is that time passes.
    std::thread::sleep(Duration::from_secs(3));
    assert!(run.is_running());
    let after = run.memory_kib("VmRSS");
    assert!(after <= before + 1024, "{before} KiB, then {after} KiB");
    for (number, line) in (1_001..).zip(run.read_lines(20_000)) {
        assert!(line.contains(&operation_id(number)), "{line}");
    }
    run.close_stdout();
    // A stop condition was asked for and not met.
    run.wait()
        .exit(1)
        .stderr_lacks("trying")
        .stderr_lacks("silent");
    // What the server skipped in so long a pause only a new request tells.
    assert!(server.requests().len() > 1);
}

/// The side of a reader and the side of the program.
type Ends = (Box<dyn Reader>, OwnedFd);

/// Where a reader reads.
trait Reader: Read + Send {}
impl<T: Read + Send> Reader for T {}

fn of_pipe() -> Ends {
    let (reader, writer) = std::io::pipe().unwrap();
    (Box::new(reader), writer.into())
}

fn of_fifo() -> Ends {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &path,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    let path_of_reader = path.clone();
    let reader = std::thread::spawn(move || File::open(path_of_reader).unwrap());
    let writer = File::options().write(true).open(path).unwrap();
    (Box::new(reader.join().unwrap()), writer.into())
}

fn of_local_socket() -> Ends {
    let (reader, writer) = UnixStream::pair().unwrap();
    (Box::new(reader), writer.into())
}

fn over_tcp() -> (TcpStream, TcpStream) {
    let listener = listener();
    let writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, writer)
}

/// A connection that its reader resets.
fn of_tcp() -> Ends {
    let (reader, writer) = over_tcp();
    set_socket_linger(&reader, Some(Duration::ZERO)).unwrap();
    (Box::new(reader), writer.into())
}

/// A terminal that nobody is logged in on, so that no signal tells of its end.
fn of_terminal() -> Ends {
    // No child may inherit either side.
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let front = openpt(flags).unwrap();
    grantpt(&front).unwrap();
    unlockpt(&front).unwrap();
    let name = ptsname(&front, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let back = rustix::fs::open(&*name, flags, rustix::fs::Mode::empty()).unwrap();
    (Box::new(File::from(front)), back)
}

const KINDS: [fn() -> Ends; 5] = [of_pipe, of_fifo, of_local_socket, of_tcp, of_terminal];

/// A run whose first line has been read.
fn begun(
    server: &ScriptServer,
    state: &State,
    ends: Ends,
) -> (BufReader<Box<dyn Reader>>, Running) {
    let run = Tail::url(server.url())
        .args(["-o", "json"])
        .state(state.path())
        .stdout_to(ends.1)
        .spawn();
    let mut reader = BufReader::new(ends.0);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains(&operation_id(1)), "{line}");
    (reader, run)
}

/// The reader goes away: the run ends quietly and soon.
#[track_caller]
fn hangs_up<R>((reader, run): (R, Running)) {
    drop(reader);
    let gone = Instant::now();
    run.wait().exit(0).stderr_is_empty();
    assert!(gone.elapsed() < IN_TIME, "{:?}", gone.elapsed());
}

#[test]
fn a_reader_that_hangs_up_while_nothing_happens_ends_it_quietly() {
    at_once(KINDS, |kind| {
        let (server, state) = (
            ScriptServer::start([Script::events(insert(1)).stall()]),
            State::holding(operation_id(0)),
        );
        hangs_up(begun(&server, &state, kind()));
        state.is(&operation_id(1));
    });
}

#[test]
fn a_reader_that_hangs_up_while_more_comes_than_it_takes_ends_it_quietly() {
    at_once(KINDS, |kind| {
        let (server, state) = (
            ScriptServer::start([Script::events("").flood(|number| insert_numbered(number + 1))]),
            State::holding(operation_id(0)),
        );
        hangs_up(begun(&server, &state, kind()));
    });
}

/// Whoever only reads may say at once that nothing will be sent to the program.
#[test]
fn a_socket_that_is_half_closed_is_still_read() {
    let local = || {
        let (reader, writer) = UnixStream::pair().unwrap();
        reader.shutdown(Shutdown::Write).unwrap();
        (Box::new(reader) as Box<dyn Reader>, writer.into())
    };
    let tcp = || {
        let (reader, writer) = over_tcp();
        reader.shutdown(Shutdown::Write).unwrap();
        (Box::new(reader) as Box<dyn Reader>, writer.into())
    };
    let kinds: [fn() -> Ends; 2] = [local, tcp];
    at_once(kinds, |kind| {
        let (gate, state) = (Gate::new(), State::absent());
        let script = Script::events(insert(1)).wait_for(&gate).send(insert(2));
        let server = ScriptServer::start([script.stall()]);
        let (mut reader, mut run) = begun(&server, &state, kind());
        state.wait_for(&operation_id(1));
        assert!(run.is_running());
        gate.open();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains(&operation_id(2)), "{line}");
    });
}
