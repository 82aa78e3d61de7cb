//! A small log behind several agents, a consumer of it, and what comes of the operations.
//!
//! All of it runs on one thread. A reader that pauses does not poll while the writer appends.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oplog_tail::consumer::{Acknowledging, Config, Error, Notice, OnResumeFailed, Start};
use oplog_tail::http::Endpoint;
use oplog_tail::oplog::{ObjectId, Operation, Position};
use oplog_tail::server::model::ModelConfig;
use oplog_tail::server::object::{Action, Change};
use oplog_tail::server::{Handle, Server, ServerConfig};

use crate::support::{EPOCH_MS, LONG_PATIENCE, LocalClock, Reader, listener, patient_http};

/// Where the consumer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Everything,
    /// What happens from the first connection on; all before is known.
    Now,
    /// A time before the first operation, as `--since` sends it.
    Since,
    /// The first operation.
    Operation,
}

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The most operations the log holds.
    pub capacity: usize,
    /// By how many ms the clocks of the agents are ahead of the store's.
    pub offsets_ms: [i64; 3],
    pub acknowledging: Acknowledging,
    pub on_resume_failed: OnResumeFailed,
    pub from: From,
    /// Only one type of objects is asked for.
    pub is_filtered: bool,
}

impl Setup {
    /// Whether a full replication is asked for, ever. It leaves out what `create` was the last of.
    fn replicates(&self) -> bool {
        self.from == From::Everything || self.on_resume_failed == OnResumeFailed::Replicate
    }
}

/// How a run ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Well,
    ResumeFailed,
}

pub struct World {
    agents: Vec<Server>,
    setup: Setup,
    reader: Reader,
    now_ms: u64,
    /// What the clock of the consumer's machine shows.
    clock: LocalClock,
    written: usize,
    /// Of how many gaps of the model the consumer has told, or need not tell.
    told: Rc<Cell<usize>>,
    /// The newest operation handed out since.
    newest_since: Option<ObjectId>,
}

impl World {
    /// Must be made within a runtime.
    pub fn new(setup: &Setup) -> Self {
        let agents = agents(setup);
        // The log of a server is never empty.
        let first = Change::delete("video", "v0").timestamp(EPOCH_MS);
        let first = agents[0].append_at(&first, EPOCH_MS);
        let clock = LocalClock::at(EPOCH_MS);
        let told = Rc::default();
        let config = config(setup, &agents, first, &clock);
        let mut reader = Reader::new(config, observer(&told, agents[0].handle()));
        reader.stays_paused = true;
        Self {
            agents,
            setup: setup.clone(),
            reader,
            now_ms: EPOCH_MS,
            clock,
            written: 1,
            told,
            newest_since: None,
        }
    }

    /// Where the run starts from now: connects, with what exists now.
    pub async fn begin(&mut self) -> Result<(), Error> {
        let until = Instant::now() + LONG_PATIENCE;
        while self.setup.from == From::Now && !self.reader.consumer.is_connected() {
            self.read(1).await?;
            assert!(Instant::now() < until, "it never connects");
        }
        self.reader.saved = self.reader.consumer.position();
        Ok(())
    }

    fn apply(&mut self, change: Change, after_ms: u64) {
        self.now_ms += after_ms;
        self.clock.set(self.now_ms);
        // Each agent takes in what its turn brings.
        let agent = &self.agents[self.written % self.agents.len()];
        self.written += 1;
        let change = change.timestamp(self.now_ms + self.written as u64);
        agent.append_at(&change, self.now_ms);
    }

    /// So many operations on a few objects, as fast as the connections take them.
    pub async fn write(&mut self, operations: usize, seed: u64, after_ms: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let padding = "p".repeat(random.usize(1_000..2_000));
        // What settles has taken everything, so a part of the log overtakes only who is blocked.
        let at_once = (self.setup.capacity / 2).min(64);
        for number in 1..=operations {
            let action = match random.u8(..5) {
                0 => Action::Delete,
                1 => Action::Update,
                2 if !self.setup.replicates() => Action::Create,
                _ => Action::Insert,
            };
            let object = random.u8(..60);
            let kind = if object < 20 { "user" } else { "video" };
            let change = Change::new(action, kind, &format!("v{object}")).parents([&*padding]);
            self.apply(change, after_ms);
            if number % at_once == 0 || number == operations {
                self.agents[0].settled().await;
            }
        }
    }

    /// Nothing happens for so long.
    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.clock.set(self.now_ms);
        self.agents[0].with_model(|model| model.pass(self.now_ms));
    }

    pub fn cut(&self) {
        self.agents
            .iter()
            .for_each(|agent| agent.drop_connections());
    }

    /// The store fails within a replication or fallback to come, but for that of a repair.
    pub fn fail_store(&self, after_states: usize) {
        self.agents[0].with_model(|model| model.fail_after_states(after_states));
    }

    /// Takes up to `most` operations, as far as they come without waiting.
    pub async fn read(&mut self, most: usize) -> Result<usize, Error> {
        let mut taken = 0;
        while taken < most {
            let agent = &self.agents[0];
            let next = self.reader.next(|consumer| {
                if consumer.is_backfilling() {
                    // What only the repair brings is lost if the store fails just then.
                    agent.with_model(|model| model.fail_after_states(usize::MAX));
                }
            });
            let Some(operation) = next.await? else {
                break;
            };
            self.judge(&operation);
            self.reader.take(&operation);
            taken += 1;
        }
        Ok(taken)
    }

    /// What of the gaps so far need not be told, now that this was handed out.
    fn judge(&mut self, operation: &Operation) {
        match operation.id().parse() {
            Ok(Position::Operation(id)) => self.newest_since = self.newest_since.max(Some(id)),
            // States were asked for: a gap before them is covered by them.
            Ok(Position::Replication(_)) => self.forgive(),
            Err(_) => {}
        }
    }

    /// What was skipped so far need not be told any more.
    fn forgive(&mut self) {
        self.told.set(gaps(&self.agents[0]));
        self.newest_since = None;
    }

    /// How many operations were skipped before something that was handed out, without a word.
    pub fn untold(&self) -> usize {
        self.agents[0].with_model(|model| {
            let since = &model.gaps()[self.told.get()..];
            since
                .iter()
                .filter(|gap| Some(gap.newest) < self.newest_since)
                .map(|gap| gap.count)
                .sum()
        })
    }

    pub fn acknowledge(&mut self, some: u8) {
        self.reader.acknowledge(some);
    }

    /// The process dies, and another one goes on.
    pub fn die(&mut self, is_saved: bool, is_handled: bool) {
        self.reader.die(is_saved, is_handled);
        // It goes on from before the gap, or has nothing to tell any more.
        self.forgive();
    }

    /// Operations happen until everything has come and the position is that of the newest one.
    pub async fn settle(&mut self) -> Result<(), Error> {
        self.reader.resume();
        let until = Instant::now() + LONG_PATIENCE;
        loop {
            self.apply(Change::update("video", "last"), 10_000);
            let taken = self.read(usize::MAX).await?;
            self.acknowledge(u8::MAX);
            self.read(usize::MAX).await?;
            self.acknowledge(u8::MAX);
            if self.reader.is_settled(&self.agents[0], "video/last") {
                return self.prove().await;
            }
            let newest = self.agents[0].newest();
            assert!(Instant::now() < until, "never complete, {newest:?}");
            if taken == 0 {
                // A connection that no agent gave is made again after a second.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Waits until it is certain that nothing handed out had a gap before it.
    async fn prove(&mut self) -> Result<(), Error> {
        let certain = poll_fn(|cx| self.reader.consumer.poll_certain(cx)).await;
        certain.map(drop)
    }

    /// How many objects of the replica are not as they should be.
    pub fn wrong(&self) -> usize {
        let mut expected = self.agents[0].objects();
        expected.retain(|key, _| !self.setup.is_filtered || key.starts_with("video/"));
        self.reader.replica.wrong(&expected).len()
    }
}

/// Agents of one store.
fn agents(setup: &Setup) -> Vec<Server> {
    let config = ServerConfig {
        model: ModelConfig {
            capacity: setup.capacity,
            ..ModelConfig::default()
        },
        date_of_model: true,
        agent_offset_ms: setup.offsets_ms[0],
        send_buffer: Some(64 * 1024),
        ..ServerConfig::default()
    };
    let mut agents = vec![Server::start(listener(), config).unwrap()];
    for offset in &setup.offsets_ms[1..] {
        agents.push(Server::another(&agents[0], listener(), *offset).unwrap());
    }
    agents
}

/// A consumer of these agents, the first operation of which is `first`.
fn config(setup: &Setup, agents: &[Server], first: ObjectId, clock: &LocalClock) -> Config {
    let filter = if setup.is_filtered {
        "?types=video"
    } else {
        ""
    };
    // When an agent fails, the next is tried at once, and the first one after a second.
    let endpoints = agents.iter().cycle().take(24).map(|agent| Endpoint {
        url: format!("{}{filter}", agent.url()).parse().unwrap(),
        authorization: None,
    });
    Config {
        http: patient_http(),
        start: match setup.from {
            From::Everything => Start::At(Position::FULL_REPLICATION),
            From::Now => Start::Now,
            From::Since => Start::At(Position::of_second(EPOCH_MS / 1000 - 10)),
            From::Operation => Start::At(Position::Operation(first)),
        },
        on_resume_failed: setup.on_resume_failed,
        acknowledging: setup.acknowledging,
        clock: clock.clock(),
        ..Config::of(endpoints.collect())
    }
}

fn gaps(handle: &Handle) -> usize {
    handle.with_model(|model| model.gaps().len())
}

/// Notes how many gaps there are each time the consumer tells of one.
fn observer(told: &Rc<Cell<usize>>, handle: Handle) -> Rc<dyn Fn(Notice<'_>)> {
    let told = Rc::clone(told);
    Rc::new(move |notice| {
        if let Notice::ResumeFailed { .. } | Notice::Skipped { .. } = notice {
            told.set(gaps(&handle));
        }
    })
}
