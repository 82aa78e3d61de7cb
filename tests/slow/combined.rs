//! Slow readers together with what else a run may be asked for.

use std::time::Duration;

use oplog_tail::server::Admission;

use crate::scene::{CONTINUE, EXIT, REPLICATE, Scene, id, is_live_event};
use crate::support::{Running, State, at_once};

const CHOICES: [&[&str]; 3] = [EXIT, CONTINUE, REPLICATE];
/// The most operations the log holds.
const LOG: usize = 1_000;
/// What is written while nobody reads: many times the log and all buffers on the way.
const WRITTEN: usize = 8_000;

fn scene(offsets_ms: &[i64]) -> Scene {
    let mut scene = Scene::with_clocks(LOG, offsets_ms);
    scene.objects = 3_001;
    scene
}

/// Nobody reads until the program can write no more.
fn stop_reading(scene: &mut Scene, running: &mut Running) {
    scene.write(100);
    running.read_line();
    scene.write(1_000);
    running.wait_until_stdout_is_full();
}

#[test]
fn several_agents_whose_clocks_differ() {
    for offsets_ms in [[-3_000, 0, -1_000], [3_000, 0, 1_000], [-1_500, 1_500, 0]] {
        at_once(CHOICES, |choice| {
            let mut scene = scene(&offsets_ms);
            let mut running = scene.tail(choice);
            stop_reading(&mut scene, &mut running);
            // The next connection is another agent's.
            scene.server.admit(Admission::Refuse);
            scene.write(WRITTEN);
            let finished = scene.finish(running);
            scene.holds(choice, finished);
        });
    }
}

#[test]
fn a_filter() {
    at_once(CHOICES, |choice| {
        let mut scene = scene(&[0]);
        scene.types = &["video", "user"];
        let mut running = scene.tail(&[choice, &["--types", "video"]].concat());
        stop_reading(&mut scene, &mut running);
        scene.write(WRITTEN);
        let finished = scene.finish(running);
        scene.holds(choice, finished);
    });
}

/// Never a pause, and a log of which most is about something else.
#[test]
fn a_filter_and_a_reader_that_is_always_too_slow() {
    at_once(CHOICES, |choice| {
        let mut scene = scene(&[0]);
        scene.types = &["video", "user"];
        let running = scene.tail(&[choice, &["--types", "video"]].concat());
        let finished = scene.crawl(running, WRITTEN);
        scene.holds(choice, finished);
    });
}

/// The states of a replication come while the log wraps again and again.
#[test]
fn until_complete_and_a_replication_larger_than_the_log() {
    at_once(CHOICES, |choice| {
        let mut scene = scene(&[0, 0]);
        // Objects of the second of the newest operation are left out.
        scene.step_ms = 1;
        scene.write(3 * LOG);
        let args = [choice, &["--start-id", "0", "--until-complete"]].concat();
        let mut running = scene.program(&args).spawn();
        for _ in 0..4 {
            running.read_lines(10);
            running.wait_until_stdout_is_full();
            scene.write(2 * LOG);
        }
        let finished = scene.finish(running).stderr_lacks("incomplete");
        scene.holds(choice, finished);
    });
}

/// Stopped for long enough that the connection is made again, and for less.
#[test]
fn a_process_that_was_stopped() {
    for time in [Duration::ZERO, Duration::from_millis(1_500)] {
        at_once(CHOICES, |choice| {
            let mut scene = scene(&[0]);
            let mut running = scene.tail(choice);
            scene.write(100);
            running.read_lines(100);
            running.stop_for(time, || scene.write(WRITTEN));
            let finished = scene.finish(running);
            scene.holds(choice, finished);
        });
    }
}

/// In a strange order, late, twice, of nothing that is out, with white space, and one of them never.
#[test]
fn odd_acknowledgements() {
    let mut scene = scene(&[0]);
    let state = State::absent();
    let path = state.path().to_str().unwrap();
    let args = ["--ack", "stdin", "--max-in-flight", "200", "--state", path];
    let args = [CONTINUE, &args].concat();
    let mut running = scene.tail(&args);
    let mut random = fastrand::Rng::with_seed(7);
    let mut out: Vec<String> = Vec::new();
    scene.write(200);
    let never = id(&running.read_line());
    for _ in 0..WRITTEN / 500 {
        scene.write(500);
        while out.len() < 150 {
            out.push(id(&running.read_line()));
        }
        random.shuffle(&mut out);
        let some = out.split_off(60).join(" \n  ");
        running.write_stdin(&format!("{some}\nabc\n\n{}\n{some}\n", "0".repeat(24)));
    }
    running.write_stdin(&(out.join("\n") + "\n"));
    while let Some(line) = running.next_line() {
        if is_live_event(&line) {
            scene.write_later();
        }
        running.write_stdin(&(id(&line) + "\n"));
        if line.contains(r#""id":"last""#) {
            break;
        }
    }
    running.close_stdin();
    let finished = running.wait().exit(1);
    let saved = state.content().unwrap();
    assert!(saved < never, "{saved} has passed {never}");
    // Another run goes on from there.
    let mut lines = finished.stdout_lines();
    let running = scene
        .program(&[CONTINUE, &["--state", path]].concat())
        .spawn();
    lines.extend(scene.finish(running).exit(0).stdout_lines());
    scene.is_complete(&lines);
}
