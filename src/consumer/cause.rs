//! What is behind an error, in words.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;

use super::failure::Failure;
use super::hint::Hint;
use super::tls_words;

/// What a request that failed says about the place.
pub(super) fn request_failure(error: &reqwest::Error) -> Failure {
    let cause = deepest(error);
    if error.is_timeout() {
        return Failure::retry("no connection in time").hinting(Hint::TimeToConnect);
    }
    // In TLS 1.3 a server refuses a client only after the client has connected.
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        let (words, hint) = tls_words::in_words(error);
        let failure = Failure::retry(format!("cannot connect: {words}"));
        return Failure { hint, ..failure };
    }
    if let Some(failure) = tunnel_failure(cause) {
        return failure;
    }
    if error.is_connect() {
        let words = in_words(cause);
        Failure::retry(format!("cannot connect: {words}")).hinting(Hint::Look)
    } else if is_cut(cause) {
        Failure::retry(CUT)
    } else if error.is_body() || error.is_decode() {
        Failure::retry(format!("the connection broke: {}", in_words(cause)))
    } else if cause.to_string() == "message head is too large" {
        Failure::fatal("the headers of the answer are too many or too long")
    } else {
        Failure::retry(format!("the request failed: {}", in_words(cause)))
    }
}

/// A connection that ends before or in the middle of an answer, however the libraries put it.
pub(super) const CUT: &str = "the connection ended before the answer was complete";

/// Whether the connection ended before the answer was complete.
fn is_cut(cause: &(dyn StdError + 'static)) -> bool {
    let ended = cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof);
    let text = cause.to_string();
    let is_incomplete = [
        "connection closed before message completed",
        "end of file before message length reached",
        "unexpected EOF",
    ]
    .iter()
    .any(|words| text.contains(words));
    ended || is_incomplete
}

/// What an answer of a proxy to `CONNECT` means. hyper-util gives its kind only as text.
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

/// The cause at the bottom of an error; those above it only say where it passed through.
pub(super) fn deepest<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut error = error;
    while let Some(cause) = error.source().or_else(|| inside(error)) {
        error = cause;
    }
    error
}

/// What an error of input or output holds: it does not call that its source, but the source of
/// that.
fn inside<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

/// The error without the numbers that the system has for errors: it has words for them, too.
pub fn in_words(error: &dyn Display) -> String {
    let text = error.to_string();
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        told + part.split_once(')').map_or(part, |(_, after)| after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_inside_errors_of_input_too() {
        let cause = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = io::Error::other(io::Error::other(cause));
        assert!(deepest(&error).downcast_ref::<rustls::Error>().is_some());
    }

    #[test]
    fn the_numbers_of_the_system_are_left_out() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(in_words(&missing), "No such file or directory");
        for (text, told) in [
            ("no room (os error 28); make some", "no room; make some"),
            ("a (os error 1): b (os error 2)", "a: b"),
            ("nothing (left)", "nothing (left)"),
            ("", ""),
        ] {
            assert_eq!(in_words(&text), told);
        }
    }
}
