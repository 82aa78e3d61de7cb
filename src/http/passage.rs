//! How a request and its answer went over the network: times, proxy, certificate. Only the clients of
//! `--check` measure this.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tower_layer::Layer;
use tower_service::Service;

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

impl Passage {
    /// The passage of a request that `began` then and was answered just now.
    pub fn of(
        answer: &reqwest::Response,
        began: Instant,
        stopwatch: &Stopwatch,
        proxy: Option<String>,
    ) -> Self {
        let connected_in = stopwatch.take();
        let tls = answer.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = tls.and_then(|tls| tls.peer_certificate());
        Self {
            connected_in,
            answered_in: began
                .elapsed()
                .saturating_sub(connected_in.unwrap_or_default()),
            answered_at: Timestamp::now(),
            proxy,
            certificate: certificate.map(<[u8]>::to_vec),
        }
    }
}

/// Measures the time of each connecting, as a layer around the connector of reqwest.
///
/// It keeps only the last time, so it is for clients that make one connection at a time.
#[derive(Clone, Debug, Default)]
pub struct Stopwatch(Arc<Mutex<Option<Duration>>>);

impl Stopwatch {
    /// How long the last connecting took; takes it out.
    fn take(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(time);
    }
}

impl<S> Layer<S> for Stopwatch {
    type Service = Timed<S>;

    fn layer(&self, connector: S) -> Timed<S> {
        Timed {
            connector,
            stopwatch: self.clone(),
        }
    }
}

/// A connector whose time is taken.
#[derive(Clone, Debug)]
pub struct Timed<S> {
    connector: S,
    stopwatch: Stopwatch,
}

impl<S, R> Service<R> for Timed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let (connecting, stopwatch) = (self.connector.call(to), self.stopwatch.clone());
        let began = Instant::now();
        Box::pin(async move {
            let connected = connecting.await;
            if connected.is_ok() {
                stopwatch.note(began.elapsed());
            }
            connected
        })
    }
}
