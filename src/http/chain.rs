//! The causes behind an error.

use std::error::Error as StdError;
use std::io;

/// The error, its cause, the cause of that, and so on.
pub(super) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        error.source().or_else(|| inside(error))
    })
}

/// The cause at the bottom of an error; those above it only say where it passed through.
pub(super) fn deepest<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    chain(error).last().unwrap_or(error)
}

/// What an error of input or output holds: it does not call that its source, but the source of
/// that.
fn inside<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
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
