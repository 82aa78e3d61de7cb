//! The state that the parts of a running server share, and the controls of it for tests and the
//! demo.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::asked::Asked;
use super::figures::Figures;
use super::model::{Model, ModelConfig};
use super::object::Change;
use crate::oplog::ObjectId;

/// The most requests a server remembers; older ones are forgotten.
const REMEMBERED_REQUESTS: usize = 10_000;

/// How long [`Agent::settled`] waits at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it waits for progress before it looks at the sockets again.
const MOMENT: Duration = Duration::from_millis(10);

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

/// How new connections are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They are served.
    Open,
    /// They are not accepted: the kernel takes them, and no answer comes.
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
    /// Marked as changed when a subscription has got on, has ended, or waits for its client.
    pub progress: watch::Sender<()>,
    /// The sockets of the subscriptions that wait for their clients.
    pub waiting: Mutex<HashMap<usize, Arc<OwnedFd>>>,
}

impl Store {
    pub(super) fn new(config: ModelConfig) -> Self {
        Self {
            model: Mutex::new(Model::new(config)),
            changed: watch::Sender::default(),
            progress: watch::Sender::default(),
            waiting: Mutex::default(),
        }
    }

    /// Whether every subscription has taken everything or is blocked.
    fn is_settled(&self) -> bool {
        let waiting = locked(&self.waiting);
        locked(&self.model)
            .behind()
            .all(|number| waiting.get(&number).is_some_and(|socket| is_full(socket)))
    }
}

/// Whether the client has not read what fills the socket.
fn is_full(socket: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(socket, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(&Timespec::default())), Ok(0))
}

/// An agent: a server in front of a store.
#[derive(Debug)]
pub struct Agent {
    pub(super) store: Arc<Store>,
    pub(super) config: ServerConfig,
    /// How many connections were accepted.
    pub(super) accepted: AtomicUsize,
    pub(super) cut: watch::Sender<()>,
    pub(super) admission: watch::Sender<Admission>,
    address: SocketAddr,
    asked: Mutex<VecDeque<Asked>>,
    another_asked: Condvar,
    figures: Mutex<Figures>,
}

/// Access to a running server, from any thread.
pub type Handle = Arc<Agent>;

/// Locks the value. A panic of another test thread cannot leave it half changed.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Agent {
    pub(super) fn new(config: ServerConfig, store: Arc<Store>, address: SocketAddr) -> Self {
        Self {
            store,
            config,
            accepted: AtomicUsize::new(0),
            address,
            cut: watch::Sender::default(),
            admission: watch::Sender::new(Admission::Open),
            asked: Mutex::default(),
            another_asked: Condvar::new(),
            figures: Mutex::default(),
        }
    }

    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        locked(&self.store.model)
    }

    /// The time of the agent's clock, as far as the model has seen it.
    pub(super) fn time(&self) -> SystemTime {
        let store_ms = self.model().store_ms();
        let ms = store_ms.saturating_add_signed(self.config.agent_offset_ms);
        UNIX_EPOCH + Duration::from_millis(ms)
    }

    pub(super) fn note<B>(&self, request: &http::Request<B>, status: StatusCode) {
        let headers = request.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), value.into_owned())
        });
        let mut asked = locked(&self.asked);
        if asked.len() == REMEMBERED_REQUESTS {
            asked.pop_front();
        }
        asked.push_back(Asked {
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: headers.collect(),
            status: status.as_u16(),
        });
        self.another_asked.notify_all();
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, such as `http://127.0.0.1:8042/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Appends an operation now. Returns its id.
    pub fn append(&self, change: &Change) -> ObjectId {
        self.append_at(change, now_ms())
    }

    /// This agent takes an operation in at this UNIX time (ms) of the store's clock; see
    /// [`Model::append_by`]. Returns its id.
    pub fn append_at(&self, change: &Change, unix_ms: u64) -> ObjectId {
        let offset = self.config.agent_offset_ms;
        self.with_model(|model| model.append_by(offset, change, unix_ms))
    }

    /// Ready once every subscription to this store, over whatever agent, has taken everything or
    /// is blocked by a client that does not read. Operations appended after that can overtake
    /// only the blocked ones. Does not return without a runtime that runs the connections.
    ///
    /// # Panics
    /// If that takes longer than 20 s.
    pub async fn settled(&self) {
        let until = Instant::now() + PATIENCE;
        let mut progress = self.store.progress.subscribe();
        while !self.store.is_settled() {
            assert!(
                Instant::now() < until,
                "a subscription neither gets on nor is blocked"
            );
            // A socket may become full without a mark.
            let _ = timeout(MOMENT, progress.changed()).await;
        }
    }

    /// What this agent says about itself.
    pub fn figures(&self) -> MutexGuard<'_, Figures> {
        locked(&self.figures)
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Changes the store, then wakes all that wait for operations. Returns the result of `act`.
    pub fn with_model<T>(&self, act: impl FnOnce(&mut Model) -> T) -> T {
        let outcome = act(&mut self.model());
        self.store.changed.send_replace(());
        outcome
    }

    /// The objects that are not deleted: `type/id` and the JSON that is sent about them.
    pub fn objects(&self) -> BTreeMap<String, String> {
        self.model().objects()
    }

    /// The id of the newest operation in the log; `None` where the log is empty.
    pub fn newest(&self) -> Option<ObjectId> {
        self.model().newest()
    }

    /// Cuts every open connection, in the middle of what it is sending.
    pub fn drop_connections(&self) {
        self.cut.send_replace(());
    }

    /// Sets how new connections are treated. Open ones do not change.
    pub fn admit(&self, admission: Admission) {
        self.admission.send_replace(admission);
    }

    /// What was asked so far, in order; at most the last 10,000 requests. The subscription of a
    /// request that stands here has begun: what is appended now is sent to it.
    pub fn requests(&self) -> Vec<Asked> {
        locked(&self.asked).iter().cloned().collect()
    }

    /// Waits until `count` requests came or `patience` is over. Returns [`Self::requests`].
    pub fn wait_for_requests(&self, count: usize, patience: Duration) -> Vec<Asked> {
        let asked = locked(&self.asked);
        let (asked, _) = self
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
