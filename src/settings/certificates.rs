//! What TLS is told: the files of certificates and keys, in PEM.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Identity};
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::error::UsageError;
use crate::cli::Connection;
use crate::error_text::in_words;
use crate::http::Tls;

/// A byte order mark, which some editors put at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The meaning of `--cacert`, `--cert`, `--key` and `--insecure`.
pub(super) fn tls(typed: &Connection) -> Result<Tls, UsageError> {
    Ok(Tls {
        extra_authorities: match &typed.cacert {
            Some(path) => authorities(path)?,
            None => Vec::new(),
        },
        identity: match &typed.cert {
            Some(path) => Some(identity(path, typed.key.as_deref())?),
            None => None,
        },
        accept_invalid: typed.insecure,
    })
}

/// The certificates in the file, at least one.
fn authorities(path: &Path) -> Result<Vec<Certificate>, UsageError> {
    let unusable = || failure("--cacert", path, "holds a certificate that cannot be used");
    let mut authorities = Vec::new();
    for der in certificates("--cacert", path, &read("--cacert", path)?)? {
        let certificate = Certificate::from_der(&der).map_err(|_| unusable())?;
        // Checked here, so that the message can name the file.
        RootCertStore::empty().add(der).map_err(|_| unusable())?;
        authorities.push(certificate);
    }
    Ok(authorities)
}

/// The error about a file that cannot be used.
fn failure(flag: &str, path: &Path, problem: &str) -> UsageError {
    UsageError::new(format!("{flag} {}: {problem}", path.display()))
}

/// The content of the file that `flag` names, without a byte order mark.
fn read(flag: &str, path: &Path) -> Result<Vec<u8>, UsageError> {
    let mut content =
        std::fs::read(path).map_err(|error| failure(flag, path, &in_words(&error)))?;
    // With it the first line would not be recognised.
    if content.starts_with(BYTE_ORDER_MARK) {
        content.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(content)
}

/// The certificates in the file, at least one.
fn certificates(
    flag: &str,
    path: &Path,
    content: &[u8],
) -> Result<Vec<CertificateDer<'static>>, UsageError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(content)
        .collect::<Result<_, _>>()
        .map_err(|error| failure(flag, path, problem(&error)))?;
    if certificates.is_empty() {
        return Err(failure(flag, path, "holds no certificate in PEM"));
    }
    Ok(certificates)
}

/// The client certificate that `--cert` and `--key` name, checked to fit its key.
fn identity(cert: &Path, key: Option<&Path>) -> Result<Identity, UsageError> {
    let content = read("--cert", cert)?;
    let chain = certificates("--cert", cert, &content)?;
    let (key, origin) = match key {
        Some(path) => (
            private_key("--key", path, &read("--key", path)?)?,
            format!("the key in {}", path.display()),
        ),
        None => (
            private_key("--cert", cert, &content)?,
            "the key in the same file".to_owned(),
        ),
    };
    let pem = in_pem(&chain, &key);
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
        let problem = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("its first certificate and {origin} do not belong together")
            }
            rustls::Error::InvalidCertificate(_) => "its first certificate is not valid".to_owned(),
            _ => format!("{origin} is not valid, or of an unsupported kind"),
        };
        failure("--cert", cert, &problem)
    })?;
    Identity::from_pem(&pem)
        .map_err(|_| failure("--cert", cert, "cannot be used as a client certificate"))
}

/// The private key in the file.
fn private_key(
    flag: &str,
    path: &Path,
    content: &[u8],
) -> Result<PrivateKeyDer<'static>, UsageError> {
    PrivateKeyDer::from_pem_slice(content).map_err(|error| {
        let text = String::from_utf8_lossy(content);
        let is_encrypted = [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "Proc-Type: 4,ENCRYPTED",
        ]
        .iter()
        .any(|mark| text.contains(mark));
        let problem = match error {
            _ if is_encrypted => "its key is encrypted; decrypt it with openssl pkey",
            PemError::NoItemsFound if flag == "--cert" => {
                "holds no private key in PEM; give the key with --key"
            }
            PemError::NoItemsFound => "holds no private key in PEM",
            error => problem(&error),
        };
        failure(flag, path, problem)
    })
}

/// What is wrong with a file in PEM.
fn problem(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "not valid PEM: its end is missing",
        PemError::Base64Decode(_) => "not valid PEM: it holds characters that are not base64",
        _ => "not valid PEM",
    }
}

/// The certificates and the key as one file, which may hold nothing else for reqwest.
fn in_pem(chain: &[CertificateDer<'_>], key: &PrivateKeyDer<'_>) -> Vec<u8> {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let section = |label: &str, der: &[u8]| {
        let lines = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
    };
    let mut pem = section(label, key.secret_der());
    for certificate in chain {
        pem += &section("CERTIFICATE", certificate);
    }
    pem.into_bytes()
}
