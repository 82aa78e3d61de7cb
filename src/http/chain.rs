//! The causes behind an error.

use std::error::Error as StdError;
use std::io;

/// The error, its cause, the cause of that, and so on.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // The `source` of an `io::Error` skips the error inside it and gives the source of that.
        let inside = || Some(error.downcast_ref::<io::Error>()?.get_ref()? as _);
        error.source().or_else(inside)
    })
}

/// The innermost cause of an error. The others only say where it passed through.
pub(super) fn deepest<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    chain(error).last().unwrap_or(error)
}

/// The error of this type that is nearest to the cause.
pub(super) fn last<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    chain(error).filter_map(|error| error.downcast_ref()).last()
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
}
