//! A server whose time a test sets, a consumer of it, and what comes of the operations.
//!
//! All of it runs on one thread and nothing waits for the time of day, so a test reads as fast as
//! it can and still knows when there is nothing more to come.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::{Duration, Instant};

use oplog_tail::consumer::{Acknowledging, Config, Notice, Start};
use oplog_tail::http::Endpoint;
use oplog_tail::server::object::{Action, Change};
use oplog_tail::server::{Server, ServerConfig};

use crate::front::Front;
pub use crate::setup::{BY_ID, Setup};
use crate::support::{
    EPOCH_MS, LONG_PATIENCE, LocalClock, Objects, Reader, Replica, listener, patient_http, run,
};

/// What happened so long before is no part of what a replication may miss.
const LONG_AGO_MS: u64 = 20_000;

/// Plays a case with the repair, after which nothing may be missing, and without, after which
/// something must be; with both ways of acknowledging.
pub fn with_and_without(setup: &Setup, mut case: impl AsyncFnMut(&mut World)) {
    for acknowledging in [Acknowledging::InOrder, BY_ID] {
        for backfill in [true, false] {
            let setup = Setup {
                acknowledging,
                backfill,
                ..setup.clone()
            };
            run(async {
                let mut world = World::new(&setup);
                case(&mut world).await;
                world.settle().await;
                let wrong = world.wrong();
                if backfill {
                    assert_eq!(wrong, [""; 0], "with the backfill, {acknowledging:?}");
                    assert!(world.backfilled() > 0, "there was something to fetch");
                } else {
                    assert_ne!(wrong, [""; 0], "without the backfill, {acknowledging:?}");
                }
            });
        }
    }
}

pub struct World {
    /// The agent that the consumer asks.
    pub server: Server,
    /// Another agent of the same store, which takes the operations in.
    taker: Server,
    taker_offset_ms: i64,
    /// What stands between the consumer and the server.
    pub front: Front,
    reader: Reader,
    pub now_ms: u64,
    /// What the clock of the consumer's machine shows.
    clock: LocalClock,
    /// What was told about repairs.
    pub told: Rc<RefCell<Vec<String>>>,
    /// How many objects the repairs of consumers that are gone have brought.
    backfilled: u64,
}

impl World {
    /// Must be made within a runtime.
    pub fn new(setup: &Setup) -> Self {
        let of_server = ServerConfig {
            agent_offset_ms: setup.agent_offset_ms,
            date_of_model: true,
            ..ServerConfig::default()
        };
        let server = Server::start(listener(), of_server).unwrap();
        let taker = Server::another(&server, listener(), setup.taker_offset_ms).unwrap();
        let front = Front::of(server.address());
        let clock = LocalClock::at(EPOCH_MS);
        let config = config(setup, front.address(), &clock);
        let told = Rc::default();
        let mut world = Self {
            reader: Reader::new(config, observer(&told)),
            server,
            taker,
            taker_offset_ms: setup.taker_offset_ms,
            front,
            now_ms: EPOCH_MS - LONG_AGO_MS,
            clock,
            told,
            backfilled: 0,
        };
        // The log of a server is never empty.
        world.change("v0", Action::Delete, 0);
        world.pass(LONG_AGO_MS);
        world
    }

    /// The run starts here, with nothing handed out so far.
    pub fn start(&mut self, start: Start) {
        self.config.start = start;
        self.start_over();
    }

    /// Some time passes, then a video changes.
    pub fn change(&mut self, id: &str, action: Action, after_ms: u64) {
        self.apply(Change::new(action, "video", id), after_ms);
    }

    /// Some time passes, then something changes.
    pub fn apply(&mut self, change: Change, after_ms: u64) {
        self.now_ms += after_ms;
        self.clock.set(self.now_ms);
        // The time makes every state of an object a different one.
        self.taker
            .append_at(&change.timestamp(self.now_ms), self.now_ms);
    }

    /// The time by the clock that stamps states, ms.
    pub fn states_ms(&self) -> u64 {
        self.now_ms.saturating_add_signed(self.taker_offset_ms)
    }

    /// Nothing happens for so long.
    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.clock.set(self.now_ms);
        self.server.with_model(|model| model.pass(self.now_ms));
    }

    /// The objects the consumer should have.
    pub fn expected(&self) -> Objects {
        let mut objects = self.server.objects();
        let url = &self.config.endpoints[0].url;
        for (name, value) in url.query_pairs() {
            objects.retain(|key, json| match &*name {
                "types" => key.starts_with(&format!("{value}/")),
                _ => json.contains(&format!("{value:?}")),
            });
        }
        objects
    }

    /// What exists now is known, wherever from.
    pub fn know_all(&mut self) {
        self.replica = Replica::of_objects(self.expected());
    }

    /// Whether the replica has this video.
    pub fn has(&self, id: &str) -> bool {
        self.replica.contains_key(&format!("video/{id}"))
    }

    /// What of the replica is not as it should be.
    pub fn wrong(&self) -> Vec<String> {
        self.replica.wrong(&self.expected())
    }

    /// How many objects the repairs have brought.
    pub fn backfilled(&self) -> u64 {
        self.backfilled + self.consumer.status().backfilled
    }

    /// Takes up to `most` operations, as far as they come without waiting for new ones to happen;
    /// says how many.
    pub async fn read(&mut self, most: usize) -> usize {
        let mut taken = 0;
        while taken < most
            && let Some(operation) = self.next(|_| {}).await.unwrap()
        {
            self.take(&operation);
            taken += 1;
        }
        taken
    }

    /// Takes what there is and acknowledges it.
    pub async fn catch_up(&mut self) {
        self.read(usize::MAX).await;
        self.acknowledge(u8::MAX);
        // The repair may have come to its end since.
        self.read(usize::MAX).await;
        self.acknowledge(u8::MAX);
    }

    /// Connects from now on, with what exists now.
    pub async fn begin_now(&mut self) {
        self.know_all();
        let until = Instant::now() + LONG_PATIENCE;
        while !self.consumer.is_connected() {
            self.read(1).await;
            assert!(Instant::now() < until, "it never connects");
        }
        self.saved = self.consumer.position();
    }

    /// The process dies; another one goes on where its position was.
    pub fn kill(&mut self) {
        self.die(true, true);
    }

    /// As [`World::kill`], the last acknowledgements saved or not, and what is handed out and not
    /// acknowledged handled or lost.
    pub fn die(&mut self, is_saved: bool, is_handled: bool) {
        self.backfilled += self.consumer.status().backfilled;
        self.reader.die(is_saved, is_handled);
    }

    /// The connections end, and all but the newest operations leave the log before the next.
    /// (Were somebody connected and behind, the server would skip what they miss without a word,
    /// and nothing could tell.)
    pub fn shrink(&mut self, operations: usize) {
        self.server.drop_connections();
        self.server.with_model(|model| model.shrink_log(operations));
    }

    /// Time passes and operations happen until everything has come and the position is that of
    /// the newest operation. A replication that begins after the newest operation leaves that
    /// one out too, so it takes more than one.
    pub async fn settle(&mut self) {
        let until = Instant::now() + LONG_PATIENCE;
        loop {
            // Whatever the filter, it lets this one through.
            let last = Change::update("video", "v11").parents(["user/u1"]);
            self.apply(last, 10_000);
            let taken = self.read(usize::MAX).await;
            self.acknowledge(u8::MAX);
            self.read(usize::MAX).await;
            self.acknowledge(u8::MAX);
            if self.is_settled(&self.server, "video/v11") {
                return;
            }
            assert!(
                Instant::now() < until,
                "never complete: at {:?}, the newest is {:?}; {:?}",
                self.consumer.position(),
                self.server.newest(),
                self.told.borrow()
            );
            if taken == 0 {
                // A connection that no agent gave is made again after a second.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

impl Deref for World {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

/// A consumer of what stands at this address.
fn config(setup: &Setup, front: SocketAddr, clock: &LocalClock) -> Config {
    let endpoint = Endpoint {
        url: format!("http://{front}/?{}", setup.query).parse().unwrap(),
        authorization: None,
    };
    Config {
        http: patient_http(),
        retries: setup.retries,
        start: setup.start,
        exact_resume: setup.exact_resume,
        on_resume_failed: setup.on_resume_failed,
        backfill: setup.backfill,
        acknowledging: setup.acknowledging,
        clock: clock.clock(),
        ..Config::of(vec![endpoint; setup.agents])
    }
}

/// Notes what is told about repairs.
fn observer(told: &Rc<RefCell<Vec<String>>>) -> Rc<dyn Fn(Notice<'_>)> {
    let told = Rc::clone(told);
    Rc::new(move |notice| {
        let word = match notice {
            Notice::BackfillStarted => "started".to_owned(),
            Notice::BackfillDelayed { failure, .. } => format!("delayed: {failure}"),
            Notice::Backfilled { .. } => "done".to_owned(),
            Notice::BackfillGivenUp { reason } => format!("given up: {reason}"),
            _ => return,
        };
        told.borrow_mut().push(word);
    })
}
