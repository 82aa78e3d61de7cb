//! What is behind an error, in words.

use std::error::Error as StdError;
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
        Failure::retry(format!("cannot connect: {}", in_words(cause))).hinting(hint)
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

/// The error without the number that the system has for it.
pub(super) fn in_words(error: &dyn StdError) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
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
    fn the_number_of_the_system_is_left_out() {
        let refused = io::Error::from_raw_os_error(2);
        assert_eq!(in_words(&refused), "No such file or directory");
        assert_eq!(in_words(&io::Error::other("no number")), "no number");
    }
}
