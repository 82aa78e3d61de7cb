//! Every kind of failure has words, and none of them is a debug form.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    CertRevocationListError, ContentType, EncryptedClientHelloError, ExtendedKeyPurpose,
    HandshakeType, InconsistentKeys, OtherError, PeerIncompatible, PeerMisbehaved,
};

use super::*;

/// The error of webpki that rustls passes on as it is.
#[derive(Debug)]
struct CaUsedAsEndEntity;

impl std::fmt::Display for CaUsedAsEndEntity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for CaUsedAsEndEntity {}

fn other() -> OtherError {
    OtherError(Arc::new(CaUsedAsEndEntity))
}

#[expect(deprecated, reason = "rustls can still give it")]
fn certificate_errors() -> Vec<Bad> {
    let time = UnixTime::since_unix_epoch(Duration::from_secs(1_795_456_518));
    let expected: ServerName<'static> = "a.example".try_into().unwrap();
    vec![
        Bad::BadEncoding,
        Bad::Expired,
        Bad::ExpiredContext {
            time,
            not_after: time,
        },
        Bad::NotValidYet,
        Bad::NotValidYetContext {
            time,
            not_before: time,
        },
        Bad::Revoked,
        Bad::UnhandledCriticalExtension,
        Bad::UnknownIssuer,
        Bad::UnknownRevocationStatus,
        Bad::ExpiredRevocationList,
        Bad::ExpiredRevocationListContext {
            time,
            next_update: time,
        },
        Bad::BadSignature,
        Bad::UnsupportedSignatureAlgorithm,
        Bad::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![1],
            supported_algorithms: Vec::new(),
        },
        Bad::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![1],
            public_key_algorithm_id: vec![2],
        },
        Bad::NotValidForName,
        Bad::NotValidForNameContext {
            expected: expected.clone(),
            presented: vec![
                "DnsName(\"b.example\")".into(),
                "IpAddress(127.0.0.2)".into(),
            ],
        },
        Bad::NotValidForNameContext {
            expected,
            presented: Vec::new(),
        },
        Bad::InvalidPurpose,
        Bad::InvalidPurposeContext {
            required: ExtendedKeyPurpose::ServerAuth,
            presented: vec![ExtendedKeyPurpose::ClientAuth],
        },
        Bad::InvalidOcspResponse,
        Bad::ApplicationVerificationFailure,
        Bad::Other(other()),
    ]
}

/// An error of every kind.
pub(in crate::http) fn errors() -> Vec<Error> {
    let mut all = vec![
        Error::InappropriateMessage {
            expect_types: vec![ContentType::Alert],
            got_type: ContentType::Handshake,
        },
        Error::InappropriateHandshakeMessage {
            expect_types: vec![HandshakeType::Finished],
            got_type: HandshakeType::ClientHello,
        },
        Error::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
        Error::InvalidMessage(InvalidMessage::InvalidContentType),
        Error::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
        Error::NoCertificatesPresented,
        Error::UnsupportedNameType,
        Error::DecryptError,
        Error::EncryptError,
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
        Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
        Error::InvalidCertRevocationList(CertRevocationListError::BadSignature),
        Error::General("Some(Debug)".into()),
        Error::FailedToGetCurrentTime,
        Error::FailedToGetRandomBytes,
        Error::HandshakeNotComplete,
        Error::PeerSentOversizedRecord,
        Error::NoApplicationProtocol,
        Error::BadMaxFragmentSize,
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
        Error::Other(other()),
    ];
    all.extend((0..=u8::MAX).map(|code| Error::AlertReceived(Alert::from(code))));
    all.extend(
        certificate_errors()
            .into_iter()
            .map(Error::InvalidCertificate),
    );
    all
}

/// Whether a word looks like the name of a type or variant: a capital after a small letter.
fn is_debug_name(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters
        .windows(2)
        .any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase())
}

#[test]
fn no_failure_is_told_in_a_debug_form() {
    for error in errors() {
        let text = failure(&error).reason;
        let said = text.replace("(CA:TRUE)", "");
        assert!(!text.is_empty());
        assert!(
            !said.contains(['(', ')', '{', '}', '"']),
            "{error:?}: {text}"
        );
        assert!(
            !said.split_whitespace().any(is_debug_name),
            "{error:?}: {text}"
        );
    }
}

#[test]
fn advice_is_given_where_it_can_help() {
    for error in errors() {
        let Failure { reason, hint, .. } = failure(&error);
        let says_cacert = hint == Some(Hint::Authority);
        let unknown = matches!(error, Error::InvalidCertificate(Bad::UnknownIssuer));
        assert_eq!(says_cacert, unknown, "{reason}");
    }
}

#[test]
fn a_certificate_that_is_wrong_is_told_with_its_facts() {
    let told: Vec<_> = certificate_errors().iter().map(certificate).collect();
    for sentence in [
        "the server's certificate has expired 2026-11-23T17:55:18Z",
        "the server's certificate is not for a.example, but for b.example, 127.0.0.2",
        "the server shows the certificate of an authority (CA:TRUE) as its own",
    ] {
        assert!(
            told.iter().any(|told| told == sentence),
            "{sentence}: {told:#?}"
        );
    }
}
