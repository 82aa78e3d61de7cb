//! The messages about failures of HTTP and of the system, in one table.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use http::StatusCode;

use super::chain::{deepest, last};
use crate::error_text::in_words;

/// What failed, before a colon and the words for it: the connection was not made.
pub(super) const CONNECTING: &str = "cannot connect";
/// The request was not sent, or the head of its answer not read.
pub(super) const REQUESTING: &str = "the request failed";
/// The body of the answer was not read.
pub(super) const READING: &str = "the connection broke";

/// The words for a connection that ends before or in the middle of an answer.
pub const CUT: &str = "the connection ended before the answer was complete";

/// The prefix that the standard library adds to errors of the resolver.
const LOOKUP: &str = "failed to lookup address information: ";

/// Whether the connection ended before the answer was complete.
pub(super) fn is_cut(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = last::<io::Error>(error) {
        return error.kind() == ErrorKind::UnexpectedEof;
    }
    last::<hyper::Error>(error).is_some_and(|error| {
        error.is_incomplete_message() || error.is_canceled() || error.is_closed()
    })
}

/// Whether the head of the answer is too large.
pub(super) fn is_head_too_large(error: &(dyn StdError + 'static)) -> bool {
    last(error).is_some_and(hyper::Error::is_parse_too_large)
}

/// Whether the other side or something on the way ended the connection.
pub(super) fn is_end(error: &(dyn StdError + 'static)) -> bool {
    let ends = [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
    ];
    last::<io::Error>(error).is_some_and(|error| ends.contains(&error.kind()))
}

/// Whether what came is no HTTP.
pub(super) fn is_unreadable(error: &(dyn StdError + 'static)) -> bool {
    match last::<io::Error>(error) {
        Some(error) => is_of_library(error),
        None => last(error).is_some_and(hyper::Error::is_parse),
    }
}

/// Whether the error is hyper's about chunks that are none.
fn is_of_library(error: &io::Error) -> bool {
    let kinds = [ErrorKind::InvalidData, ErrorKind::InvalidInput];
    error.raw_os_error().is_none() && kinds.contains(&error.kind())
}

/// The words for a failure, to go after a colon.
pub fn words(error: &(dyn StdError + 'static)) -> String {
    if let Some(why) = deepest(error).to_string().strip_prefix(LOOKUP) {
        return format!("the lookup of the host's address failed: {why}");
    }
    if is_cut(error) {
        return CUT.into();
    }
    if let Some(error) = last::<io::Error>(error) {
        return of_io(error);
    }
    match last::<hyper::Error>(error) {
        Some(error) => of_hyper(error).into(),
        None => unknown(error),
    }
}

/// The words if nothing is known.
const UNKNOWN: &str = "it failed inside this program";

/// The words for a failure that is in no table: its own, unless they look like a debug form.
fn unknown(error: &(dyn StdError + 'static)) -> String {
    let text = in_words(deepest(error));
    if text.is_empty() || text.contains(['(', ')', '{', '}', '[', ']', '"']) {
        UNKNOWN.into()
    } else {
        format!("{UNKNOWN}: {text}")
    }
}

/// The system has words for its own errors; those that libraries make have a kind.
fn of_io(error: &io::Error) -> String {
    if error.raw_os_error().is_some() {
        return in_words(error);
    }
    if is_of_library(error) {
        return BROKEN_HTTP.into();
    }
    match error.kind() {
        ErrorKind::Other => unknown(error),
        kind => kind.to_string(),
    }
}

const BROKEN_HTTP: &str = "the answer of the server is not valid HTTP";
const HEAD_TOO_LARGE: &str = "the headers of the answer are too many or too long";
const NOT_HTTP: &str = "the server does not speak HTTP/1, or not correctly; if it speaks TLS, the URL begins with https://";
const TOO_SLOW: &str = "it took too long";

/// A status with its usual name, if it has one.
pub(super) fn of_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(_) => status.to_string(),
        None => status.as_u16().to_string(),
    }
}

/// All words that are not those of the system or a library.
#[cfg(test)]
pub(super) const ALL: [&str; 6] = [
    CUT,
    UNKNOWN,
    BROKEN_HTTP,
    HEAD_TOO_LARGE,
    NOT_HTTP,
    TOO_SLOW,
];

fn of_hyper(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        HEAD_TOO_LARGE
    } else if error.is_parse() {
        NOT_HTTP
    } else if error.is_timeout() {
        TOO_SLOW
    } else if error.is_user() {
        UNKNOWN
    } else {
        // What is left is an answer to no request.
        BROKEN_HTTP
    }
}

#[cfg(test)]
mod tests;
