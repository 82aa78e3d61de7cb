//! What is behind an error, in words.

use std::error::Error as StdError;

use super::chain::{chain, deepest};
use super::failure::Failure;
use super::hint::Hint;
use super::names::NoThread;
use super::{tls_words, words};
use crate::error_text::in_words;

/// What a request that failed says about the place.
pub fn request_failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() && error.is_connect() {
        return Failure::retry("no connection in time").hinting(Hint::TimeToConnect);
    }
    if let Some(error) = chain(error).find_map(|error| error.downcast_ref::<NoThread>()) {
        return Failure::retry(in_words(error));
    }
    // In TLS 1.3 a server refuses a client only after the client has connected.
    if let Some(error) = chain(error).find_map(|error| error.downcast_ref::<rustls::Error>()) {
        let (words, hint) = tls_words::in_words(error);
        let failure = Failure::retry(format!("cannot connect: {words}"));
        return Failure { hint, ..failure };
    }
    if let Some(failure) = tunnel_failure(deepest(error)) {
        return failure;
    }
    let words = words::words(error);
    if error.is_connect() {
        Failure::retry(format!("cannot connect: {words}")).hinting(Hint::Look)
    } else if words::is_cut(error) {
        Failure::ended(words)
    } else if words::is_head_too_large(error) {
        Failure::fatal(words)
    } else {
        let what = if error.is_body() || error.is_decode() {
            "the connection broke"
        } else {
            "the request failed"
        };
        let reason = format!("{what}: {words}");
        if words::is_unreadable(error) {
            Failure::unreadable(reason)
        } else if words::is_end(error) {
            Failure::ended(reason)
        } else {
            Failure::retry(reason)
        }
    }
}

/// What an answer of a proxy to `CONNECT` means. hyper-util gives its kind only as text.
///
/// Which status it was cannot be told: hyper-util reads the answer and keeps nothing of it, and a
/// layer around reqwest's connector sees no more. A tunnel of our own would be needed.
fn tunnel_failure(cause: &(dyn StdError + 'static)) -> Option<Failure> {
    let text = cause.to_string();
    let failure = match text.strip_prefix("tunnel error: ")? {
        "proxy authorization required" => {
            Failure::fatal(PROXY_WANTS_PASSWORD).hinting(Hint::ProxyPassword)
        }
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

/// What a proxy means by status 407.
pub(super) const PROXY_WANTS_PASSWORD: &str =
    "it wants a user name and a password, or refuses those it got (407)";
