//! A running server, and what a test or the demo does to it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::http::respond;
use super::model::{Model, ModelConfig};
use super::object::Change;
use crate::position::ObjectId;

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
    /// Answers with the time of the model's clock that stamps operations, which a test sets,
    /// instead of the real time.
    pub date_of_model: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            model: ModelConfig::default(),
            password: None,
            heartbeat: Duration::from_secs(25),
            date_of_model: false,
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

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method, such as `GET`.
    pub method: String,
    /// The path, not decoded.
    pub path: String,
    /// What follows the `?`, not decoded.
    pub query: Option<String>,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u16,
}

impl Asked {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the handle, the connections and the producers of a server have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub password: Option<String>,
    pub heartbeat: Duration,
    pub date_of_model: bool,
    /// Marked as changed after every change of the model.
    pub changed: watch::Sender<()>,
    address: SocketAddr,
    model: Mutex<Model>,
    cut: watch::Sender<()>,
    admission: watch::Sender<Admission>,
    asked: Mutex<VecDeque<Asked>>,
    another_asked: Condvar,
}

/// The value behind a lock. A panic of another test thread leaves nothing half-done in it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(config: ServerConfig, address: SocketAddr) -> Self {
        Self {
            password: config.password,
            // A silence of no length would leave time for nothing but heartbeats.
            heartbeat: config.heartbeat.max(Duration::from_millis(1)),
            date_of_model: config.date_of_model,
            changed: watch::Sender::default(),
            address,
            model: Mutex::new(Model::new(config.model)),
            cut: watch::Sender::default(),
            admission: watch::Sender::new(Admission::Open),
            asked: Mutex::default(),
            another_asked: Condvar::new(),
        }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        locked(&self.model)
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

    /// Appends an operation at this UNIX time (ms); see [`Model::append`]. Returns its id.
    pub fn append_at(&self, change: &Change, unix_ms: u64) -> ObjectId {
        self.with_model(|model| model.append(change, unix_ms))
    }

    /// Does something with the store, then wakes everyone who waits for operations. Returns what
    /// `act` returns.
    pub fn with_model<T>(&self, act: impl FnOnce(&mut Model) -> T) -> T {
        let outcome = act(&mut self.0.model());
        self.0.changed.send_replace(());
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
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared::new(config, listener.local_addr()?));
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

/// A server on a thread and a runtime of its own, for blocking tests. Stops when dropped.
#[derive(Debug)]
pub struct ServerThread {
    handle: Handle,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ServerThread {
    /// Serves an empty store on `listener`.
    ///
    /// # Errors
    /// What the system says about the listener, the thread or its runtime.
    pub fn start(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let server = {
            let _within = runtime.enter();
            Server::start(listener, config)?
        };
        let handle = server.handle();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("oplog-server".into())
            .spawn(move || {
                // Nothing is ever sent: the sender is dropped.
                let _ = runtime.block_on(stopped);
                drop(server);
            })?;
        Ok(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Serves an empty store on a free port of the loopback interface.
    ///
    /// # Errors
    /// As [`Self::start`], or no port could be had.
    pub fn on_loopback(config: ServerConfig) -> io::Result<Self> {
        Self::start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, config)
    }
}

impl Deref for ServerThread {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It fails only where the thread panicked, which has been reported by then.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    let mut admission = shared.admission.subscribe();
    loop {
        while connections.try_join_next().is_some() {}
        let hold = *admission.borrow_and_update() == Admission::Hold;
        let accepted = tokio::select! {
            biased;
            _ = admission.changed() => continue,
            accepted = listener.accept(), if !hold => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                if *shared.admission.borrow() != Admission::Refuse {
                    let cut = shared.cut.subscribe();
                    connections.spawn(serve(stream, Arc::clone(&shared), cut));
                }
            }
            // Out of file descriptors, mostly: others must be closed before it can go on.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, mut cut: watch::Receiver<()>) {
    // Events are small and rare in a live stream; a failure would cost latency, nothing else.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| ready(Ok::<_, Infallible>(respond(&shared, &request))));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What is appended after a cut must not reach the connections that were cut.
        biased;
        _ = cut.changed() => {}
        // An error here is a client that went away.
        _ = connection => {}
    }
}
