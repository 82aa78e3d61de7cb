//! What is behind an error, in words.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;

use super::failure::Failure;
use super::hint::Hint;

/// What a request that failed says about the place.
pub(super) fn request_failure(error: &reqwest::Error) -> Failure {
    let cause = deepest(error);
    if error.is_timeout() {
        Failure::retry("no connection in time").hinting(Hint::TimeToConnect)
    } else if error.is_connect() {
        let hint = if is_about_certificate(cause) {
            Hint::Authority
        } else {
            Hint::Look
        };
        let cause = if speaks_no_tls(cause) {
            "what answers https:// does not speak TLS".into()
        } else {
            in_words(cause)
        };
        Failure::retry(format!("cannot connect: {cause}")).hinting(hint)
    } else if error.is_body() || error.is_decode() {
        Failure::retry(format!("the connection broke: {}", in_words(cause)))
    } else {
        Failure::retry(format!("the request failed: {}", in_words(cause)))
    }
}

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

/// Whether the certificate of the server is what is wrong.
fn is_about_certificate(cause: &(dyn StdError + 'static)) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(_))
    )
}

/// Whether what was answered is no TLS, as that of a server for `http://` is.
fn speaks_no_tls(cause: &(dyn StdError + 'static)) -> bool {
    let no_tls = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
    cause.downcast_ref() == Some(&no_tls)
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
        assert!(is_about_certificate(deepest(&error)));
        let refused = io::Error::from_raw_os_error(111);
        assert!(!is_about_certificate(deepest(&refused)));
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
