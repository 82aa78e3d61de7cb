//! What the server leaves out of a replication, fetched by the program. The rules in detail, and
//! what comes of them, are tested in tests/repair.

use oplog_tail::server::object::Change;
use oplog_tail::server::{ServerConfig, ServerThread};
use rustix::process::Signal;

use crate::support::{
    Left, Replica, Running, Script, ScriptServer, State, Tail, insert, object_at, operation_id,
};

/// The UNIX time at which the server's clock begins.
const BEGIN_MS: u64 = 1_795_456_500_123;

/// Twelve seconds before the operations of the scripts.
pub const DATE: &str = "Mon, 23 Nov 2026 17:55:00 GMT";

/// A server with four videos, two of which a replication leaves out.
fn server() -> ServerThread {
    let server = ServerThread::on_loopback(ServerConfig {
        date_of_model: true,
        ..ServerConfig::default()
    })
    .unwrap();
    for (id, ms) in [("1", 0), ("2", 1_000), ("3", 2_000), ("4", 2_010)] {
        server.append_at(&Change::insert("video", id), BEGIN_MS + ms);
    }
    server
}

/// Where the position stays until the repair is done: five seconds before the replication was
/// asked for, because the last state of it is younger than that.
fn held() -> String {
    ((BEGIN_MS / 1000 + 2 - 5) * 1000).to_string()
}

fn replicating(server: &ServerThread, state: &State) -> Tail {
    Tail::url(server.url())
        .args(["--start-id", "0"])
        .state(state.path())
}

fn lines_until(running: &mut Running, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    running.wait_for_line(|line| {
        lines.push(line.to_owned());
        line.contains(text)
    });
    lines
}

#[test]
fn the_position_waits_for_what_is_missing_and_then_moves() {
    let (server, state) = (server(), State::absent());
    let mut running = replicating(&server, &state).args(["-v", "--stats"]).spawn();
    let mut lines = lines_until(&mut running, "live");
    server.append_at(&Change::insert("video", "5"), BEGIN_MS + 3_000);
    lines.extend(lines_until(&mut running, r#""id":"5""#));
    state.wait_for(&held());
    assert_eq!(
        Replica::of(&lines).names(),
        ["video/1", "video/2", "video/5"]
    );

    let due = server.append_at(&Change::insert("video", "6"), BEGIN_MS + 9_000);
    running.wait_for_stderr("the replication is complete");
    state.wait_for(&due.to_string());
    running.signal(Signal::TERM);
    let finished = running
        .wait()
        .exit(0)
        .stderr_has("fetching the objects that the replication missed")
        .stderr_has(r#""repaired":2"#);
    assert_eq!(
        finished.stdout_text().matches(r#""event":"live""#).count(),
        1
    );
    lines = finished.stdout_lines();
    let expected: Vec<_> = server.objects().into_keys().collect();
    assert_eq!(Replica::of(&lines).names(), expected);
    assert_eq!(server.requests().len(), 2);
    // From where the position was held.
    let second = u32::try_from(BEGIN_MS / 1000 + 2 - 5).unwrap();
    assert_eq!(
        server.requests()[1].header("last-event-id"),
        Some(&*format!("{second:08x}0000000000000000"))
    );
    state.is(&due.to_string());
}

/// The clock of the agent that took it in is ahead of the answering one's: a state comes that is
/// newer than the request, and between it and the one before an object is deleted of which only
/// the operation after `live` tells. Where that is lost, the next request asks from early enough
/// to bring the deletion.
#[test]
fn with_a_state_newer_than_the_request_the_position_stays_before_the_request() {
    let asked_at = BEGIN_MS / 1000;
    let newer = object_at(BEGIN_MS + 1_400, "2");
    let states = [
        "id: 1\nevent: reset\n\n",
        &object_at(BEGIN_MS - 60_000, "1"),
        &newer,
        &format!("id: {}\nevent: live\n\n", BEGIN_MS + 1_400),
    ]
    .concat();
    let server = ScriptServer::start([
        Script::events_at(DATE, states.clone()),
        Script::events_at(DATE, insert(1)).stall(),
        // The repair is due by then, and does not get anywhere.
        Script::silent().stall(),
    ]);
    let state = State::absent();
    let mut running = Tail::url(server.url())
        .args(["--start-id", "0"])
        .state(state.path())
        .spawn();
    running.wait_for_line(|line| line.contains(&operation_id(1)));
    let made_up = format!("{:08x}0000000000000000", asked_at - 5);
    assert_eq!(
        server.requests()[1].header("last-event-id"),
        Some(&*made_up)
    );
    running.signal(Signal::TERM);
    running.wait();
    state.is(&((asked_at - 5) * 1000).to_string());
}

/// Where everything is older than that, the position stays at its end.
#[test]
fn old_states_move_the_position_to_the_end_of_the_replication() {
    let last = BEGIN_MS - 6_000;
    let live = format!("id: {last}\nevent: live\n\n");
    let states = ["id: 1\nevent: reset\n\n", &object_at(last, "1"), &live].concat();
    let server = ScriptServer::start([Script::events_at(DATE, states).stall()]);
    let state = State::absent();
    Tail::url(server.url())
        .args(["--start-id", "0", "--until-live"])
        .state(state.path())
        .run()
        .exit(0);
    state.is(&last.to_string());
}

/// Killed between `live` and the repair: the next run begins where the position stayed.
#[test]
fn a_killed_run_repeats_and_loses_nothing() {
    for arguments in [&[][..], &["--no-repair"]] {
        let (server, state) = (server(), State::absent());
        let mut running = replicating(&server, &state).args(arguments).spawn();
        let mut lines = lines_until(&mut running, "live");
        let id = server.append_at(&Change::insert("video", "5"), BEGIN_MS + 3_000);
        lines.extend(lines_until(&mut running, r#""id":"5""#));
        let is_repaired = arguments.is_empty();
        if is_repaired {
            state.wait_for(&held());
        } else {
            state.wait_for(&id.to_string());
        }
        running.signal(Signal::KILL);
        running.wait();

        let mut running = replicating(&server, &state).args(arguments).spawn();
        // The position is a time: the states since then come, with a `live`.
        if is_repaired {
            lines.extend(lines_until(&mut running, "live"));
        } else {
            server.wait_for_requests(2, crate::support::PATIENCE);
        }
        // The clock of this machine is far ahead, so it takes an operation that is five seconds
        // younger than the first one.
        server.append_at(&Change::insert("video", "6"), BEGIN_MS + 30_000);
        server.append_at(&Change::insert("video", "7"), BEGIN_MS + 36_000);
        lines.extend(lines_until(&mut running, r#""id":"7""#));
        if is_repaired {
            state.wait_for(&server.newest().unwrap().to_string());
        }
        running.signal(Signal::TERM);
        lines.extend(running.wait().exit(0).stdout_lines());
        let expected: Vec<_> = server.objects().into_keys().collect();
        let names = Replica::of(&lines).names();
        assert_eq!(names == expected, is_repaired, "{names:?}");
    }
}

#[test]
fn until_live_says_what_may_be_missing() {
    let server = server();
    let run = |arguments: &[&str]| {
        Tail::url(server.url())
            .args(["--start-id", "0", "--until-live"])
            .args(arguments)
            .run()
            .exit(0)
            .stderr_is_prefixed()
    };
    run(&[]).says_incomplete(Left::Repair);
    run(&["-v"]).stderr_has(Left::Repair.begin());
    run(&["-q"]).stderr_is_empty();
    assert!(
        server.requests().len() == 3,
        "no second connection for a run that does not stay"
    );
}

/// Every line is acknowledged by its id, those of the second connection too.
#[test]
fn whoever_acknowledges_does_so_for_what_was_missing() {
    let (server, state) = (server(), State::absent());
    let mut running = replicating(&server, &state)
        .args(["--ack", "stdin"])
        .stdin_piped()
        .spawn();
    let id_of = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["id"].as_str().unwrap().to_owned() + "\n"
    };
    let mut lines = Vec::new();
    while !lines
        .last()
        .is_some_and(|line: &String| line.contains("live"))
    {
        let line = running.read_line();
        running.write_stdin(&id_of(&line));
        lines.push(line);
    }
    state.wait_for(&held());
    server.append_at(&Change::insert("video", "5"), BEGIN_MS + 3_000);
    let line = running.read_line();
    running.write_stdin(&id_of(&line));
    lines.push(line);
    let due = server.append_at(&Change::insert("video", "6"), BEGIN_MS + 9_000);
    let more = running.read_lines(3);
    assert!(more[0].contains(&due.to_string()), "{more:#?}");
    running.write_stdin(&id_of(&more[0]));
    running.write_stdin(&id_of(&more[2]));
    running.write_stdin("what\n");
    running.wait_for_stderr("\"what\", which is not the id of an unacknowledged operation");
    assert_eq!(state.content().as_deref(), Some(&*held()));
    running.write_stdin(&id_of(&more[1]));
    state.wait_for(&due.to_string());
    running.close_stdin();
    running.wait().exit(0);
    lines.extend(more);
    let expected: Vec<_> = server.objects().into_keys().collect();
    assert_eq!(Replica::of(&lines).names(), expected);
}
