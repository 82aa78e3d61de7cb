//! The program itself, with readers of its stdout that do not keep up.

use crate::scene::{CONTINUE, EXIT, Scene, id, is_live_event};
use crate::support::Finished;

/// The most operations the log holds.
const LOG: usize = 2_000;
/// What is written while nobody reads.
const WRITTEN: usize = 40_000;

/// Nobody reads while the log is overrun many times.
fn paused(args: &[&str]) -> (Scene, Finished) {
    let mut scene = Scene::new(LOG);
    let mut running = scene.tail(args);
    scene.write(100);
    running.read_lines(100);
    scene.write(1_000);
    running.wait_until_stdout_is_full();
    scene.write(WRITTEN);
    let finished = scene.finish(running);
    (scene, finished)
}

#[test]
fn a_pause_ends_the_run_where_it_must() {
    let (scene, finished) = paused(EXIT);
    scene.fails_to_resume(finished);
}

#[test]
fn a_pause_is_told_and_the_states_come() {
    let (scene, finished) = paused(CONTINUE);
    scene.goes_on(finished);
}

/// As many lines as may be out are out while the log is overrun; then all are acknowledged.
fn late_acknowledgements(args: &[&str]) -> (Scene, Finished) {
    let mut scene = Scene::new(LOG);
    let args = [&["--ack", "stdin"], args].concat();
    let mut running = scene.tail(&args);
    scene.write(1_500);
    let mut unacknowledged = ids(&running.read_lines(1_000));
    scene.write(WRITTEN);
    running.write_stdin(&unacknowledged);
    while let Some(line) = running.next_line() {
        if is_live_event(&line) {
            scene.write_later();
        }
        unacknowledged = ids(&[line]);
        running.write_stdin(&unacknowledged);
    }
    let finished = running.wait();
    (scene, finished)
}

fn ids(lines: &[String]) -> String {
    lines.iter().map(|line| id(line) + "\n").collect()
}

#[test]
fn late_acknowledgements_end_the_run_where_they_must() {
    let (scene, finished) = late_acknowledgements(EXIT);
    scene.fails_to_resume(finished);
}

#[test]
fn late_acknowledgements_are_told_and_the_states_come() {
    let (scene, finished) = late_acknowledgements(CONTINUE);
    scene.goes_on(finished);
}

/// Never a pause: of every 500 operations ten lines are read.
#[test]
fn a_reader_that_is_always_too_slow_is_told() {
    for args in [EXIT, CONTINUE] {
        let mut scene = Scene::new(LOG);
        let running = scene.tail(args);
        let finished = scene.crawl(running, WRITTEN);
        scene.has_told(args, finished);
    }
}

#[test]
fn a_reader_that_keeps_up_pays_nothing() {
    let mut scene = Scene::new(LOG);
    let mut running = scene.tail(EXIT);
    // Never so much at once that the server might have to wait.
    for _ in 0..WRITTEN / 20 {
        scene.write(20);
        running.read_lines(20);
    }
    let finished = running.wait().exit(0).stderr_is_empty();
    assert_eq!(finished.stdout_lines().len(), WRITTEN);
    assert_eq!((scene.skipped(), scene.server.connections()), (0, 1));
}
