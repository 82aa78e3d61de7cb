//! The messages about failures of TLS, in one table.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error, InvalidMessage};

use super::failure::Failure;
use super::hint::Hint;
use super::words::CONNECTING;

/// What a failure of TLS means: its sentence, and what a person can do.
pub(super) fn failure(error: &Error) -> Failure {
    let words = match error {
        Error::InvalidCertificate(bad) => certificate(bad),
        Error::AlertReceived(alert) => received(*alert).to_owned(),
        error => own(error).to_owned(),
    };
    Failure {
        hint: hint(error),
        ..Failure::retry(format!("{CONNECTING}: {words}"))
    }
}

/// What a person can do.
fn hint(error: &Error) -> Option<Hint> {
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Hint::Look),
        Error::InvalidCertificate(Bad::UnknownIssuer) => Some(Hint::Authority),
        Error::InvalidCertificate(Bad::Other(other)) if uses_authority(other) => {
            Some(Hint::ServerCertificate)
        }
        Error::AlertReceived(alert) if about_client(*alert).is_some() => {
            Some(Hint::ClientCertificate)
        }
        _ => None,
    }
}

const NOTHING_IN_COMMON: &str = "the server and this program have no TLS version or cipher in common; this program speaks TLS 1.2 and 1.3";

/// What went wrong at this end.
fn own(error: &Error) -> &'static str {
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server at this https:// address does not speak TLS"
        }
        Error::NoCertificatesPresented => "the server shows no certificate",
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => NOTHING_IN_COMMON,
        Error::FailedToGetCurrentTime => "the clock of this machine cannot be read",
        Error::FailedToGetRandomBytes => "this machine provides no random numbers",
        Error::InconsistentKeys(_) => "the client certificate and its key do not belong together",
        Error::InvalidCertRevocationList(_) => "a list of revoked certificates is not valid",
        Error::General(_)
        | Error::Other(_)
        | Error::EncryptError
        | Error::HandshakeNotComplete
        | Error::UnsupportedNameType
        | Error::BadMaxFragmentSize => "TLS failed inside this program",
        // All others are about malformed messages.
        _ => "the server breaks the rules of TLS, or what it sent was damaged on the way",
    }
}

/// What is wrong with the certificate of the server.
fn certificate(bad: &Bad) -> String {
    let text = match bad {
        Bad::NotValidForNameContext {
            expected,
            presented,
        } => {
            let (expected, names) = (expected.to_str(), names(presented));
            return format!("the server's certificate is not for {expected}{names}");
        }
        Bad::ExpiredContext { not_after, .. } => {
            return format!("the server's certificate has expired{}", at(*not_after));
        }
        Bad::NotValidYetContext { not_before, .. } => {
            return format!(
                "the server's certificate is not valid yet, only from{}; is the clock of this machine right?",
                at(*not_before)
            );
        }
        Bad::UnknownIssuer => {
            "the server's certificate is signed by an authority that this machine does not trust"
        }
        Bad::NotValidForName => "the server's certificate is for another host",
        Bad::Expired => "the server's certificate has expired",
        Bad::NotValidYet => {
            "the server's certificate is not valid yet; is the clock of this machine right?"
        }
        Bad::Revoked => "the server's certificate has been revoked",
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "the server's certificate is not meant for a server"
        }
        Bad::UnknownRevocationStatus
        | Bad::ExpiredRevocationList
        | Bad::ExpiredRevocationListContext { .. }
        | Bad::InvalidOcspResponse => {
            "cannot find out whether the server's certificate has been revoked"
        }
        Bad::BadSignature => "the signature of the server's certificate is wrong",
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the server's certificate is signed in a way that this program does not support"
        }
        Bad::Other(other) if uses_authority(other) => {
            "the server shows the certificate of an authority (CA:TRUE) as its own"
        }
        _ => "the server's certificate is not valid",
    };
    text.to_owned()
}

/// The certificate of an authority is used by a server: what `openssl req -x509` makes.
///
/// webpki's error for it is not part of what rustls exports, so its name has to do.
fn uses_authority(other: &rustls::OtherError) -> bool {
    format!("{other:?}").contains("CaUsedAsEndEntity")
}

/// The names in a certificate. Some of them are wrapped in a debug form: `DnsName("a")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name.split_once('(').map_or(&**name, |(_, rest)| rest);
        let inside = inside.trim_end_matches(')').trim_matches('"');
        inside.escape_default().take(100).collect::<String>()
    };
    let shown: Vec<_> = presented.iter().take(5).map(bare).collect();
    let more = if presented.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    if shown.is_empty() {
        "; it names no host".into()
    } else {
        format!(", but for {}{more}", shown.join(", "))
    }
}

/// The time, with a space before it; nothing where it cannot be told.
fn at(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).ok();
    let time = second.and_then(|second| Timestamp::from_second(second).ok());
    time.map_or_else(String::new, |time| format!(" {time}"))
}

/// What the server says in an alert.
fn received(alert: Alert) -> &'static str {
    if let Some(words) = about_client(alert) {
        return words;
    }
    match alert {
        Alert::UnrecognisedName => "the server has no certificate for this host name",
        Alert::ProtocolVersion | Alert::InsufficientSecurity | Alert::NoApplicationProtocol => {
            NOTHING_IN_COMMON
        }
        Alert::InternalError => "TLS failed inside the server",
        Alert::CloseNotify | Alert::UserCanceled => "the server ended the TLS connection",
        _ => "the server rejected what it received over TLS; it may have been damaged on the way",
    }
}

/// What the server says in an alert that may be about the client certificate.
fn about_client(alert: Alert) -> Option<&'static str> {
    Some(match alert {
        Alert::CertificateRequired | Alert::NoCertificate => {
            "the server requires a client certificate"
        }
        // The answer of TLS 1.2 to a client without a certificate; and to much else.
        Alert::HandshakeFailure => {
            "the server refuses the TLS handshake; it may require a client certificate, \
             or other TLS versions or ciphers"
        }
        Alert::BadCertificate => "the server requires a client certificate, or a different one",
        Alert::UnknownCA => "the server does not trust the authority of the client certificate",
        Alert::CertificateExpired => "the server says that the client certificate has expired",
        Alert::CertificateRevoked => "the server says that the client certificate has been revoked",
        Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::CertificateUnobtainable
        | Alert::BadCertificateStatusResponse
        | Alert::BadCertificateHashValue => "the server does not accept the client certificate",
        // The issuer of the client certificate has the right name and another key, for example.
        Alert::DecryptError => {
            "the server rejects a signature, perhaps that of the client certificate"
        }
        Alert::AccessDenied => "the server denies access to this client",
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests;
