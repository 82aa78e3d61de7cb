//! Whatever moment the connection or the process dies at: what a consumer builds from the lines
//! equals the objects of the server.

mod failed;
mod scene;
mod worker;

use std::time::Instant;

use oplog_tail::server::object::Change;

use crate::support::{Interruption, PATIENCE, Relay, Running, State, Tail, at_once};
use scene::{From, Scene};
use worker::{Ack, Worker};

/// How many runs go on at once.
const TOGETHER: usize = 24;

fn follow(scene: &Scene, relay: &Relay, state: &State, ack: Ack, args: &[&str]) -> Running {
    let tail = Tail::url(relay.url())
        .args(scene.args())
        .args(args)
        .state(state.path())
        .patience(2 * PATIENCE);
    match ack {
        Ack::Auto => tail.spawn(),
        Ack::Stdin => tail.args(["--ack", "stdin"]).stdin_piped().spawn(),
    }
}

/// Lets the run come up to where it is interrupted.
fn read_up_to(scene: &Scene, relay: &Relay, worker: &mut Worker, events: usize) {
    for number in 0..events {
        if number == scene.first_events {
            // A run that starts from now must be connected by now.
            scene.server.wait_for_requests(1, PATIENCE);
            scene.happen_live();
        }
        worker.read();
    }
    relay.wait_until_interrupted();
}

/// Waits for the position of the first connection, which a run has from then on.
fn wait_for_a_position(state: &State) {
    let until = Instant::now() + PATIENCE;
    while state.content().is_none_or(|content| content.is_empty()) {
        assert!(Instant::now() < until, "no position was saved");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Reads until everything has come and compares.
fn catch_up(scene: &Scene, worker: &mut Worker, what: &str) {
    for end in ["first", "second"] {
        // After the first one, what a fallback has behind its last object is still to come.
        scene.server.append(&Change::insert("end", end));
        worker.read_until(&format!(r#""type":"end","id":"{end}""#));
    }
    assert_eq!(worker.knows(), scene.objects(), "{what}");
}

#[derive(Clone, Copy, Debug)]
struct Case {
    from: From,
    ack: Ack,
    interruption: Interruption,
    /// How many events have come by then.
    events: usize,
}

fn cases(interruption: Interruption) -> Vec<Case> {
    let mut cases = Vec::new();
    for from in From::ALL {
        let all = Scene::new(from).first_events + Scene::LIVE;
        for ack in [Ack::Auto, Ack::Stdin] {
            cases.extend((0..=all).map(|events| Case {
                from,
                ack,
                interruption,
                events,
            }));
        }
    }
    cases
}

fn check(case: Case) {
    let what = format!("{case:?}");
    let scene = Scene::new(case.from);
    let state = scene.state();
    let relay = Relay::start(scene.server.address(), case.events, case.interruption);
    // Half of the cases go without the repair of what a server leaves out, so that the position
    // at the end is known.
    let repairs = case.events % 2 == 1;
    let args: &[&str] = if repairs { &[] } else { &["--no-repair"] };
    let run = follow(&scene, &relay, &state, case.ack, args);
    let mut worker = Worker::new(run, case.ack, scene.known.clone());
    read_up_to(&scene, &relay, &mut worker, case.events);
    let mut worker = match case.interruption {
        Interruption::Cut => {
            scene.happen_away();
            relay.go_on();
            worker
        }
        Interruption::Hold => {
            wait_for_a_position(&state);
            let known = worker.kill();
            scene.happen_away();
            relay.go_on();
            let run = follow(&scene, &relay, &state, case.ack, args);
            Worker::new(run, case.ack, known)
        }
    };
    catch_up(&scene, &mut worker, &what);
    worker.acknowledge_all();
    if !repairs {
        state.wait_for(&scene.newest());
    }
    worker
        .stop()
        .exit(0)
        .stderr_lacks("not the id of an unacknowledged operation");
}

fn check_all(interruption: Interruption) {
    for cases in cases(interruption).chunks(TOGETHER) {
        at_once(cases.iter().copied(), check);
    }
}

#[test]
fn nothing_is_lost_when_the_connection_dies_at_any_event() {
    check_all(Interruption::Cut);
}

#[test]
fn nothing_is_lost_when_the_process_dies_at_any_event() {
    check_all(Interruption::Hold);
}
