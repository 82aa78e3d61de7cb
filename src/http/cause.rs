//! Explains the cause of a failed request.

use std::error::Error as StdError;

use http::StatusCode;

use super::chain::{deepest, last};
use super::failure::Failure;
use super::hint::Hint;
use super::names::NoThread;
use super::words::{CONNECTING, READING, REQUESTING};
use super::{tls_words, words};
use crate::error_text::in_words;

/// The message if no connection was made in time.
pub(super) const NOT_IN_TIME: &str = "cannot connect in time";

/// What a request that failed says about the place.
pub fn request_failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() && error.is_connect() {
        return Failure::retry(NOT_IN_TIME).hinting(Hint::TimeToConnect);
    }
    if let Some(error) = last::<NoThread>(error) {
        return Failure::retry(in_words(error));
    }
    // In TLS 1.3 a server refuses a client only after the client has connected.
    if let Some(error) = last::<rustls::Error>(error) {
        return tls_words::failure(error);
    }
    if let Some(failure) = tunnel_failure(deepest(error)) {
        return failure;
    }
    let words = words::words(error);
    if error.is_connect() {
        Failure::retry(format!("{CONNECTING}: {words}")).hinting(Hint::Look)
    } else if words::is_cut(error) {
        Failure::ended(words)
    } else if words::is_head_too_large(error) {
        Failure::fatal(words)
    } else {
        let failed = if error.is_body() || error.is_decode() {
            READING
        } else {
            REQUESTING
        };
        let reason = format!("{failed}: {words}");
        if words::is_unreadable(error) {
            Failure::unreadable(reason)
        } else if words::is_end(error) {
            Failure::ended(reason)
        } else {
            Failure::retry(reason)
        }
    }
}

/// True if a proxy answered `CONNECT` with a status that is neither 200 nor 407.
pub(super) fn is_refused_tunnel(error: &reqwest::Error) -> bool {
    deepest(error).to_string() == "tunnel error: unsuccessful"
}

/// The meaning of a proxy's answer to `CONNECT`. hyper-util gives only its kind, and only as text.
/// For the status see [`refusal`](super::refusal).
pub(super) fn tunnel_failure(cause: &(dyn StdError + 'static)) -> Option<Failure> {
    let text = cause.to_string();
    let failure = match text.strip_prefix("tunnel error: ")? {
        "proxy authorization required" => wants_password(),
        "proxy response headers too long" => {
            Failure::retry("the headers of its answer are too long").hinting(Hint::Proxy)
        }
        "unexpected end of file" => {
            Failure::retry("it ended the connection without an answer").hinting(Hint::Proxy)
        }
        _ => Failure::retry("it refuses to connect to the agent").hinting(Hint::Proxy),
    };
    Some(failure)
}

/// What it means that a proxy wants other credentials.
fn wants_password() -> Failure {
    Failure::fatal("it requires a user name and a password, or rejects those it got (407)")
        .hinting(Hint::ProxyPassword)
}

/// The failure of a request through the proxy of this name.
pub(super) fn through_proxy(name: &str, mut failure: Failure) -> Failure {
    failure.reason = format!("through the proxy {name}: {}", failure.reason);
    if failure.hint == Some(Hint::Look) {
        failure.hint = Some(Hint::Proxy);
    }
    failure
}

/// What it means that the proxy of this name answers with this status in place of the agent.
pub(super) fn refused_by_proxy(name: &str, status: StatusCode) -> Failure {
    let failure = match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => wants_password(),
        _ => Failure::retry(format!(
            "it refuses to connect to the agent ({})",
            words::of_status(status)
        )),
    };
    through_proxy(name, failure)
}

/// No client can be made with the certificates of this machine and the flags.
pub(super) fn no_tls() -> Failure {
    Failure::fatal(
        "cannot set up TLS: this machine has no usable certificates of trusted authorities",
    )
    .hinting(Hint::Authority)
}
