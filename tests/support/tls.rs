//! Certificates for the servers of the tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority nobody trusts unless told to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
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

    fn signed(&self, params: Result<CertificateParams, rcgen::Error>) -> Arc<rustls::ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .and_then(|params| params.signed_by(&key, &self.issuer))
            .expect("a certificate");
        config(certificate.der().clone(), &key)
    }

    /// A client that trusts this authority and no other.
    #[cfg(test)]
    pub(super) fn client(&self, name: &str) -> rustls::ClientConnection {
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
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions the provider has")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    Arc::new(config)
}
