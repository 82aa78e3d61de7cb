//! Certificates and the proxy.

use std::path::Path;

use reqwest::{Certificate, Proxy, Url};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::UsageError;
use super::credentials::basic;
use super::url::{decoded, redacted};
use crate::cli::{Secret, Source};
use crate::consumer::Tls;

/// What `--cacert` and `--insecure` mean.
pub(super) fn tls(typed: &Source) -> Result<Tls, UsageError> {
    Ok(Tls {
        extra_authorities: match &typed.cacert {
            Some(path) => authorities(path)?,
            None => Vec::new(),
        },
        accept_invalid: typed.insecure,
    })
}

/// The certificates in the file, at least one.
fn authorities(path: &Path) -> Result<Vec<Certificate>, UsageError> {
    let fail = |problem: String| UsageError::new(format!("--cacert {}: {problem}", path.display()));
    let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    let mut authorities = Vec::new();
    for der in CertificateDer::pem_slice_iter(&pem) {
        let der = der.map_err(|error| fail(format!("not valid PEM: {error}")))?;
        let certificate = Certificate::from_der(&der).map_err(|error| fail(error.to_string()))?;
        // Found out here, where the file can still be named.
        RootCertStore::empty()
            .add(der)
            .map_err(|error| fail(format!("holds an unusable certificate: {error}")))?;
        authorities.push(certificate);
    }
    if authorities.is_empty() {
        return Err(fail("holds no certificate in PEM".into()));
    }
    Ok(authorities)
}

/// What `--proxy` means. Its user name and password are kept from everything that is printed.
pub(super) fn proxy(typed: &Secret) -> Result<Proxy, UsageError> {
    let text = typed.expose();
    let fail = |problem: &str| UsageError::new(format!("--proxy {:?}: {problem}", redacted(text)));
    let mut url = Url::parse(text)
        .map_err(|_| fail("no URL; it is given like http://proxy.example.com:3128"))?;
    match url.scheme() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => {
            return Err(fail("SOCKS is not supported, only http and https are"));
        }
        _ => return Err(fail("only http and https proxies are supported")),
    }
    let (user, password) = (decoded(url.username()), url.password().map(decoded));
    let has_credentials = !user.is_empty() || password.is_some();
    let (Ok(()), Ok(())) = (url.set_username(""), url.set_password(None)) else {
        return Err(fail("it names no host"));
    };
    let proxy = Proxy::all(url).map_err(|_| fail("this URL cannot be used as a proxy"))?;
    if !has_credentials {
        return Ok(proxy);
    }
    // Proxy::basic_auth would keep the password where its Debug shows it.
    let authorization = basic(&user, &password.unwrap_or_default())
        .ok_or_else(|| fail("a user name cannot hold a colon"))?;
    Ok(proxy.custom_http_auth(authorization))
}
