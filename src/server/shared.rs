//! The state that the parts of a running server share.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;

use super::asked::Asked;
use super::connection::Blocked;
use super::figures::Figures;
use super::model::{Model, ModelConfig, Subscription};

/// The most requests a server remembers; older ones are forgotten.
const REMEMBERED_REQUESTS: usize = 10_000;

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
    pub model: Mutex<Model>,
    /// Marked as changed after every change of the model.
    pub changed: watch::Sender<()>,
    /// Marked as changed when a subscription has got on, has ended, or is blocked.
    pub progress: watch::Sender<()>,
    /// The subscriptions that are not done with what there is, each with its connection.
    pub streams: Mutex<Vec<(usize, bool, Arc<Blocked>)>>,
}

impl Store {
    /// This subscription is at its present place, over this connection.
    pub(super) fn note_place(
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
    pub(super) fn forget(&self, number: usize) {
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
    pub config: ServerConfig,
    pub address: SocketAddr,
    pub asked: Mutex<VecDeque<Asked>>,
    pub another_asked: Condvar,
    figures: Mutex<Figures>,
}

/// Locks the value. A panic of another test thread cannot leave it half changed.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(config: ServerConfig, store: Arc<Store>, address: SocketAddr) -> Self {
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
            figures: Mutex::default(),
        }
    }

    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        locked(&self.store.model)
    }

    /// What this agent says about itself.
    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        locked(&self.figures)
    }

    /// How many connections were accepted.
    pub(super) fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The time of the agent's clock, ms, as far as the model has seen it.
    pub(super) fn agent_ms(&self) -> u64 {
        let store_ms = self.model().store_ms();
        store_ms.saturating_add_signed(self.agent_offset_ms)
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
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: headers.collect(),
            status: status.as_u16(),
        });
        self.another_asked.notify_all();
    }
}
