//! A consumer that a test drives on one thread, and what comes of the operations it hands out.
//!
//! Nothing in it waits for the time of day, so a test reads as fast as it can and still knows when
//! there is nothing more to come.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use oplog_tail::consumer::{Acknowledging, Config, Consumer, Delivery, Error, Notice};
use oplog_tail::http;
use oplog_tail::oplog::{Event, Operation, Position};
use oplog_tail::server::Handle;
use proptest::test_runner::{Config as ProptestConfig, FileFailurePersistence};

use tokio::runtime::{Builder, Runtime};

use super::Replica;

/// The UNIX time in ms at which every test begins: within a second, not at its start.
pub const EPOCH_MS: u64 = 1_795_456_500_123;
/// Longer than anything takes in one of these tests unless it hangs.
pub const LONG_PATIENCE: Duration = Duration::from_mins(1);
/// How often everything else gets to run without anything coming of it before there is nothing
/// more to come. A new connection takes about a dozen turns.
const IDLE_TURNS: usize = 64;

/// Runs a test on this thread.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    runtime().block_on(test)
}

/// A runtime as the program has it.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// HTTP without a proxy and without a time limit that matters.
pub fn patient_http() -> http::Config {
    http::Config {
        connect_timeout: LONG_PATIENCE,
        read_timeout: Some(LONG_PATIENCE),
        ..http::Config::direct()
    }
}

/// What is told of the notices of a consumer.
pub type Observe = Rc<dyn Fn(Notice<'_>)>;

/// A consumer and what has come of the operations it handed out.
pub struct Reader {
    pub config: Config,
    pub consumer: Consumer,
    pub replica: Replica,
    observe: Observe,
    /// Handed out and not acknowledged, where acknowledgements go by id.
    pub in_flight: Vec<String>,
    /// Where nothing more comes until something is acknowledged, it is not.
    pub stays_paused: bool,
    /// The position before the last acknowledgement.
    pub saved: Option<Position>,
}

impl Reader {
    /// A first process. Must be made within a runtime.
    pub fn new(config: Config, observe: Observe) -> Self {
        Self {
            consumer: consumer(&config, &observe),
            config,
            replica: Replica::default(),
            observe,
            in_flight: Vec::new(),
            stays_paused: false,
            saved: None,
        }
    }

    /// Another process, which knows no position.
    pub fn start_over(&mut self) {
        self.saved = None;
        self.consumer = consumer(&self.config, &self.observe);
    }

    /// The operation that is there by now, if any; it is not taken in.
    pub async fn poll(&mut self) -> Result<Option<Operation>, Error> {
        let polled = poll_fn(|cx| Poll::Ready(self.consumer.poll_next(cx))).await;
        match polled {
            Poll::Pending => Ok(None),
            Poll::Ready(Ok(Delivery::Operation(operation))) => Ok(Some(operation)),
            Poll::Ready(Ok(delivery)) => panic!("{delivery:?}"),
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    /// The next operation, as far as it comes without waiting for new ones to happen; it is not
    /// taken in. Does this each time before it looks.
    pub async fn next(&mut self, before: impl Fn(&Consumer)) -> Result<Option<Operation>, Error> {
        for _ in 0..IDLE_TURNS {
            before(&self.consumer);
            if let Some(operation) = self.poll().await? {
                return Ok(Some(operation));
            }
            tokio::task::yield_now().await;
        }
        Ok(None)
    }

    /// Takes an operation in.
    pub fn take(&mut self, operation: &Operation) {
        self.replica.apply(operation);
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
                self.consumer.acknowledge(id).expect("it is in flight");
                self.replica.acknowledge(Some(id));
            }
            keep
        });
    }

    /// From now on it does not stay paused.
    pub fn resume(&mut self) {
        self.stays_paused = false;
        if self.consumer.is_paused() {
            self.acknowledge(u8::MAX);
        }
    }

    /// The process dies, the last acknowledgements saved or not, and what is handed out and not
    /// acknowledged handled or lost. Another one goes on where the saved position was.
    pub fn die(&mut self, is_saved: bool, is_handled: bool) {
        self.replica.process_ends(is_handled);
        if is_saved {
            self.saved = self.consumer.position();
        }
        self.consumer = consumer(&self.config, &self.observe);
        self.in_flight.clear();
        if let Some(position) = self.saved {
            self.consumer.set_position(position);
        }
    }

    /// Whether this object is as the server has it, the position that of the newest operation, and
    /// nothing left to fetch.
    pub fn is_settled(&self, server: &Handle, object: &str) -> bool {
        self.replica.get(object) == server.objects().get(object)
            && self.consumer.position() == server.newest().map(Position::Operation)
            && self.consumer.incomplete().is_none()
    }
}

fn consumer(config: &Config, observe: &Observe) -> Consumer {
    let observe = Rc::clone(observe);
    Consumer::new(
        config.clone(),
        None,
        Box::new(move |notice| observe(notice)),
    )
}

/// 500 schedules, or as many as the environment variable `PROPTEST_CASES` says, if more.
pub fn schedules() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(500),
        max_shrink_time: 60_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..default
    }
}
