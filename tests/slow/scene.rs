//! A capped log behind agents, writers, and what a run of the program makes of it.

use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::{Action, Change};
use oplog_tail::server::{Admission, Server, ServerConfig, ServerThread, now_ms};

use crate::support::{Finished, PATIENCE, Replica, Running, Tail};

/// What a run says of a gap.
pub const TOLD: &str = "the server no longer has";
pub const EXIT: &[&str] = &["--on-resume-failed", "exit"];
pub const REPLICATE: &[&str] = &["--on-resume-failed", "replicate"];
pub const CONTINUE: &[&str] = &["--on-resume-failed", "continue"];

/// Whether this line is the end of a replication or a fallback.
pub fn is_live_event(line: &str) -> bool {
    line.contains(r#""event":"live""#)
}

/// The id of a line.
pub fn id(line: &str) -> String {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["id"].as_str().unwrap_or_default().to_owned()
}

/// A log behind agents, and what a run makes of it.
pub struct Scene {
    /// The agent that is asked first.
    pub server: ServerThread,
    /// The others, each with a clock of its own.
    others: Vec<Server>,
    /// How many operations were written.
    pub written: usize,
    /// How many objects they are about.
    pub objects: usize,
    /// The types of the objects.
    pub types: &'static [&'static str],
    /// How many ms the clock of the store runs ahead with each operation.
    pub step_ms: u64,
}

impl Scene {
    /// An empty log of at most so many operations.
    pub fn new(log: usize) -> Self {
        Self::with_clocks(log, &[0])
    }

    /// The same behind several agents, whose clocks are so many ms ahead of the store's.
    pub fn with_clocks(log: usize, offsets_ms: &[i64]) -> Self {
        let server = ServerThread::on_loopback(ServerConfig {
            model: ModelConfig {
                capacity: log,
                ..ModelConfig::default()
            },
            date_of_model: offsets_ms.len() > 1,
            agent_offset_ms: offsets_ms[0],
            send_buffer: Some(64 * 1024),
            ..ServerConfig::default()
        })
        .unwrap();
        server.with_model(|model| model.pass(now_ms()));
        let others = offsets_ms[1..].iter();
        Self {
            others: others.map(|it| server.another(*it).unwrap()).collect(),
            server,
            written: 0,
            objects: 30_011,
            types: &["video"],
            step_ms: 0,
        }
    }

    /// What becomes of new connections to any agent.
    pub fn admit(&self, admission: Admission) {
        self.server.admit(admission);
        self.others.iter().for_each(|agent| agent.admit(admission));
    }

    /// A run that ends once nothing has come for a while, if no other end is asked for.
    pub fn program(&self, args: &[&str]) -> Tail {
        let others = self.others.iter();
        let urls = others.flat_map(|agent| ["--url".into(), agent.url()]);
        let tail = Tail::url(self.server.url()).args(urls).args(args);
        if args.iter().any(|arg| arg.starts_with("--until")) {
            tail.stdin_piped()
        } else {
            tail.args(["--until-idle", "2s"]).stdin_piped()
        }
    }

    /// A run from now on that is connected.
    pub fn tail(&self, args: &[&str]) -> Running {
        let running = self.program(args).spawn();
        self.server.wait_for_requests(1, PATIENCE);
        running
    }

    /// Writes as fast as connections take it.
    pub fn write(&mut self, operations: usize) {
        for number in 1..=operations {
            self.append();
            if number % 500 == 0 || number == operations {
                self.server.settle();
            }
        }
    }

    /// Writes without waiting for any connection.
    pub fn write_at_once(&mut self, operations: usize) {
        (0..operations).for_each(|_| self.append());
    }

    fn append(&mut self) {
        let number = self.written % self.objects;
        let action = match self.written % 7 {
            3 => Action::Delete,
            _ => Action::Insert,
        };
        let padding = "p".repeat(300);
        let kind = self.types[number % self.types.len()];
        let change = Change::new(action, kind, &format!("v{number}")).parents([&*padding]);
        let change = change.timestamp(1_795_456_500_000 + self.written as u64);
        // The agents take operations in by turns.
        let now_ms = self.now_ms();
        match self.written % (self.others.len() + 1) {
            0 => self.server.append_at(&change, now_ms),
            other => self.others[other - 1].append_at(&change, now_ms),
        };
        self.written += 1;
    }

    /// The time of the store's clock.
    fn now_ms(&self) -> u64 {
        now_ms() + self.written as u64 * self.step_ms
    }

    pub fn skipped(&self) -> usize {
        self.server.with_model(|model| model.skipped())
    }

    /// What is printed builds the objects of the server of the first type.
    #[track_caller]
    pub fn is_complete(&self, lines: &[String]) {
        let mut expected = self.server.objects();
        let kind = format!("{}/", self.types[0]);
        expected.retain(|key, _| key.starts_with(&kind));
        let wrong = Replica::of(lines).wrong(&expected).len();
        let skipped = self.skipped();
        assert_eq!(
            wrong, 0,
            "objects wrong; the server skipped {skipped} operations"
        );
    }

    /// Operations that come late enough to bring what the states before them missed. The first one
    /// may come while the states are still being read; then only the second is late enough.
    pub fn write_later(&mut self) {
        let store_ms = self.server.with_model(|model| model.store_ms());
        for seconds in [10, 20] {
            let change = Change::insert("video", "last").timestamp(1_795_456_600_000 + seconds);
            let later_ms = store_ms.max(now_ms()) + seconds * 1_000;
            self.server.append_at(&change, later_ms);
        }
    }

    /// Of every 500 operations ten lines are read. Finishes the run.
    pub fn crawl(&mut self, mut running: Running, operations: usize) -> Finished {
        let mut is_live = false;
        for _ in 0..operations / 500 {
            self.write(500);
            for line in (0..10).map_while(|_| running.next_line()) {
                is_live |= is_live_event(&line);
            }
        }
        if is_live {
            self.write_later();
        }
        self.finish(running)
    }

    pub fn finish(&mut self, mut running: Running) -> Finished {
        while let Some(line) = running.next_line() {
            if is_live_event(&line) {
                self.write_later();
            }
        }
        running.wait()
    }

    #[track_caller]
    pub fn fails_to_resume(&self, finished: Finished) {
        let skipped = self.skipped();
        println!("{skipped} operations skipped by the server");
        finished.exit(6).stderr_has(TOLD);
    }

    #[track_caller]
    pub fn goes_on(&self, finished: Finished) {
        let skipped = self.skipped();
        println!("{skipped} operations skipped by the server");
        let finished = finished.exit(0).stderr_has(TOLD);
        self.is_complete(&finished.stdout_lines());
    }

    /// The run has told of what it lost.
    #[track_caller]
    pub fn has_told(&self, choice: &[&str], finished: Finished) {
        if choice == EXIT {
            self.fails_to_resume(finished);
        } else {
            self.goes_on(finished);
        }
    }

    /// The run has told of what it lost, or lost nothing.
    #[track_caller]
    pub fn holds(&self, choice: &[&str], finished: Finished) {
        if choice == EXIT && finished.status.code() == Some(6) {
            self.fails_to_resume(finished);
        } else {
            self.is_complete(&finished.exit(0).stdout_lines());
        }
    }
}
