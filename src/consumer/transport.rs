//! eventsource-client's HTTP transport on reqwest: one request with its redirects.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper_util::client::proxy::matcher::Matcher;
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use reqwest::{Client, Proxy, Url};
use sync_wrapper::SyncFuture;

use super::body::{Bypass, EventBody};
use super::cause::PROXY_WANTS_PASSWORD;
use super::config::{Config, Endpoint};
use super::framing::TooLong;
use super::proxy::{may_show_password, proxy_of_environment, proxy_variable};
use super::quiet::Quiet;
use super::userinfo::without_userinfo;
use crate::duration::ForPeople;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;

/// How many headers an answer may have.
const MAX_HEADERS: usize = 1024;

/// Why a request brought no answer, or the body of an answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum TransportFailure {
    /// The TLS set-up of this machine or the options does not make a client.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] reqwest::Error),
    /// No connection, or it failed before the answer.
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    /// The proxy is not reached, or does not connect.
    #[error("through the proxy {name}: {error}")]
    Proxy {
        /// Its URL without user name and password.
        name: String,
        /// What went wrong.
        #[source]
        error: reqwest::Error,
    },
    /// The proxy wants other credentials.
    #[error("through the proxy {name}: {PROXY_WANTS_PASSWORD}")]
    ProxyPassword {
        /// Its URL without user name and password.
        name: String,
    },
    /// No answer came in time.
    #[error("no answer within {}", ForPeople(*.0))]
    NoAnswer(Duration),
    /// A redirect names no place to go to.
    #[error("a redirect without a usable Location ({0:?})")]
    BadRedirect(String),
    /// Redirects go on and on.
    #[error("more than {MAX_REDIRECTS} redirects")]
    TooManyRedirects,
    /// A redirect gives up encryption.
    #[error("refusing the redirect from https to {0}, which is not encrypted")]
    InsecureRedirect(Url),
    /// A line or an event is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The body ended where it must not.
    #[error("the connection ended in the middle of an event")]
    CutOff,
}

/// One request and its answer, for whoever explains a connection to a person.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was asked for; carries no credentials.
    pub url: Url,
    /// The headers of the request; credentials among them are marked sensitive.
    pub request: HeaderMap,
    /// The status of the answer.
    pub status: StatusCode,
    /// The headers of the answer.
    pub answer: HeaderMap,
    /// The credentials were held back because this origin is not the one they were given for.
    pub withheld_credentials: bool,
}

/// What a client can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Do without the certificates of the system.
    Plain,
    /// Check certificates.
    Secure,
    /// The same, and show the client certificate.
    Identified,
}

/// The clients of all connections, one of each kind.
#[derive(Debug)]
pub struct Clients {
    config: Arc<Config>,
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
    identified: OnceLock<Client>,
}

impl Clients {
    /// Clients as `config` wants them, each made when it is first needed.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            identified: OnceLock::new(),
        }
    }

    /// Whether there is a client certificate.
    pub fn has_identity(&self) -> bool {
        self.config.tls.identity.is_some()
    }

    /// The client for `url`, which shows the client certificate only where `at_home` says that
    /// this is the origin it was given for.
    ///
    /// Loading the certificates of the system takes milliseconds and fails where there are none,
    /// so plain `http` goes without, unless a proxy might be spoken to over TLS.
    fn for_url(&self, url: &Url, at_home: bool) -> Result<&Client, TransportFailure> {
        let encrypted = url.scheme() == "https";
        let proxied = !self.config.direct
            && (self.config.proxy.is_some()
                || proxy_variable(|name| std::env::var_os(name), url).is_some());
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
    fn client(&self, kind: Kind) -> Result<&Client, TransportFailure> {
        let slot = match kind {
            Kind::Plain => &self.plain,
            Kind::Secure => &self.secure,
            Kind::Identified => &self.identified,
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(kind).map_err(TransportFailure::Tls)?;
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, kind: Kind) -> reqwest::Result<Client> {
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = &self.config;
        let mut builder = Client::builder()
            .user_agent(concat!("oplog-tail/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            // Chains of gateways add many; hyper's own limit of bytes is 408 KiB.
            .http1_max_headers(MAX_HEADERS)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .tcp_keepalive(Duration::from_secs(30))
            .pool_max_idle_per_host(0);
        builder = match &config.proxy {
            _ if config.direct => builder.no_proxy(),
            Some(proxy) => builder.proxy(proxy.proxy.clone()),
            None => builder.proxy(Proxy::custom(|url| {
                proxy_of_environment(|name| std::env::var_os(name), url)
            })),
        };
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

/// What the error of a request means.
fn request_failure(config: &Config, url: &Url, error: reqwest::Error) -> TransportFailure {
    match proxy_for(config, url) {
        Some(name) if error.is_connect() => TransportFailure::Proxy { name, error },
        _ => error.into(),
    }
}

/// The name of the proxy through which requests to `url` go; chosen as reqwest does.
fn proxy_for(config: &Config, url: &Url) -> Option<String> {
    if config.direct {
        return None;
    }
    if let Some(proxy) = &config.proxy {
        return Some(proxy.name.clone());
    }
    let env = |name: &str| std::env::var_os(name);
    let (variable, value) = proxy_variable(env, url)?;
    if may_show_password(&value) {
        return Some(format!("of {variable}"));
    }
    let matcher = Matcher::builder()
        .all(proxy_of_environment(env, url)?)
        .build();
    let chosen = matcher.intercept(&url.as_str().parse().ok()?)?;
    Some(chosen.uri().to_string())
}

/// The transport of one connection.
#[derive(Clone)]
pub struct Transport {
    clients: Arc<Clients>,
    endpoint: Arc<Endpoint>,
    exchanges: Arc<Exchanges>,
    bypass: Arc<Bypass>,
}

/// The requests made so far with their answers, redirects included.
#[derive(Debug, Default)]
pub struct Exchanges {
    answered: Mutex<Vec<Exchange>>,
    /// The URL that was asked last: where redirects have led.
    asked: Mutex<Option<Url>>,
}

impl Exchanges {
    fn add(&self, exchange: Exchange) {
        lock(&self.answered).push(exchange);
    }

    /// Takes them out.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *lock(&self.answered))
    }

    /// The URL that was asked last; takes it out.
    pub fn take_asked(&self) -> Option<Url> {
        lock(&self.asked).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transport {
    /// A transport for one connection to `endpoint`.
    pub fn new(clients: Arc<Clients>, endpoint: Arc<Endpoint>) -> Self {
        Self {
            clients,
            endpoint,
            exchanges: Arc::default(),
            bypass: Arc::new(Bypass::new()),
        }
    }

    /// What is asked and answered.
    pub fn exchanges(&self) -> Arc<Exchanges> {
        Arc::clone(&self.exchanges)
    }

    /// What goes past the event parser.
    pub fn bypass(&self) -> Arc<Bypass> {
        Arc::clone(&self.bypass)
    }

    /// Whether `url` is of the origin that the credentials were given for.
    fn is_at_home(&self, url: &Url) -> bool {
        url.origin() == self.endpoint.url.origin()
    }

    /// The headers for `url`: the credentials and the extra headers go to the origin they were
    /// given for and to no other. Says whether any were held back.
    fn headers_for(&self, url: &Url, protocol: &HeaderMap) -> (HeaderMap, bool) {
        let mut headers = HeaderMap::new();
        let extra = &self.clients.config.headers;
        let authorization = &self.endpoint.authorization;
        let at_home = self.is_at_home(url);
        if at_home {
            if let Some(value) = authorization {
                headers.insert(header::AUTHORIZATION, value.clone());
            }
            for name in extra.iter().map(|(name, _)| name) {
                headers.remove(name);
            }
            for (name, value) in extra {
                headers.append(name, value.clone());
            }
        }
        // What the protocol wants comes last, so that nothing replaces it.
        for (name, value) in protocol {
            headers.insert(name, value.clone());
        }
        (
            headers,
            !at_home && (authorization.is_some() || !extra.is_empty()),
        )
    }

    async fn exchange(self, protocol: HeaderMap) -> Result<Response<ByteStream>, TransportFailure> {
        let mut url = self.endpoint.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let (headers, withheld_credentials) = self.headers_for(&url, &protocol);
            *lock(&self.exchanges.asked) = Some(url.clone());
            let client = self.clients.for_url(&url, self.is_at_home(&url))?;
            let response = client
                .get(url.clone())
                .headers(headers.clone())
                .send()
                .await
                .map_err(|error| request_failure(&self.clients.config, &url, error))?;
            let (status, answer) = (response.status(), response.headers().clone());
            self.exchanges.add(Exchange {
                url: url.clone(),
                request: headers,
                status,
                answer: answer.clone(),
                withheld_credentials,
            });
            if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
                && let Some(name) = proxy_for(&self.clients.config, &url)
            {
                return Err(TransportFailure::ProxyPassword { name });
            }
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Response::from(response)
                    .map(|body| -> ByteStream { Box::pin(EventBody::new(body, self.bypass)) }));
            }
            url = redirect_target(&url, &answer)?;
        }
        Err(TransportFailure::TooManyRedirects)
    }
}

/// Where an answer redirects to, without any credentials that its `Location` brings along.
fn redirect_target(from: &Url, answer: &HeaderMap) -> Result<Url, TransportFailure> {
    let location = answer
        .get(header::LOCATION)
        .map_or(&b""[..], |value| value.as_bytes());
    let location = String::from_utf8_lossy(location);
    let bad = || {
        let shown = without_userinfo(&location).chars().take(200).collect();
        TransportFailure::BadRedirect(shown)
    };
    if location.is_empty() {
        return Err(bad());
    }
    let mut to = from.join(&location).map_err(|_| bad())?;
    let _ = to.set_username("");
    let _ = to.set_password(None);
    to.set_fragment(None);
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(TransportFailure::InsecureRedirect(to)),
        (_, "http" | "https") => Ok(to),
        _ => Err(bad()),
    }
}

impl HttpTransport for Transport {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let config = &self.clients.config;
        // Silence before the answer counts like silence after it; the time to connect is extra.
        let patience = config
            .read_timeout
            .map(|silence| silence + config.connect_timeout);
        let exchange = self.clone().exchange(request.into_parts().0.headers);
        Box::pin(SyncFuture::new(async move {
            match patience {
                None => exchange.await,
                Some(patience) => Quiet::limit(patience, exchange)
                    .await
                    .unwrap_or(Err(TransportFailure::NoAnswer(patience))),
            }
            .map_err(TransportError::new)
        }))
    }
}
