//! A signal ends the program in time, whatever it is doing.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{
    Acceptor, Running, Script, ScriptServer, State, Tail, at_once, insert, insert_numbered,
    operation_id,
};

const SIGNALS: [(Signal, i32); 3] = [(Signal::HUP, 1), (Signal::INT, 2), (Signal::TERM, 15)];
/// Two seconds are promised, and used where the program hangs; a loaded machine may add some.
const IN_TIME: Duration = Duration::from_secs(6);

/// Brings the program into a state with `reach`, once for each signal, with a stop condition and
/// without one. `saved` says whether what was saved is right, by what was printed.
fn in_state(
    url: &str,
    args: &[&str],
    reach: impl Fn(&mut Running) + Sync,
    is_right: impl Fn(&str, &str) -> bool + Sync,
) {
    let cases = SIGNALS.map(|signal| [(signal, false), (signal, true)]);
    at_once(cases.concat(), |((signal, number), with_condition)| {
        let state = State::holding(operation_id(0));
        let mut tail = Tail::url(url).args(args).state(state.path());
        if with_condition {
            tail = tail.args(["-n", "1000000000"]);
        }
        let mut run = tail.stdin_piped().spawn();
        reach(&mut run);
        let sent = Instant::now();
        run.signal(signal);
        let finished = run.wait_without_reading();
        assert!(sent.elapsed() < IN_TIME, "{signal:?}: {:?}", sent.elapsed());
        let finished = finished.exit(if with_condition { 128 + number } else { 0 });
        let printed = String::from_utf8_lossy(&finished.stdout).into_owned();
        let saved = state.content().expect("the state file");
        if !is_right(&saved, &printed) {
            finished.fail(&format!("{signal:?}: {saved:?} is saved"));
        }
        assert_eq!(state.files(), ["state"]);
    });
}

/// The last whole line is the saved one: everything printed is saved, and nothing more.
fn is_last_line(saved: &str, printed: &str) -> bool {
    let whole = printed.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole.rsplit('\n').next().unwrap_or_default();
    last.contains(saved)
}

fn is_unmoved(saved: &str, printed: &str) -> bool {
    saved == operation_id(0) && printed.is_empty()
}

/// A listener whose queue of connections is full: one more gets no answer at all. What comes
/// with the URL is to be held.
fn unanswering() -> (String, (TcpListener, Vec<TcpStream>)) {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    bind(&socket, &any).unwrap();
    listen(&socket, 0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let moment = Duration::from_millis(200);
    let waiting = (0..8).map_while(|_| TcpStream::connect_timeout(&address, moment).ok());
    let waiting: Vec<_> = waiting.collect();
    assert!(waiting.len() < 8, "the queue never fills up");
    (format!("http://{address}/"), (listener, waiting))
}

#[test]
fn while_connecting() {
    let (url, _held) = unanswering();
    in_state(
        &url,
        &["-v"],
        |run| drop(run.wait_for_stderr("connecting")),
        is_unmoved,
    );
}

#[test]
fn while_shaking_hands() {
    // It reads and says nothing.
    let acceptor = Acceptor::start(|_, mut socket, _| {
        while socket.read(&mut [0; 64])? > 0 {}
        Ok(())
    });
    in_state(
        &acceptor.url("https"),
        &["-v", "--insecure"],
        |run| drop(run.wait_for_stderr("connecting")),
        is_unmoved,
    );
}

#[test]
fn while_looking_up_the_name() {
    in_state(
        "http://no-such-host.invalid/",
        &["-v"],
        |run| drop(run.wait_for_stderr("connecting")),
        is_unmoved,
    );
}

#[test]
fn while_waiting_for_the_answer() {
    let server = ScriptServer::repeating(Script::silent().stall());
    in_state(
        &server.url(),
        &["-v"],
        |run| drop(run.wait_for_stderr("connecting")),
        is_unmoved,
    );
}

#[test]
fn while_waiting_to_try_again() {
    let server = ScriptServer::repeating(Script::answer(503, &[("Retry-After", "60")], ""));
    in_state(
        &server.url(),
        &[],
        |run| drop(run.wait_for_stderr("trying again")),
        is_unmoved,
    );
}

#[test]
fn while_nothing_happens() {
    let server = ScriptServer::repeating(Script::events(insert(1) + &insert(2)).stall());
    in_state(
        &server.url(),
        &[],
        |run| drop(run.read_lines(2)),
        |saved, printed| saved == operation_id(2) && is_last_line(saved, printed),
    );
}

#[test]
fn while_operations_come() {
    // Some operations each few milliseconds, so that the pipe never fills up.
    let server = ScriptServer::repeating((0..3_000).fold(Script::events(""), |script, number| {
        script.send(insert(number)).pause(Duration::from_millis(1))
    }));
    in_state(
        &server.url(),
        &[],
        |run| drop(run.read_lines(50)),
        is_last_line,
    );
}

#[test]
fn while_stdout_is_full() {
    let server = ScriptServer::repeating(Script::events("").flood(insert_numbered));
    in_state(
        &server.url(),
        &[],
        |run| {
            run.read_lines(100);
            run.wait_until_stdout_is_full();
        },
        // Of the batch that was being written no line counts, though the pipe took some.
        |saved, printed| {
            let id = format!("\"id\":\"{saved}\"");
            let mut lines = printed.split_inclusive('\n');
            lines.any(|line| line.contains(&id) && line.ends_with('\n'))
        },
    );
}

#[test]
fn while_waiting_for_acknowledgements() {
    let server = ScriptServer::repeating(Script::events("").flood(insert_numbered));
    in_state(
        &server.url(),
        &["--ack", "stdin", "--max-in-flight", "5"],
        |run| {
            run.read_lines(5);
            run.write_stdin(&format!("{}\n{}\n", operation_id(0), operation_id(1)));
            // Two places are free, so two lines more: the acknowledgements have arrived.
            run.read_lines(2);
        },
        |saved, _| saved == operation_id(1),
    );
}
