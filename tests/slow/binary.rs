//! The program itself, with readers of its stdout that do not keep up.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::{Action, Change};
use oplog_tail::server::{ServerConfig, ServerThread};

use crate::support::{Finished, PATIENCE, Replica, Running, Tail};

/// The most operations the log holds.
const LOG: usize = 2_000;
/// What is written while nobody reads.
const WRITTEN: usize = 40_000;
const TOLD: &str = "the server no longer has";
const EXIT: &[&str] = &["--on-resume-failed", "exit"];
const CONTINUE: &[&str] = &["--on-resume-failed", "continue"];

struct Scene {
    server: ServerThread,
    written: usize,
}

impl Scene {
    fn new() -> Self {
        let server = ServerThread::on_loopback(ServerConfig {
            model: ModelConfig {
                capacity: LOG,
                ..ModelConfig::default()
            },
            send_buffer: Some(64 * 1024),
            ..ServerConfig::default()
        })
        .unwrap();
        Self { server, written: 0 }
    }

    /// A run from now on that is connected.
    fn tail(&self, args: &[&str]) -> Running {
        let running = Tail::url(self.server.url())
            .args(["--until-idle", "2s"])
            .args(args)
            .stdin_piped()
            .spawn();
        self.server.wait_for_requests(1, PATIENCE);
        running
    }

    /// Writes as fast as connections take it.
    fn write(&mut self, operations: usize) {
        for number in 1..=operations {
            let object = format!("v{}", self.written % 30_011);
            let action = match self.written % 7 {
                3 => Action::Delete,
                _ => Action::Insert,
            };
            let padding = "p".repeat(300);
            let change = Change::new(action, "video", &object).parents([&*padding]);
            self.server
                .append(&change.timestamp(1_795_456_500_000 + self.written as u64));
            self.written += 1;
            if number % 500 == 0 || number == operations {
                self.server.settle();
            }
        }
    }

    fn skipped(&self) -> usize {
        self.server.with_model(|model| model.skipped())
    }

    /// What is printed builds the objects of the server.
    #[track_caller]
    fn is_complete(&self, lines: &[String]) {
        let replica = Replica::of(lines);
        let expected = Replica::of_objects(&self.server.objects());
        let keys = replica.objects.keys().chain(expected.objects.keys());
        let mut wrong: Vec<_> = keys
            .filter(|key| replica.objects.get(*key) != expected.objects.get(*key))
            .collect();
        wrong.sort();
        wrong.dedup();
        let (wrong, skipped) = (wrong.len(), self.skipped());
        assert_eq!(
            wrong, 0,
            "objects wrong; the server skipped {skipped} operations"
        );
    }

    /// Operations that come late enough to bring what the states before them missed. The first one
    /// may come while the states are still being read; then only the second is late enough.
    fn write_later(&mut self) {
        for seconds in [10, 20] {
            let change = Change::insert("video", "last").timestamp(1_795_456_600_000 + seconds);
            let later = SystemTime::now() + Duration::from_secs(seconds);
            let later_ms = later.duration_since(UNIX_EPOCH).unwrap().as_millis();
            self.server.append_at(&change, later_ms.try_into().unwrap());
        }
    }

    fn finish(&mut self, mut running: Running) -> Finished {
        while let Some(line) = running.next_line() {
            if is_live_event(&line) {
                self.write_later();
            }
        }
        running.wait()
    }

    #[track_caller]
    fn fails_to_resume(&self, finished: Finished) {
        let skipped = self.skipped();
        println!("{skipped} operations skipped by the server");
        finished.exit(6).stderr_has(TOLD);
    }

    #[track_caller]
    fn goes_on(&self, finished: Finished) {
        let skipped = self.skipped();
        println!("{skipped} operations skipped by the server");
        let finished = finished.exit(0).stderr_has(TOLD);
        self.is_complete(&finished.stdout_lines());
    }
}

/// Nobody reads while the log is overrun many times.
fn paused(args: &[&str]) -> (Scene, Finished) {
    let mut scene = Scene::new();
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
    let mut scene = Scene::new();
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

fn is_live_event(line: &str) -> bool {
    line.contains(r#""event":"live""#)
}

fn ids(lines: &[String]) -> String {
    let id = |line: &String| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["id"].as_str().unwrap_or_default().to_owned() + "\n"
    };
    lines.iter().map(id).collect()
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
        let mut scene = Scene::new();
        let mut running = scene.tail(args);
        let mut is_live = false;
        for _ in 0..WRITTEN / 500 {
            scene.write(500);
            for line in (0..10).map_while(|_| running.next_line()) {
                is_live |= is_live_event(&line);
            }
        }
        if is_live {
            scene.write_later();
        }
        let finished = scene.finish(running);
        if args == EXIT {
            scene.fails_to_resume(finished);
        } else {
            scene.goes_on(finished);
        }
    }
}

#[test]
fn a_reader_that_keeps_up_pays_nothing() {
    let mut scene = Scene::new();
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
