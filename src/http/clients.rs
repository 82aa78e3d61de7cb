//! The HTTP clients of all connections, with their certificates and their proxy.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, Url};
use tower::util::MapFutureLayer;

use super::cause::no_tls;
use super::config::Config;
use super::failure::Failure;
use super::names::SystemResolver;
use super::passage::Stopwatch;

/// How many headers an answer may have.
const MAX_HEADERS: usize = 1024;

/// The kinds of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Do without the certificates of the system.
    Plain,
    /// Check certificates.
    Secure,
    /// The same, and show the client certificate.
    Identified,
}

/// The clients of all connections.
#[derive(Debug)]
pub struct Clients {
    pub(super) config: Arc<Config>,
    /// One of each kind, made when it is first needed.
    made: [OnceLock<Client>; 3],
    /// Present if the clients measure how requests go.
    pub(super) stopwatch: Option<Stopwatch>,
}

impl Clients {
    /// Clients as `config` wants them.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            made: Default::default(),
            stopwatch: None,
        }
    }

    /// The same, which measure how requests go. Use them for one request at a time.
    pub fn watching(config: Arc<Config>) -> Self {
        Self {
            stopwatch: Some(Stopwatch::default()),
            ..Self::new(config)
        }
    }

    /// The longest silence of a connected server; `None` waits for ever.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.config.read_timeout
    }

    /// Whether there is a client certificate.
    pub(super) fn has_identity(&self) -> bool {
        self.config.tls.identity.is_some()
    }

    /// The client for `url`. It shows the client certificate only if `at_home`: this is the origin that
    /// the certificate was given for.
    ///
    /// Loading the certificates of the system takes milliseconds and fails if there are none. So plain
    /// `http` goes without them, unless a proxy may use TLS.
    pub(super) fn for_url(&self, url: &Url, at_home: bool) -> Result<&Client, Failure> {
        let encrypted = url.scheme() == "https";
        let proxied = self.config.proxy.name_for(url).is_some();
        let kind = if !encrypted && !proxied {
            Kind::Plain
        } else if at_home && self.has_identity() {
            Kind::Identified
        } else {
            Kind::Secure
        };
        match self.client(kind) {
            // A machine without certificates can still speak through a proxy that needs none.
            Err(_) if !encrypted => self.client(Kind::Plain),
            client => client,
        }
    }

    /// The client of this kind.
    fn client(&self, kind: Kind) -> Result<&Client, Failure> {
        let slot = &self.made[kind as usize];
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(kind).map_err(|_| no_tls())?;
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, kind: Kind) -> reqwest::Result<Client> {
        // Fails only if a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = &self.config;
        let mut builder = Client::builder()
            .user_agent(concat!("oplog-tail/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            // Chains of gateways add many; hyper's own limit of bytes is 408 KiB.
            .http1_max_headers(MAX_HEADERS)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .proxy(config.proxy.for_reqwest())
            .dns_resolver(SystemResolver)
            .tcp_keepalive(Duration::from_secs(30))
            .pool_max_idle_per_host(0);
        if let Some(stopwatch) = &self.stopwatch {
            let stopwatch = stopwatch.clone();
            let watch = MapFutureLayer::new(move |connecting| stopwatch.clone().watch(connecting));
            builder = builder.tls_info(true).connector_layer(watch);
        }
        if kind == Kind::Plain {
            return builder.tls_certs_only([]).build();
        }
        if kind == Kind::Identified
            && let Some(identity) = &config.tls.identity
        {
            builder = builder.identity(identity.clone());
        }
        builder
            .tls_certs_merge(config.tls.extra_authorities.iter().cloned())
            .tls_danger_accept_invalid_certs(config.tls.accept_invalid)
            .build()
    }
}
