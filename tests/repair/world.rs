//! A server whose time a test sets, a consumer of it, and what comes of the operations.
//!
//! All of it runs on one thread and nothing waits for the time of day, so a test reads as fast as
//! it can and still knows when there is nothing more to come.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use oplog_tail::consumer::{Acknowledging, Config, Consumer, Delivery, Notice, Start};
use oplog_tail::http::{self, Endpoint};
use oplog_tail::oplog::{Event, Position};
use oplog_tail::server::object::{Action, Change};
use oplog_tail::server::{Server, ServerConfig};

use crate::clock::LocalClock;
use crate::front::Front;
pub use crate::setup::{BY_ID, Setup};

use crate::replica::{Objects, Replica};

/// The UNIX time in ms at which every test begins: within a second, not at its start.
pub const EPOCH_MS: u64 = 1_795_456_500_123;
/// What happened so long before is no part of what a replication may miss.
const LONG_AGO_MS: u64 = 20_000;
/// Longer than anything takes unless something hangs.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// How often everything else gets to run without anything coming of it before there is nothing
/// more to come. A new connection takes about a dozen turns.
const IDLE_TURNS: usize = 64;

/// Runs a test.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}

/// Plays a case with the repair, after which nothing may be missing, and without, after which
/// something must be; with both ways of acknowledging.
pub fn with_and_without(setup: &Setup, mut case: impl AsyncFnMut(&mut World)) {
    for acknowledging in [Acknowledging::InOrder, BY_ID] {
        for repair in [true, false] {
            let setup = Setup {
                acknowledging,
                repair,
                ..setup.clone()
            };
            run(async {
                let mut world = World::new(&setup);
                case(&mut world).await;
                world.settle().await;
                let wrong = world.wrong();
                if repair {
                    assert_eq!(wrong, [""; 0], "with the repair, {acknowledging:?}");
                    assert!(world.repaired() > 0, "there was something to repair");
                } else {
                    assert_ne!(wrong, [""; 0], "without the repair, {acknowledging:?}");
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
    pub consumer: Consumer,
    pub replica: Replica,
    pub config: Config,
    pub now_ms: u64,
    /// What the clock of the consumer's machine shows.
    clock: LocalClock,
    /// Handed out and not acknowledged, where acknowledgements go by id.
    pub in_flight: Vec<String>,
    /// Where nothing more comes until something is acknowledged, it is not.
    pub stays_paused: bool,
    /// What was told about repairs.
    pub told: Rc<RefCell<Vec<String>>>,
    /// How many objects the repairs of consumers that are gone have brought.
    repaired: u64,
    /// The position before the last acknowledgement.
    saved: Option<Position>,
}

impl World {
    /// Must be made within a runtime.
    pub fn new(setup: &Setup) -> Self {
        let config = ServerConfig {
            agent_offset_ms: setup.agent_offset_ms,
            date_of_model: true,
            ..ServerConfig::default()
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Server::start(listener, config).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taker = Server::another(&server, listener, setup.taker_offset_ms).unwrap();
        let front = Front::of(server.address());
        let endpoint = Endpoint {
            url: format!("http://{}/?{}", front.address(), setup.query)
                .parse()
                .unwrap(),
            authorization: None,
        };
        let clock = LocalClock::at(EPOCH_MS);
        let config = Config {
            http: http::Config {
                connect_timeout: PATIENCE,
                read_timeout: Some(PATIENCE),
                ..http::Config::direct()
            },
            retries: setup.retries,
            start: setup.start,
            exact_resume: setup.exact_resume,
            on_resume_failed: setup.on_resume_failed,
            repair: setup.repair,
            acknowledging: setup.acknowledging,
            clock: clock.clock(),
            ..Config::of(vec![endpoint; setup.agents])
        };
        let told = Rc::default();
        let mut world = Self {
            consumer: consumer(&config, &told),
            server,
            taker,
            taker_offset_ms: setup.taker_offset_ms,
            front,
            replica: Replica::default(),
            config,
            now_ms: EPOCH_MS - LONG_AGO_MS,
            clock,
            in_flight: Vec::new(),
            stays_paused: false,
            told,
            repaired: 0,
            saved: None,
        };
        // The log of a server is never empty.
        world.change("v0", Action::Delete, 0);
        world.pass(LONG_AGO_MS);
        world
    }

    /// The run starts here, with nothing handed out so far.
    pub fn start(&mut self, start: Start) {
        self.config.start = start;
        self.saved = None;
        self.consumer = consumer(&self.config, &self.told);
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

    /// What of the replica is not as it should be.
    pub fn wrong(&self) -> Vec<String> {
        let expected = self.expected();
        let mut keys: Vec<_> = self.replica.keys().chain(expected.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.retain(|key| self.replica.get(*key) != expected.get(*key));
        keys.into_iter().cloned().collect()
    }

    /// How many objects the repairs have brought.
    pub fn repaired(&self) -> u64 {
        self.repaired + self.consumer.repaired()
    }

    /// Takes up to `most` operations, as far as they come without waiting for new ones to happen;
    /// says how many.
    pub async fn read(&mut self, most: usize) -> usize {
        let (mut taken, mut idle) = (0, 0);
        while taken < most && idle < IDLE_TURNS {
            let polled = poll_fn(|cx| Poll::Ready(self.consumer.poll_next(cx))).await;
            if let Poll::Ready(delivery) = polled {
                self.take(delivery.unwrap());
                (taken, idle) = (taken + 1, 0);
            } else {
                idle += 1;
                tokio::task::yield_now().await;
            }
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
        self.replica.know(self.expected());
        let until = Instant::now() + PATIENCE;
        while !self.consumer.is_connected() {
            self.read(1).await;
            assert!(Instant::now() < until, "it never connects");
        }
        self.saved = self.consumer.position();
    }

    fn take(&mut self, delivery: Delivery) {
        let Delivery::Operation(operation) = delivery else {
            panic!("{delivery:?}")
        };
        self.replica.apply(&operation);
        if *operation.event() == Event::Reset {
            // It comes only when this is saved.
            self.saved = self.consumer.position();
        }
        if let Acknowledging::ById { .. } = self.config.acknowledging {
            if !operation.id().is_empty() {
                self.in_flight.push(operation.id().to_owned());
            }
            // Nothing comes through until this is done.
            if self.consumer.is_paused() && !self.stays_paused {
                self.acknowledge(u8::MAX);
            }
        }
    }

    /// Acknowledges some of what is in flight, in a strange order; everything at 255.
    pub fn acknowledge(&mut self, some: u8) {
        self.saved = self.consumer.position();
        self.consumer.acknowledge_delivered();
        if let Acknowledging::InOrder = self.config.acknowledging {
            self.replica.acknowledge(None);
        }
        let mut count = 0;
        self.in_flight.retain(|id| {
            count += 1;
            let keep = some != u8::MAX && count % 7 >= usize::from(some % 7);
            if !keep {
                self.consumer.acknowledge(id).unwrap();
                self.replica.acknowledge(Some(id));
            }
            keep
        });
    }

    /// The process dies; another one goes on where its position was.
    pub fn kill(&mut self) {
        self.die(true, true);
    }

    /// As [`World::kill`], the last acknowledgements saved or not, and what is handed out and not
    /// acknowledged handled or lost.
    pub fn die(&mut self, is_saved: bool, is_handled: bool) {
        self.replica.process_ends(is_handled);
        if is_saved {
            self.saved = self.consumer.position();
        }
        let position = self.saved;
        self.repaired += self.consumer.repaired();
        self.consumer = consumer(&self.config, &self.told);
        self.in_flight.clear();
        if let Some(position) = position {
            self.consumer.set_position(position);
        }
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
        let until = Instant::now() + PATIENCE;
        loop {
            // Whatever the filter, it lets this one through.
            let last = Change::update("video", "v11").parents(["user/u1"]);
            self.apply(last, 10_000);
            let taken = self.read(usize::MAX).await;
            self.acknowledge(u8::MAX);
            self.read(usize::MAX).await;
            self.acknowledge(u8::MAX);
            let newest = self.server.newest().map(Position::Operation);
            let has_newest =
                self.replica.get("video/v11") == self.server.objects().get("video/v11");
            if has_newest && self.consumer.position() == newest && !self.consumer.awaits_backfill()
            {
                return;
            }
            assert!(
                Instant::now() < until,
                "never complete: at {:?}, the newest is {newest:?}; {:?}",
                self.consumer.position(),
                self.told.borrow()
            );
            if taken == 0 {
                // A connection that no agent gave is made again after a second.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

fn consumer(config: &Config, told: &Rc<RefCell<Vec<String>>>) -> Consumer {
    let told = Rc::clone(told);
    Consumer::new(
        config.clone(),
        None,
        Box::new(move |notice| {
            let word = match notice {
                Notice::BackfillStarted => "started".to_owned(),
                Notice::BackfillDelayed { failure, .. } => format!("delayed: {failure}"),
                Notice::Backfilled { .. } => "done".to_owned(),
                Notice::BackfillGivenUp { reason } => format!("given up: {reason}"),
                _ => return,
            };
            told.borrow_mut().push(word);
        }),
    )
}
