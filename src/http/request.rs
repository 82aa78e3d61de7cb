//! One request with its redirects.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use reqwest::Url;

use super::cause::{is_refused_tunnel, refused_by_proxy, request_failure, through_proxy};
use super::clients::Clients;
use super::config::Endpoint;
use super::failure::Failure;
use super::hint::Hint;
use super::passage::Passage;
use super::refusal;
use crate::duration::ForPeople;
use crate::quiet::Quiet;
use crate::redact::{redacted, without_credentials};

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;

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
    /// The requests made so far with their answers, redirects included.
    exchanges: Arc<Mutex<Vec<Exchange>>>,
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

    /// Takes out what was asked and answered by this request and its clones.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges())
    }

    fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for `url` with these headers, and for nothing that it redirects to.
    pub(super) async fn ask(
        &self,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<reqwest::Response, Failure> {
        let client = self.clients.for_url(url, self.is_at_home(url))?;
        match client.get(url.clone()).headers(headers).send().await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(url, &error).await),
        }
    }

    /// Why a request to `url` brought no answer.
    async fn failed(&self, url: &Url, error: &reqwest::Error) -> Failure {
        let config = &self.clients.config;
        let Some(name) = config.proxy.name_for(url).filter(|_| error.is_connect()) else {
            return request_failure(error);
        };
        if is_refused_tunnel(error)
            && let Some(proxy) = config.proxy.intercept(url)
            && let Some(status) = refusal::status(&proxy, url, config.connect_timeout).await
        {
            return refused_by_proxy(&name, status);
        }
        through_proxy(&name, request_failure(error))
    }

    /// Whether `url` is of the origin that the credentials were given for.
    fn is_at_home(&self, url: &Url) -> bool {
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
            headers.extend(
                authorization
                    .clone()
                    .map(|value| (header::AUTHORIZATION, value)),
            );
            headers.extend(extra.iter().cloned());
        }
        // The headers of the protocol come last, so that nothing replaces them.
        headers.extend(protocol.clone());
        (
            headers,
            !at_home && (authorization.is_some() || !extra.is_empty()),
        )
    }

    /// Sends it with the headers that the `protocol` wants, and follows redirects. Returns the last
    /// answer.
    ///
    /// # Errors
    /// If no answer comes in time, or redirects do not lead to one.
    pub async fn send(self, protocol: HeaderMap) -> Result<reqwest::Response, Failure> {
        let config = &self.clients.config;
        // The limit on silence holds before the answer too, plus the time to connect.
        let patience = config
            .read_timeout
            .map(|silence| silence + config.connect_timeout);
        let mut url = self.endpoint.url.clone();
        let following = self.follow(&mut url, &protocol);
        let answer = match patience {
            None => following.await,
            Some(patience) => Quiet::limit(patience, following)
                .await
                .unwrap_or_else(|| Err(no_answer(patience))),
        };
        answer.map_err(|failure| self.with_origin(&url, failure))
    }

    /// Asks for `url` and for what it redirects to. `url` becomes what was asked for last.
    async fn follow(
        &self,
        url: &mut Url,
        protocol: &HeaderMap,
    ) -> Result<reqwest::Response, Failure> {
        let mut redirects = 0;
        loop {
            let (headers, withheld_credentials) = self.headers_for(url, protocol);
            let response = self.ask(url, headers.clone()).await?;
            let proxy = self.clients.config.proxy.name_for(url);
            let stopwatch = self.clients.stopwatch.as_ref();
            let (status, answer) = (response.status(), response.headers().clone());
            self.exchanges().push(Exchange {
                url: url.clone(),
                request: headers,
                status,
                answer: answer.clone(),
                withheld_credentials,
                passage: stopwatch.map(|watch| watch.passage(&response, proxy.clone())),
            });
            if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
                && let Some(name) = proxy
            {
                return Err(refused_by_proxy(&name, status));
            }
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let target = redirect_target(url, &answer)?;
            if redirects == MAX_REDIRECTS {
                return Err(too_many_redirects());
            }
            redirects += 1;
            *url = target;
        }
    }

    /// The failure, with the URL that redirects have led to, if any.
    fn with_origin(&self, asked: &Url, mut failure: Failure) -> Failure {
        let has_identity = self.clients.has_identity();
        // A refusal in TLS 1.3 can be lost where the server resets the connection.
        if failure.hint == Some(Hint::Ended)
            && self.endpoint.url.scheme() == "https"
            && !has_identity
        {
            failure.hint = Some(Hint::EndedOverTls);
        }
        if *asked == self.endpoint.url {
            return failure;
        }
        failure.reason = format!("redirected to {asked}: {}", failure.reason);
        if !self.is_at_home(asked) && failure.hint == Some(Hint::ClientCertificate) {
            return withheld(failure, has_identity);
        }
        failure
    }
}

/// The failure, where a client certificate could help but is for another origin: with that in place
/// of the advice to give one.
pub(super) fn withheld(mut failure: Failure, has_identity: bool) -> Failure {
    let shown = if has_identity {
        "was not shown there, because it "
    } else {
        ""
    };
    failure.reason = format!(
        "{}; a client certificate {shown}goes only to the origin of the URL; give this URL itself",
        failure.reason
    );
    failure.hint = None;
    failure
}

pub(super) fn no_answer(patience: Duration) -> Failure {
    Failure::retry(format!("no answer within {}", ForPeople(patience))).hinting(Hint::TimeToAnswer)
}

pub(super) fn too_many_redirects() -> Failure {
    Failure::fatal(format!(
        "the server redirects more than {MAX_REDIRECTS} times"
    ))
}

/// Where an answer redirects to, without any credentials that its `Location` brings along.
pub(super) fn redirect_target(from: &Url, answer: &HeaderMap) -> Result<Url, Failure> {
    let location = answer
        .get(header::LOCATION)
        .map_or(&b""[..], |value| value.as_bytes());
    let location = String::from_utf8_lossy(location);
    let bad = || {
        let shown: String = redacted(&location).chars().take(200).collect();
        Failure::fatal(format!(
            "the server redirects without a usable Location ({shown:?})"
        ))
    };
    if location.is_empty() {
        return Err(bad());
    }
    let mut to = without_credentials(from.join(&location).map_err(|_| bad())?);
    to.set_fragment(None);
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(Failure::fatal(format!(
            "the server redirects from https to {to}, which is not encrypted, so it is not followed"
        ))),
        (_, "http" | "https") => Ok(to),
        _ => Err(bad()),
    }
}
