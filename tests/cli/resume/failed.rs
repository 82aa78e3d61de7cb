//! The server no longer has the operation to resume from: its log has shrunk while nobody was
//! connected.

use jiff::Timestamp;
use oplog_tail::oplog::Position;

use super::scene::{From, Scene};
use super::worker::{Ack, Worker};
use super::{catch_up, follow, read_up_to};
use crate::support::{Interruption, Relay, State, at_once};

/// How many operations are taken in before the interruption.
const BEFORE: usize = 3;

struct Failed {
    scene: Scene,
    state: State,
    worker: Worker,
    /// Kept until the end, because connections go through it.
    _relay: Relay,
    /// The operation that the server no longer has.
    operation: String,
    /// How many lines of this run came before.
    lines: usize,
}

/// Follows the operations, is interrupted, and comes back too late.
fn fail(interruption: Interruption, ack: Ack, choice: &str) -> Failed {
    let scene = Scene::new(From::SavedOperation);
    let state = scene.state();
    let relay = Relay::start(scene.server.address(), BEFORE, interruption);
    let args = ["--no-repair", "--on-resume-failed", choice];
    let run = follow(&scene, &relay, &state, ack, &args);
    let mut worker = Worker::new(run, ack, scene.known.clone());
    read_up_to(&scene, &relay, &mut worker, BEFORE);
    let last = worker.lines().last().unwrap();
    let record: serde_json::Value = serde_json::from_str(last).unwrap();
    let last = record["id"].as_str().unwrap().to_owned();
    let too_late = || {
        scene.happen_away();
        scene.server.with_model(|model| model.shrink_log(1));
    };
    worker.acknowledge_all();
    state.wait_for(&last);
    let lines = match interruption {
        Interruption::Cut => {
            too_late();
            worker.lines().count()
        }
        Interruption::Hold => {
            let known = worker.kill();
            too_late();
            let run = follow(&scene, &relay, &state, ack, &args);
            worker = Worker::new(run, ack, known);
            0
        }
    };
    relay.go_on();
    Failed {
        scene,
        state,
        worker,
        _relay: relay,
        operation: last,
        lines,
    }
}

/// For the death of the connection and of the process, and for both ways to acknowledge.
fn in_every_way(check: impl Fn(Interruption, Ack) + Sync) {
    let ways = [Interruption::Cut, Interruption::Hold]
        .into_iter()
        .flat_map(|interruption| [(interruption, Ack::Auto), (interruption, Ack::Stdin)]);
    at_once(ways, |(interruption, ack)| check(interruption, ack));
}

fn time_of(operation: &str) -> String {
    let position: Position = operation.parse().unwrap();
    let second = i64::try_from(position.second()).unwrap();
    Timestamp::from_second(second).unwrap().to_string()
}

/// The warning says which operation it was and when, what is lost and what is not.
fn check_warning(stderr: &str, operation: &str) {
    let warnings = stderr.lines().filter(|line| line.contains(operation));
    let [warning] = &warnings.collect::<Vec<_>>()[..] else {
        panic!("not one warning:\n{stderr}");
    };
    let time = time_of(operation);
    // Its wording may change.
    for part in [time.as_str(), "lost", "state"] {
        assert!(warning.contains(part), "{part:?} is not in {warning:?}");
    }
}

/// Follows to the end, compares, and returns what was printed after the interruption.
fn recover(mut failed: Failed) -> Vec<String> {
    catch_up(&failed.scene, &mut failed.worker, "after a failed resume");
    let lines = failed.worker.lines().skip(failed.lines);
    let lines = lines.map(str::to_owned).collect();
    failed.worker.acknowledge_all();
    failed.state.wait_for(&failed.scene.newest());
    let finished = failed.worker.stop().exit(0).stderr_is_prefixed();
    check_warning(&finished.stderr, &failed.operation);
    lines
}

fn is_reset(line: &str) -> bool {
    line.contains(r#""event":"reset""#)
}

#[test]
fn continue_takes_the_states_deletions_included() {
    in_every_way(|interruption, ack| {
        let lines = recover(fail(interruption, ack, "continue"));
        assert!(!lines.iter().any(|line| is_reset(line)), "{lines:#?}");
        let deleted = |line: &String| line.contains(r#""event":"delete""#);
        assert!(lines.iter().any(deleted), "{lines:#?}");
    });
}

#[test]
fn replicate_prints_nothing_of_the_states_and_starts_over() {
    in_every_way(|interruption, ack| {
        let lines = recover(fail(interruption, ack, "replicate"));
        assert!(is_reset(&lines[0]), "{lines:#?}");
        assert!(!lines[1..].iter().any(|line| is_reset(line)), "{lines:#?}");
    });
}

#[test]
fn exit_prints_nothing_and_keeps_the_position() {
    in_every_way(|interruption, ack| {
        let failed = fail(interruption, ack, "exit");
        let finished = failed.worker.wait().exit(6).stderr_is_prefixed();
        assert_eq!(finished.stdout_lines().len(), failed.lines);
        assert!(finished.stderr.contains(&failed.operation));
        failed.state.is(&failed.operation);
    });
}

#[test]
fn a_position_that_names_no_operation_cannot_fail() {
    // Positions of all other kinds bring states by nature.
    let others = From::ALL
        .into_iter()
        .filter(|from| *from != From::SavedOperation);
    at_once(others, |from| {
        let scene = Scene::new(from);
        let state = scene.state();
        let relay = Relay::start(scene.server.address(), 0, Interruption::Cut);
        let args = ["--no-repair", "--on-resume-failed", "exit"];
        let run = follow(&scene, &relay, &state, Ack::Auto, &args);
        let mut worker = Worker::new(run, Ack::Auto, scene.known.clone());
        read_up_to(&scene, &relay, &mut worker, 0);
        scene.happen_away();
        scene.server.with_model(|model| model.shrink_log(1));
        relay.go_on();
        catch_up(&scene, &mut worker, "");
        worker.stop().exit(0).stderr_lacks("no longer has");
    });
}
