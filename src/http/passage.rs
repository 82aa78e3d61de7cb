//! How a request and its answer went over the network: times, proxy, certificate. Only the clients of
//! `--check` measure this.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How a request and its answer went over the network.
#[derive(Clone, Debug)]
pub struct Passage {
    /// How long it took to connect: looking up the name, TCP, the proxy, TLS.
    pub connected_in: Option<Duration>,
    /// How long it took from then to the head of the answer.
    pub answered_in: Duration,
    /// When the head of the answer was there, by the clock of this machine.
    pub answered_at: Timestamp,
    /// The proxy on the way, without user name and password.
    pub proxy: Option<String>,
    /// The certificate of the server, in DER.
    pub certificate: Option<Vec<u8>>,
}

/// Measures the time of each connecting.
///
/// It keeps only the last time, so it is for clients that make one connection at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopwatch(Arc<Mutex<Option<Connecting>>>);

/// How long the last connecting took, and when it was done.
type Connecting = (Duration, Instant);

impl Stopwatch {
    /// Takes the time of `connecting`, if it succeeds.
    pub(super) async fn watch<T, E>(
        self,
        connecting: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = Instant::now();
        let connected = connecting.await;
        if connected.is_ok() {
            *self.last() = Some((began.elapsed(), Instant::now()));
        }
        connected
    }

    /// The passage of a request that was answered just now.
    pub(super) fn passage(&self, answer: &reqwest::Response, proxy: Option<String>) -> Passage {
        let (connected_in, connected_at) = self.last().take().unzip();
        let tls = answer.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = tls.and_then(|tls| tls.peer_certificate());
        Passage {
            connected_in,
            answered_in: connected_at.map_or(Duration::ZERO, |at| at.elapsed()),
            answered_at: Timestamp::now(),
            proxy,
            certificate: certificate.map(<[u8]>::to_vec),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Connecting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
