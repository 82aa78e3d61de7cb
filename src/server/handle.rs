//! A running server, and what a test or the demo does to it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::accept::accept;
pub use super::asked::Asked;
use super::connection::Blocked;
use super::model::{Model, ModelConfig, Subscription};
use super::object::Change;
pub use super::thread::ServerThread;
use crate::oplog::ObjectId;

/// The most requests a server remembers; older ones are forgotten.
const REMEMBERED_REQUESTS: usize = 10_000;

/// How long [`Handle::settled`] waits at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The store behind it.
    pub model: ModelConfig,
    /// The password to ask for; `None` lets everyone in.
    pub password: Option<String>,
    /// After how much silence a heartbeat is sent.
    pub heartbeat: Duration,
    /// Answers with the time of the agent's clock as a test has set it, instead of the real time.
    pub date_of_model: bool,
    /// By how many ms the agent's clock is ahead of the store's. It stamps the states of what the
    /// agent takes in, and the `Date` of its answers; the ids are made by the store.
    pub agent_offset_ms: i64,
    /// The size of the send buffer of a connection, in bytes, and little in front of it, so that
    /// a client that does not read is soon overtaken; `None` leaves it to the system. Below
    /// 64 KiB a connection also blocks while the client's system delays an acknowledgement.
    pub send_buffer: Option<usize>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            model: ModelConfig::default(),
            password: None,
            heartbeat: Duration::from_secs(25),
            date_of_model: false,
            agent_offset_ms: 0,
            send_buffer: None,
        }
    }
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They are served.
    Open,
    /// They are not accepted: the kernel takes them, and nobody answers.
    Hold,
    /// They are closed at once.
    Refuse,
}

/// What the agents of one store have in common.
#[derive(Debug)]
pub(super) struct Store {
    model: Mutex<Model>,
    /// Marked as changed after every change of the model.
    pub changed: watch::Sender<()>,
    /// Marked as changed when a subscription has got on, has ended, or is blocked.
    pub progress: watch::Sender<()>,
    /// The subscriptions that are not done with what there is, each with its connection.
    streams: Mutex<Vec<(usize, bool, Arc<Blocked>)>>,
}

impl Store {
    /// This subscription is at its present place, over this connection.
    pub fn note_place(
        &self,
        subscription: &Subscription,
        is_current: bool,
        blocked: &Arc<Blocked>,
    ) {
        let mut streams = locked(&self.streams);
        let number = subscription.number();
        match streams.iter_mut().find(|(it, ..)| *it == number) {
            Some(stream) => stream.1 = is_current,
            None => streams.push((number, is_current, Arc::clone(blocked))),
        }
        drop(streams);
        self.progress.send_replace(());
    }

    /// This subscription has ended.
    pub fn forget(&self, number: usize) {
        locked(&self.streams).retain(|(it, ..)| *it != number);
        self.progress.send_replace(());
    }
}

/// What the handle, the connections and the producers of an agent have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub password: Option<String>,
    pub heartbeat: Duration,
    pub date_of_model: bool,
    pub agent_offset_ms: i64,
    pub send_buffer: Option<usize>,
    /// How many connections were accepted.
    pub accepted: AtomicUsize,
    pub cut: watch::Sender<()>,
    pub admission: watch::Sender<Admission>,
    config: ServerConfig,
    address: SocketAddr,
    asked: Mutex<VecDeque<Asked>>,
    another_asked: Condvar,
}

/// The value behind a lock. A panic of another test thread leaves nothing half-done in it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(config: ServerConfig, store: Arc<Store>, address: SocketAddr) -> Self {
        Self {
            store,
            config: config.clone(),
            agent_offset_ms: config.agent_offset_ms,
            send_buffer: config.send_buffer,
            accepted: AtomicUsize::new(0),
            password: config.password,
            // A silence of no length would leave time for nothing but heartbeats.
            heartbeat: config.heartbeat.max(Duration::from_millis(1)),
            date_of_model: config.date_of_model,
            address,
            cut: watch::Sender::default(),
            admission: watch::Sender::new(Admission::Open),
            asked: Mutex::default(),
            another_asked: Condvar::new(),
        }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        locked(&self.store.model)
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The time of the agent's clock, ms, as far as the model has seen it.
    pub fn agent_ms(&self) -> u64 {
        let store_ms = self.model().store_ms();
        store_ms.saturating_add_signed(self.agent_offset_ms)
    }

    pub fn note<B>(&self, request: &http::Request<B>, status: StatusCode) {
        let headers = request.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), value.into_owned())
        });
        let mut asked = locked(&self.asked);
        if asked.len() == REMEMBERED_REQUESTS {
            asked.pop_front();
        }
        asked.push_back(Asked {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: headers.collect(),
            status: status.as_u16(),
        });
        self.another_asked.notify_all();
    }
}

/// Access to a running server, from any thread.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

impl Handle {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Its URL, such as `http://127.0.0.1:8042/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.0.address)
    }

    /// Appends an operation now. Returns its id.
    pub fn append(&self, change: &Change) -> ObjectId {
        self.append_at(change, now_ms())
    }

    /// This agent takes an operation in at this UNIX time (ms) of the store's clock; see
    /// [`Model::append_by`]. Returns its id.
    pub fn append_at(&self, change: &Change, unix_ms: u64) -> ObjectId {
        let offset = self.0.agent_offset_ms;
        self.with_model(|model| model.append_by(offset, change, unix_ms))
    }

    /// Ready once every subscription to this store, over whatever agent, has taken everything or
    /// is blocked by a client that does not read. Operations appended after that can overtake
    /// only the blocked ones. Does not return without a runtime that runs the connections.
    ///
    /// # Panics
    /// If that takes longer than 20 s.
    pub async fn settled(&self) {
        let store = &self.0.store;
        let until = Instant::now() + PATIENCE;
        let mut progress = store.progress.subscribe();
        loop {
            progress.borrow_and_update();
            let is_settled = locked(&store.streams)
                .iter()
                .all(|(_, is_current, blocked)| *is_current || blocked.is_blocked());
            if is_settled {
                return;
            }
            let changed = timeout_at(until, progress.changed()).await;
            assert!(
                changed.is_ok(),
                "a subscription neither gets on nor is blocked"
            );
        }
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.0.connections()
    }

    /// Does something with the store, then wakes everyone who waits for operations. Returns what
    /// `act` returns.
    pub fn with_model<T>(&self, act: impl FnOnce(&mut Model) -> T) -> T {
        let mut model = self.0.model();
        let appended = model.appended();
        let outcome = act(&mut model);
        if model.appended() > appended {
            // Before anyone can append again.
            for (_, is_current, _) in &mut *locked(&self.0.store.streams) {
                *is_current = false;
            }
        }
        drop(model);
        self.0.store.changed.send_replace(());
        outcome
    }

    /// The objects that are not deleted: `type/id` and the JSON that is sent about them.
    pub fn objects(&self) -> BTreeMap<String, String> {
        self.0.model().objects()
    }

    /// The id of the newest operation in the log; `None` where the log is empty.
    pub fn newest(&self) -> Option<ObjectId> {
        self.0.model().newest()
    }

    /// Cuts every open connection, in the middle of what it is sending.
    pub fn drop_connections(&self) {
        self.0.cut.send_replace(());
    }

    /// From now on new connections are treated like this; open ones are left alone.
    pub fn admit(&self, admission: Admission) {
        self.0.admission.send_replace(admission);
    }

    /// What was asked so far, in order; at most the last 10,000 requests. The subscription of a
    /// request that stands here has begun: what is appended now is sent to it.
    pub fn requests(&self) -> Vec<Asked> {
        locked(&self.0.asked).iter().cloned().collect()
    }

    /// Waits until `count` requests came or `patience` is over. Returns [`Self::requests`].
    pub fn wait_for_requests(&self, count: usize, patience: Duration) -> Vec<Asked> {
        let asked = locked(&self.0.asked);
        let (asked, _) = self
            .0
            .another_asked
            .wait_timeout_while(asked, patience, |asked| asked.len() < count)
            .unwrap_or_else(PoisonError::into_inner);
        asked.iter().cloned().collect()
    }
}

/// The UNIX time, ms.
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// A server on the current runtime. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves an empty store on `listener`. Must be called within a tokio runtime with I/O and
    /// time enabled.
    ///
    /// # Errors
    /// What the system says about the listener.
    pub fn start(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let store = Arc::new(Store {
            model: Mutex::new(Model::new(config.model.clone())),
            changed: watch::Sender::default(),
            progress: watch::Sender::default(),
            streams: Mutex::default(),
        });
        Self::agent(listener, config, store)
    }

    /// Another agent of the store that `first` serves, with a clock of its own, this much ahead of
    /// the store's; otherwise like `first`. Must be called within a runtime, like [`Self::start`].
    ///
    /// # Errors
    /// What the system says about the listener.
    pub fn another(
        first: &Handle,
        listener: TcpListener,
        agent_offset_ms: i64,
    ) -> io::Result<Self> {
        let config = ServerConfig {
            agent_offset_ms,
            ..first.0.config.clone()
        };
        Self::agent(listener, config, Arc::clone(&first.0.store))
    }

    fn agent(listener: TcpListener, config: ServerConfig, store: Arc<Store>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared::new(config, store, listener.local_addr()?));
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self {
            handle: Handle(Arc::clone(&shared)),
            accepting: tokio::spawn(accept(listener, shared)),
        })
    }

    /// A handle that outlives this value, though not the serving.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Deref for Server {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
