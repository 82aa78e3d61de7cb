//! A running server, and the controls of it for tests and the demo.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::accept::accept;
use super::asked::Asked;
use super::figures::Figures;
use super::model::Model;
use super::object::Change;
use super::shared::{Admission, ServerConfig, Shared, Store, locked};
use crate::oplog::ObjectId;

/// How long [`Handle::settled`] waits at most.
const PATIENCE: Duration = Duration::from_secs(20);

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

    /// Changes the figures of this agent.
    pub fn set_figures(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.0.figures());
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.0.connections()
    }

    /// Changes the store, then wakes all that wait for operations. Returns the result of `act`.
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

    /// Sets how new connections are treated. Open ones do not change.
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
