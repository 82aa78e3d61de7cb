//! Runs with slow readers that die in the middle of what replaces a gap, and the runs after them.

use std::time::{Duration, Instant};

use oplog_tail::server::Admission;
use rustix::process::Signal;

use crate::scene::{CONTINUE, REPLICATE, Scene, id, is_live_event};
use crate::support::{State, at_once};

/// The most operations the log holds.
const LOG: usize = 500;

#[derive(Clone, Copy, Debug)]
enum Killed {
    /// After so many states of the fallback or the replication.
    After(usize),
    /// At `live`, while the repair waits for an operation.
    AtLive,
    /// While the repair that is due gets no answer.
    WhileRepairing,
}

/// A gap; the run that was told of it is killed; more happens, and another run goes on.
fn killed(choice: &[&str], killed: Killed) {
    let mut scene = Scene::with_clocks(LOG, &[1_000, -1_000]);
    scene.objects = 2_003;
    // States come up to the second of the newest operation only.
    scene.step_ms = 2;
    let state = State::absent();
    let path = state.path().to_str().unwrap();
    let args = [choice, &["--state", path]].concat();
    let mut running = scene.tail(&args);
    scene.write(100);
    running.read_lines(100);
    scene.write(1_000);
    running.wait_until_stdout_is_full();
    scene.write(5_000);
    running.wait_for_line(|line| !is_operation(line));
    match killed {
        Killed::After(states) => drop(running.read_lines(states)),
        Killed::AtLive => drop(running.wait_for_line(is_live_event)),
        Killed::WhileRepairing => {
            running.wait_for_line(is_live_event);
            scene.admit(Admission::Hold);
            scene.write_later();
            let last = running.wait_for_line(|line| line.contains(r#""id":"last""#));
            stays_before(&id(&last), &state);
        }
    }
    running.signal(Signal::KILL);
    let first = running.wait();
    assert!(first.status.code().is_none(), "it ended before");
    let text = first.stdout_text();
    let whole = &text[..=text.rfind('\n').unwrap()];
    let mut lines: Vec<_> = whole.lines().map(str::to_owned).collect();
    scene.admit(Admission::Open);
    scene.write(LOG / 5);
    let next = scene.program(&args).spawn();
    let second = scene.finish(next).exit(0).stderr_lacks("may be missing");
    lines.extend(second.stdout_lines());
    scene.is_complete(&lines);
}

/// For longer than a save takes, the saved position is a time, or an operation before this one.
fn stays_before(operation: &str, state: &State) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1_500) {
        let saved = state.content().unwrap();
        let is_time = saved.len() < operation.len();
        assert!(is_time || *saved < *operation, "{saved}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// States and markers have decimal ids, or none.
fn is_operation(line: &str) -> bool {
    id(line).len() == 24
}

#[test]
fn killed_within_what_replaces_a_gap() {
    for choice in [CONTINUE, REPLICATE] {
        at_once([0, 1, 500, 1_000], |states| {
            killed(choice, Killed::After(states));
        });
    }
}

#[test]
fn killed_between_live_and_repair() {
    for choice in [CONTINUE, REPLICATE] {
        at_once([Killed::AtLive, Killed::WhileRepairing], |when| {
            killed(choice, when);
        });
    }
}
