//! The process stands still for longer than its limits (`SIGSTOP`, a laptop that sleeps), while
//! something arrives.

use std::time::Duration;

use crate::support::{
    AfterLast, Authority, Gate, Script, ScriptServer, Tail, at_once, insert, number_of,
    operation_id,
};

/// Longer than each of the limits below, and half of what has the connection made again: a loaded
/// machine lets the process stand still for longer.
const STOPPED: Duration = Duration::from_millis(550);

/// A server that plays this script, with TLS or without, and the program as its client.
fn follow(script: Script, tls: bool) -> (ScriptServer, Tail) {
    if tls {
        let authority = Authority::new();
        let server = ScriptServer::tls([script], &authority);
        let tail = Tail::url(server.url()).arg("--insecure");
        (server, tail)
    } else {
        let server = ScriptServer::start([script]);
        let tail = Tail::url(server.url());
        (server, tail)
    }
}

#[test]
fn what_arrived_meanwhile_is_printed_before_idle_is_said() {
    at_once([false, true], |tls| {
        let gate = Gate::new();
        let script = Script::events(insert(1)).wait_for(&gate).send(insert(2));
        let (_server, tail) = follow(script.stall(), tls);
        let mut run = tail.args(["--until-idle", "500ms"]).spawn();
        run.read_line();
        run.stop_for(STOPPED, || gate.open());
        let second = run.read_line();
        assert!(second.contains(&operation_id(2)), "{second}");
        run.wait().exit(0).stderr_is_empty();
    });
}

/// A large event takes many reads, and each of them is something new.
#[test]
fn a_large_event_that_arrived_meanwhile_is_read_to_its_end() {
    let gate = Gate::new();
    let more = format!(r#""more":"{}""#, "x".repeat(1 << 20));
    let large = insert(2).replace(r#""parents":[]"#, &more);
    let script = Script::events(insert(1)).wait_for(&gate).send(large);
    // Where reading it takes long, another connection asks whether something was skipped meanwhile.
    let next = Script::choosing(|request| {
        let last = number_of(request.last_event_id().unwrap());
        Script::events(insert(last + 1)).stall()
    });
    let server = ScriptServer::with([script.stall(), next], AfterLast::Repeat);
    let mut run = Tail::url(server.url())
        .args(["--until-idle", "500ms"])
        .spawn();
    run.read_line();
    run.stop_for(STOPPED, || gate.open());
    let second = run.read_line();
    assert!(second.contains(&operation_id(2)));
    run.wait().exit(0).stderr_is_empty();
}

#[test]
fn what_arrived_meanwhile_breaks_the_silence() {
    at_once([false, true], |tls| {
        for sent in [insert(2), ":\n".to_owned()] {
            let (gate, last) = (Gate::new(), Gate::new());
            let script = Script::events(insert(1)).wait_for(&gate).send(sent);
            let script = script.wait_for(&last).send(insert(3)).stall();
            let (server, tail) = follow(script, tls);
            let mut run = tail
                .args(["--read-timeout", "500ms", "--retries", "0"])
                .spawn();
            run.read_line();
            run.stop_for(STOPPED, || gate.open());
            last.open();
            run.wait_for_line(|line| line.contains(&operation_id(3)));
            assert_eq!(server.requests().len(), 1);
        }
    });
}

#[test]
fn an_answer_that_arrived_meanwhile_came_in_time() {
    at_once([false, true], |tls| {
        let gate = Gate::new();
        let events = Script::events(insert(1)).stall();
        let script = Script::silent().wait_for(&gate).then(events);
        let (server, tail) = follow(script, tls);
        let mut run = tail
            .args(["--connect-timeout", "500ms", "--read-timeout", "500ms"])
            .args(["--retries", "0"])
            .spawn();
        server.wait_for_requests(1);
        run.stop_for(STOPPED, || gate.open());
        run.read_line();
    });
}

/// A silence is a silence, whether the process stood still in it or not.
#[test]
fn nothing_that_arrived_meanwhile_is_silence() {
    let server = ScriptServer::start([Script::events(insert(1)).stall()]);
    let mut run = Tail::url(server.url())
        .args(["--read-timeout", "500ms", "--retries", "0"])
        .spawn();
    run.read_line();
    run.stop_for(STOPPED, || {});
    run.wait().exit(4).stderr_has("sent nothing for 500 ms");
}
