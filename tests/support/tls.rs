//! Certificates for the servers of the tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority nobody trusts unless told to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("authority of the tests")
    }

    /// One with a name of its own; without, they all have the same.
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        Self { issuer }
    }

    /// Writes its certificate into this folder, for `--cacert`.
    pub fn write_pem(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        std::fs::write(&path, self.issuer.pem()).expect("a writable folder");
        path
    }

    /// What a server on 127.0.0.1 shows.
    pub(super) fn server_config(&self) -> Arc<rustls::ServerConfig> {
        self.signed(CertificateParams::new([
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
        ]))
    }

    /// What a server shows that uses the certificate of the authority itself.
    pub fn own_certificate(&self) -> Arc<rustls::ServerConfig> {
        let certificate = self.issuer.der().clone();
        config(certificate, self.issuer.key())
    }

    /// What a server of this name shows, of today or of long ago.
    pub fn config_for(&self, name: &str, expired: bool) -> Arc<rustls::ServerConfig> {
        self.signed(CertificateParams::new([name.to_owned()]).map(|mut params| {
            if expired {
                params.not_after = rcgen::date_time_ymd(2001, 2, 3);
                params.not_before = rcgen::date_time_ymd(2000, 2, 3);
            }
            params
        }))
    }

    /// What a server of this authority shows that wants a client certificate of it, too.
    pub fn wanting_client_certificate(
        &self,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Arc<rustls::ServerConfig> {
        let (certificate, key) = self.issue(CertificateParams::new(["127.0.0.1".to_owned()]));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a certificate");
        let provider = Arc::new(ring::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            roots.into(),
            Arc::clone(&provider),
        );
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version the provider has")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![certificate.der().clone()], private(&key))
            .expect("a key that fits");
        Arc::new(config)
    }

    /// A client certificate and its key, in PEM.
    pub fn client_certificate(&self) -> (String, String) {
        let (certificate, key) = self.issue(CertificateParams::new(["client".to_owned()]));
        (certificate.pem(), key.serialize_pem())
    }

    fn signed(&self, params: Result<CertificateParams, rcgen::Error>) -> Arc<rustls::ServerConfig> {
        let (certificate, key) = self.issue(params);
        config(certificate.der().clone(), &key)
    }

    fn issue(
        &self,
        params: Result<CertificateParams, rcgen::Error>,
    ) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .and_then(|params| params.signed_by(&key, &self.issuer))
            .expect("a certificate");
        (certificate, key)
    }

    /// A client that trusts this authority and no other.
    pub fn client(&self, name: &str) -> rustls::ClientConnection {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a certificate");
        let config = rustls::ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = name.to_owned().try_into().expect("a name");
        rustls::ClientConnection::new(Arc::new(config), name).expect("a connection")
    }
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<rustls::ServerConfig> {
    let config = rustls::ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions the provider has")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private(key))
        .expect("a key that fits");
    Arc::new(config)
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}
