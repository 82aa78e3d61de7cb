//! The messages about failures of TLS, in one table.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error, InvalidMessage};

use super::hint::Hint;

/// The sentence for a failure of TLS, and what a person can do.
pub(super) fn in_words(error: &Error) -> (String, Option<Hint>) {
    let (text, hint) = match error {
        Error::InvalidCertificate(bad) => return certificate(bad),
        Error::AlertReceived(alert) => return received(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => (
            "the server at this https:// address does not speak TLS",
            Some(Hint::Look),
        ),
        Error::NoCertificatesPresented => ("the server shows no certificate", None),
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => (
            "the server and this program have no TLS version or cipher in common; this program speaks TLS 1.2 and 1.3",
            None,
        ),
        Error::FailedToGetCurrentTime => ("the clock of this machine cannot be read", None),
        Error::FailedToGetRandomBytes => ("this machine provides no random numbers", None),
        Error::InconsistentKeys(_) => (
            "the client certificate and its key do not belong together",
            None,
        ),
        Error::InvalidCertRevocationList(_) => {
            ("a list of revoked certificates is not valid", None)
        }
        Error::General(_)
        | Error::Other(_)
        | Error::EncryptError
        | Error::HandshakeNotComplete
        | Error::UnsupportedNameType
        | Error::BadMaxFragmentSize => ("TLS failed inside this program", None),
        // All others are about malformed messages.
        _ => (
            "the server breaks the rules of TLS, or what it sent was damaged on the way",
            None,
        ),
    };
    (text.to_owned(), hint)
}

/// What is wrong with the certificate of the server.
fn certificate(bad: &Bad) -> (String, Option<Hint>) {
    let text = match bad {
        Bad::UnknownIssuer => {
            return (
                "the server's certificate is signed by an authority that this machine does not trust".into(),
                Some(Hint::Authority),
            );
        }
        Bad::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names = names(presented);
            format!(
                "the server's certificate is not for {}{names}",
                expected.to_str()
            )
        }
        Bad::NotValidForName => "the server's certificate is for another host".into(),
        Bad::ExpiredContext { not_after, .. } => {
            format!("the server's certificate has expired{}", at(*not_after))
        }
        Bad::Expired => "the server's certificate has expired".into(),
        Bad::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate is not valid yet, only from{}; is the clock of this machine right?",
            at(*not_before)
        ),
        Bad::NotValidYet => {
            "the server's certificate is not valid yet; is the clock of this machine right?".into()
        }
        Bad::Revoked => "the server's certificate has been revoked".into(),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "the server's certificate is not meant for a server".into()
        }
        Bad::UnknownRevocationStatus
        | Bad::ExpiredRevocationList
        | Bad::ExpiredRevocationListContext { .. }
        | Bad::InvalidOcspResponse => {
            "cannot find out whether the server's certificate has been revoked".into()
        }
        Bad::BadSignature => "the signature of the server's certificate is wrong".into(),
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the server's certificate is signed in a way that this program does not support".into()
        }
        Bad::Other(other) if uses_authority(other) => {
            return (
                "the server shows the certificate of an authority (CA:TRUE) as its own".into(),
                Some(Hint::ServerCertificate),
            );
        }
        _ => "the server's certificate is not valid".into(),
    };
    (text, None)
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
fn received(alert: Alert) -> (String, Option<Hint>) {
    let (text, hint) = match alert {
        Alert::CertificateRequired | Alert::NoCertificate => (
            "the server requires a client certificate",
            Some(Hint::ClientCertificate),
        ),
        // The answer of TLS 1.2 to a client without a certificate; and to much else.
        Alert::HandshakeFailure => (
            "the server refuses the TLS handshake; it may require a client certificate, \
             or other TLS versions or ciphers",
            Some(Hint::ClientCertificate),
        ),
        Alert::BadCertificate => (
            "the server requires a client certificate, or a different one",
            Some(Hint::ClientCertificate),
        ),
        Alert::UnknownCA => (
            "the server does not trust the authority of the client certificate",
            Some(Hint::ClientCertificate),
        ),
        Alert::CertificateExpired => (
            "the server says that the client certificate has expired",
            Some(Hint::ClientCertificate),
        ),
        Alert::CertificateRevoked => (
            "the server says that the client certificate has been revoked",
            Some(Hint::ClientCertificate),
        ),
        Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::CertificateUnobtainable
        | Alert::BadCertificateStatusResponse
        | Alert::BadCertificateHashValue => (
            "the server does not accept the client certificate",
            Some(Hint::ClientCertificate),
        ),
        // The issuer of the client certificate has the right name and another key, for example.
        Alert::DecryptError => (
            "the server rejects a signature, perhaps that of the client certificate",
            Some(Hint::ClientCertificate),
        ),
        Alert::AccessDenied => (
            "the server denies access to this client",
            Some(Hint::ClientCertificate),
        ),
        Alert::UnrecognisedName => ("the server has no certificate for this host name", None),
        Alert::ProtocolVersion | Alert::InsufficientSecurity | Alert::NoApplicationProtocol => (
            "the server and this program have no TLS version or cipher in common; this program speaks TLS 1.2 and 1.3",
            None,
        ),
        Alert::InternalError => ("TLS failed inside the server", None),
        Alert::CloseNotify | Alert::UserCanceled => ("the server ended the TLS connection", None),
        _ => (
            "the server rejected what it received over TLS; it may have been damaged on the way",
            None,
        ),
    };
    (text.to_owned(), hint)
}

#[cfg(test)]
pub(super) mod tests;
