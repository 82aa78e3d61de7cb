//! The settings of requests: endpoints, certificates, proxy, timeouts.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::Url;

use super::proxy::ProxyChoice;

/// One agent of the log.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where to connect: `http` or `https`, filters in the query, no user name and no password.
    pub url: Url,
    /// The value of `Authorization`, marked sensitive so that it is never printed.
    pub authorization: Option<HeaderValue>,
}

/// How connections are secured.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificate authorities to trust besides those of the system.
    pub extra_authorities: Vec<reqwest::Certificate>,
    /// The client certificate with its key; it goes to the origin of the endpoint only.
    pub identity: Option<reqwest::Identity>,
    /// Do not verify certificates.
    pub accept_invalid: bool,
}

/// What all requests have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// Extra request headers; they go to the origin of the endpoint only.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How connections are secured.
    pub tls: Tls,
    /// Which proxy requests go through.
    pub proxy: ProxyChoice,
    /// The time limit for connecting.
    pub connect_timeout: Duration,
    /// The longest silence of a connected server; `None` waits forever.
    pub read_timeout: Option<Duration>,
}

impl Config {
    /// Requests without a proxy, with the certificates of the system.
    pub fn direct() -> Self {
        Self {
            headers: Vec::new(),
            tls: Tls::default(),
            proxy: ProxyChoice::Direct,
            connect_timeout: Duration::from_secs(10),
            read_timeout: None,
        }
    }
}
