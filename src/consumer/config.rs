//! What a consumer needs to know, already validated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use reqwest::Url;

use crate::oplog::Position;

/// One agent of the log.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where to connect: `http` or `https`, filters in the query, no user name and no password.
    pub url: Url,
    /// The value of `Authorization`, marked sensitive so that it is never printed.
    pub authorization: Option<HeaderValue>,
}

/// Where a run without a saved position starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the operations from now on.
    Now,
    /// At this position, which is sent as it is.
    At(Position),
}

/// What to do when the server no longer has the operation to resume from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnResumeFailed {
    /// Take the states the server falls back to.
    Continue,
    /// Take none of them and start a full replication.
    Replicate,
    /// Take none of them and give up.
    Exit,
}

/// How connections are secured.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificate authorities to trust besides those of the system.
    pub extra_authorities: Vec<reqwest::Certificate>,
    /// The client certificate with its key; it goes to the origin of the endpoint only.
    pub identity: Option<reqwest::Identity>,
    /// Take any certificate.
    pub accept_invalid: bool,
}

/// A proxy, with what it is called in messages.
#[derive(Clone, Debug)]
pub struct NamedProxy {
    /// Its URL without user name and password.
    pub name: String,
    /// The proxy itself.
    pub proxy: reqwest::Proxy,
}

/// How acknowledgements reach the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledging {
    /// In the order of delivery, many at once.
    InOrder,
    /// By id, in any order, with at most this many operations out at once.
    ById {
        /// The most operations that may be unacknowledged, at least 1.
        max_in_flight: usize,
    },
}

/// The clock of this machine, or of a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The UNIX second that it is.
    pub fn second(&self) -> u64 {
        second_of((self.0)())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The UNIX second of a time; 0 for times before 1970.
pub(super) fn second_of(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// Everything a consumer needs to know before it connects.
#[derive(Clone, Debug)]
pub struct Config {
    /// The agents, at least one; when one fails the next is tried.
    pub endpoints: Vec<Endpoint>,
    /// Extra request headers; they go to the origin of the endpoint only.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How connections are secured.
    pub tls: Tls,
    /// Use no proxy at all, whatever the environment says.
    pub direct: bool,
    /// The proxy to use instead of the one the environment names.
    pub proxy: Option<NamedProxy>,
    /// The longest that establishing a connection may take.
    pub connect_timeout: Duration,
    /// The longest silence of a connected server; `None` waits for ever.
    pub read_timeout: Option<Duration>,
    /// How many new tries follow a failure, counted afresh after each event; `None` for ever.
    pub retries: Option<u32>,
    /// Where to start without a saved position.
    pub start: Start,
    /// Resume from a time as it is, without the deletions since (what the Go client does).
    pub exact_resume: bool,
    /// What to do when the server no longer has the operation to resume from.
    pub on_resume_failed: OnResumeFailed,
    /// Whether to fetch what the server leaves out of a replication.
    pub repair: bool,
    /// How acknowledgements come.
    pub acknowledging: Acknowledging,
    /// The time of day.
    pub clock: Clock,
}
