//! What TLS is told: the files of certificates and keys, in PEM.

use std::path::{Path, PathBuf};

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
    let identity = |cert: &PathBuf| identity(cert, typed.key.as_deref());
    let authorities = typed.cacert.as_deref().map(authorities).transpose()?;
    Ok(Tls {
        extra_authorities: authorities.unwrap_or_default(),
        identity: typed.cert.as_ref().map(identity).transpose()?,
        accept_invalid: typed.insecure,
    })
}

/// The certificates in the file, at least one.
fn authorities(path: &Path) -> Result<Vec<Certificate>, UsageError> {
    let file = PemFile::read("--cacert", path)?;
    let usable = |der: CertificateDer<'static>| {
        let certificate = Certificate::from_der(&der).ok()?;
        // Checked here, so that the message can name the file.
        RootCertStore::empty().add(der).ok()?;
        Some(certificate)
    };
    let certificates = file.certificates()?.into_iter().map(usable);
    let certificates: Option<_> = certificates.collect();
    certificates.ok_or_else(|| file.error("holds a certificate that cannot be used"))
}

/// The client certificate that `--cert` and `--key` name, checked to fit its key.
fn identity(cert: &Path, key: Option<&Path>) -> Result<Identity, UsageError> {
    let file = PemFile::read("--cert", cert)?;
    let chain = file.certificates()?;
    let (key, origin) = match key {
        Some(path) => (
            PemFile::read("--key", path)?.private_key()?,
            format!("the key in {}", path.display()),
        ),
        None => (file.private_key()?, "the key in the same file".to_owned()),
    };
    let pem = in_pem(&chain, &key);
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
        file.error(&match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("its first certificate and {origin} do not belong together")
            }
            rustls::Error::InvalidCertificate(_) => "its first certificate is not valid".to_owned(),
            _ => format!("{origin} is not valid, or of an unsupported kind"),
        })
    })?;
    Identity::from_pem(&pem).map_err(|_| file.error("cannot be used as a client certificate"))
}

/// A file in PEM.
struct PemFile<'a> {
    /// The flag that names it.
    flag: &'a str,
    path: &'a Path,
    /// Without a byte order mark.
    content: Vec<u8>,
}

impl<'a> PemFile<'a> {
    fn read(flag: &'a str, path: &'a Path) -> Result<Self, UsageError> {
        let content = Vec::new();
        let mut file = Self {
            flag,
            path,
            content,
        };
        file.content = std::fs::read(path).map_err(|error| file.error(&in_words(&error)))?;
        // With it the first line would not be recognised.
        if file.content.starts_with(BYTE_ORDER_MARK) {
            file.content.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(file)
    }

    /// The error that it cannot be used.
    fn error(&self, problem: &str) -> UsageError {
        UsageError::new(format!("{} {}: {problem}", self.flag, self.path.display()))
    }

    /// The certificates in it, at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, UsageError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.content)
            .collect::<Result<_, _>>()
            .map_err(|error| self.error(problem(&error)))?;
        if certificates.is_empty() {
            return Err(self.error("holds no certificate in PEM"));
        }
        Ok(certificates)
    }

    /// The private key in it.
    fn private_key(&self) -> Result<PrivateKeyDer<'static>, UsageError> {
        PrivateKeyDer::from_pem_slice(&self.content).map_err(|error| {
            let text = String::from_utf8_lossy(&self.content);
            let is_encrypted = text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
                || text.contains("Proc-Type: 4,ENCRYPTED");
            self.error(match error {
                _ if is_encrypted => "its key is encrypted; decrypt it with openssl pkey",
                PemError::NoItemsFound if self.flag == "--cert" => {
                    "holds no private key in PEM; give the key with --key"
                }
                PemError::NoItemsFound => "holds no private key in PEM",
                error => problem(&error),
            })
        })
    }
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
