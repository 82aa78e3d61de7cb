//! Why a request brought no answer, and whether a retry can help.

use std::time::Duration;

use http::StatusCode;
use reqwest::Url;

use super::cause::{PROXY_WANTS_PASSWORD, request_failure};
use super::failure::Failure;
use super::hint::Hint;
use super::words::of_status;
use crate::duration::ForPeople;

/// How many redirects are followed.
pub(super) const MAX_REDIRECTS: usize = 5;

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No client can be made with the certificates of this machine and the flags.
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
    /// The proxy answers that it does not connect.
    #[error("through the proxy {name}: it refuses to connect to the agent ({})", of_status(*.status))]
    ProxyRefuses {
        /// Its URL without user name and password.
        name: String,
        /// Its answer.
        status: StatusCode,
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
    /// A redirect has no usable `Location`.
    #[error("the server redirects without a usable Location ({0:?})")]
    BadRedirect(String),
    /// There are too many redirects.
    #[error("the server redirects more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    /// A redirect goes from https to http.
    #[error(
        "the server redirects from https to {0}, which is not encrypted, so it is not followed"
    )]
    InsecureRedirect(Url),
}

impl From<&RequestError> for Failure {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::Request(error) => request_failure(error),
            RequestError::Proxy { name, error } => {
                let failure = request_failure(error);
                Self {
                    reason: format!("through the proxy {name}: {}", failure.reason),
                    hint: match failure.hint {
                        Some(Hint::Look) => Some(Hint::Proxy),
                        other => other,
                    },
                    ..failure
                }
            }
            RequestError::ProxyRefuses { .. } => Self::retry(error.to_string()),
            RequestError::ProxyPassword { .. } => {
                Self::fatal(error.to_string()).hinting(Hint::ProxyPassword)
            }
            RequestError::NoAnswer(_) => Self::retry(error.to_string()).hinting(Hint::TimeToAnswer),
            RequestError::Tls(_) => Self::fatal(
                "cannot set up TLS: this machine has no usable certificates of trusted authorities",
            )
            .hinting(Hint::Authority),
            RequestError::InsecureRedirect(_)
            | RequestError::BadRedirect(_)
            | RequestError::TooManyRedirects => Self::fatal(error.to_string()),
        }
    }
}
