//! One request with its redirects.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderMap, StatusCode, header};
use reqwest::Url;

use super::cause::is_refused_tunnel;
use super::clients::Clients;
use super::config::Endpoint;
use super::error::{MAX_REDIRECTS, RequestError};
use super::passage::Passage;
use super::refusal;
use crate::quiet::Quiet;
use crate::redact::redacted;

/// One request and its answer, for `-vv` and `--check`.
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
    /// How it went, if the clients measure this.
    pub passage: Option<Passage>,
}

/// The request of one connection, with its redirects.
#[derive(Clone, Debug)]
pub struct StreamRequest {
    clients: Arc<Clients>,
    endpoint: Arc<Endpoint>,
    exchanges: Arc<Exchanges>,
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

impl StreamRequest {
    /// A request to `endpoint`.
    pub fn new(clients: Arc<Clients>, endpoint: Arc<Endpoint>) -> Self {
        Self {
            clients,
            endpoint,
            exchanges: Arc::default(),
        }
    }

    /// What is asked and answered.
    pub fn exchanges(&self) -> Arc<Exchanges> {
        Arc::clone(&self.exchanges)
    }

    /// Why a request to `url` brought no answer.
    pub(super) async fn failed(&self, url: &Url, error: reqwest::Error) -> RequestError {
        let config = &self.clients.config;
        let name = match config.proxy.name_for(url) {
            Some(name) if error.is_connect() => name,
            _ => return error.into(),
        };
        if is_refused_tunnel(&error)
            && let Some((proxy, authorization)) = config.proxy.address_for(url)
            && let patience = config.connect_timeout
            && let Some(status) = refusal::status(&proxy, authorization, url, patience).await
        {
            return match status {
                StatusCode::PROXY_AUTHENTICATION_REQUIRED => RequestError::ProxyPassword { name },
                _ => RequestError::ProxyRefuses { name, status },
            };
        }
        RequestError::Proxy { name, error }
    }

    /// Whether `url` is of the origin that the credentials were given for.
    pub(super) fn is_at_home(&self, url: &Url) -> bool {
        url.origin() == self.endpoint.url.origin()
    }

    /// The headers for `url`: the credentials and the extra headers go to the origin they were
    /// given for and to no other. Says whether any were held back.
    pub(super) fn headers_for(&self, url: &Url, protocol: &HeaderMap) -> (HeaderMap, bool) {
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
        // The headers of the protocol come last, so that nothing replaces them.
        for (name, value) in protocol {
            headers.insert(name, value.clone());
        }
        (
            headers,
            !at_home && (authorization.is_some() || !extra.is_empty()),
        )
    }

    /// Sends it with the headers that the `protocol` wants, and follows redirects. Returns the last
    /// answer.
    ///
    /// # Errors
    /// [`RequestError`] if no answer comes in time, or redirects do not lead to one.
    pub async fn send(self, protocol: HeaderMap) -> Result<reqwest::Response, RequestError> {
        let config = &self.clients.config;
        // The limit on silence holds before the answer too, plus the time to connect.
        let patience = config
            .read_timeout
            .map(|silence| silence + config.connect_timeout);
        match patience {
            None => self.follow(protocol).await,
            Some(patience) => Quiet::limit(patience, self.follow(protocol))
                .await
                .unwrap_or(Err(RequestError::NoAnswer(patience))),
        }
    }

    async fn follow(&self, protocol: HeaderMap) -> Result<reqwest::Response, RequestError> {
        let mut url = self.endpoint.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let (headers, withheld_credentials) = self.headers_for(&url, &protocol);
            *lock(&self.exchanges.asked) = Some(url.clone());
            let client = self.clients.for_url(&url, self.is_at_home(&url))?;
            let began = Instant::now();
            let response = client
                .get(url.clone())
                .headers(headers.clone())
                .send()
                .await;
            let response = match response {
                Ok(response) => response,
                Err(error) => return Err(self.failed(&url, error).await),
            };
            let passage = self.clients.stopwatch.as_ref().map(|stopwatch| {
                let proxy = self.clients.config.proxy.name_for(&url);
                Passage::of(&response, began, stopwatch, proxy)
            });
            let (status, answer) = (response.status(), response.headers().clone());
            self.exchanges.add(Exchange {
                url: url.clone(),
                request: headers,
                status,
                answer: answer.clone(),
                withheld_credentials,
                passage,
            });
            if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
                && let Some(name) = self.clients.config.proxy.name_for(&url)
            {
                return Err(RequestError::ProxyPassword { name });
            }
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            url = redirect_target(&url, &answer)?;
        }
        Err(RequestError::TooManyRedirects)
    }
}

/// Where an answer redirects to, without any credentials that its `Location` brings along.
fn redirect_target(from: &Url, answer: &HeaderMap) -> Result<Url, RequestError> {
    let location = answer
        .get(header::LOCATION)
        .map_or(&b""[..], |value| value.as_bytes());
    let location = String::from_utf8_lossy(location);
    let bad = || {
        let shown = redacted(&location).chars().take(200).collect();
        RequestError::BadRedirect(shown)
    };
    if location.is_empty() {
        return Err(bad());
    }
    let mut to = from.join(&location).map_err(|_| bad())?;
    let _ = to.set_username("");
    let _ = to.set_password(None);
    to.set_fragment(None);
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(RequestError::InsecureRedirect(to)),
        (_, "http" | "https") => Ok(to),
        _ => Err(bad()),
    }
}
