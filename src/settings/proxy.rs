//! The proxy that the flags or the environment name.

use std::ffi::OsStr;

use reqwest::{Proxy, Url};

use super::credentials::basic;
use super::error::UsageError;
use super::inputs::Environment;
use super::url::decoded;
use crate::cli::Secret;
use crate::http::{
    Endpoint, NamedProxy, ProxyChoice, ProxyVariables, excepts_everything, proxy_variable,
};
use crate::redact::{may_show_password, redacted};

const NO_SOCKS: &str = "SOCKS is not supported; use an http or https proxy";

const IN_QUOTES: &str = "the quotes are part of its value; leave them out";

/// What looks like host and port may then be the beginning of a password.
const SLASH_IN_PASSWORD: &str =
    "in its user name and password write %2F, %3F, %23 or %5C for a slash, ?, # or \\";

/// The proxy that is typed, or else the one of the environment.
pub(super) fn choose(
    typed: Option<&Secret>,
    env: &Environment,
    endpoints: &[Endpoint],
) -> Result<ProxyChoice, UsageError> {
    if let Some(typed) = typed {
        return Ok(ProxyChoice::Given(Box::new(given(typed)?)));
    }
    if excepts_everything(env) {
        return Ok(ProxyChoice::Direct);
    }
    check_proxy_variables(env, endpoints)?;
    Ok(ProxyChoice::Environment(ProxyVariables::read(env)))
}

/// The meaning of `--proxy`. Its user name and password are never printed.
fn given(typed: &Secret) -> Result<NamedProxy, UsageError> {
    let text = typed.expose();
    let fail = |problem: &str| UsageError::new(format!("--proxy {:?}: {problem}", redacted(text)));
    let mut url = Url::parse(text)
        .map_err(|_| fail("not a URL; expected one like http://proxy.example.com:3128"))?;
    match url.scheme() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => return Err(fail(NO_SOCKS)),
        _ => return Err(fail("only http and https proxies are supported")),
    }
    if may_show_password(OsStr::new(text)) {
        return Err(fail(SLASH_IN_PASSWORD));
    }
    let (user, password) = (decoded(url.username()), url.password().map(decoded));
    let has_credentials = !user.is_empty() || password.is_some();
    let (Ok(()), Ok(())) = (url.set_username(""), url.set_password(None)) else {
        return Err(fail("it names no host"));
    };
    let mut proxy =
        Proxy::all(url.clone()).map_err(|_| fail("this URL cannot be used as a proxy"))?;
    let mut authorization = None;
    if has_credentials {
        let credentials = basic(&user, &password.unwrap_or_default())
            .ok_or_else(|| fail("a user name cannot hold a colon"))?;
        // Proxy::basic_auth would keep the password where its Debug shows it.
        proxy = proxy.custom_http_auth(credentials.clone());
        authorization = Some(credentials);
    }
    Ok(NamedProxy {
        name: url.to_string(),
        proxy,
        authorization,
    })
}

/// Refuses a proxy of the environment that cannot be used. reqwest would ignore it, or speak HTTP to
/// a SOCKS proxy.
fn check_proxy_variables(env: &Environment, endpoints: &[Endpoint]) -> Result<(), UsageError> {
    for endpoint in endpoints {
        if let Some((name, value)) = proxy_variable(env, &endpoint.url) {
            check_proxy_variable(name, &value)?;
            check_exceptions(env)?;
        }
    }
    Ok(())
}

/// Refuses exceptions with quotes. They would never match, and nothing would tell.
fn check_exceptions(env: &Environment) -> Result<(), UsageError> {
    let set = ["NO_PROXY", "no_proxy"]
        .into_iter()
        .find_map(|name| Some((name, env(name)?)));
    match set {
        Some((name, hosts)) if hosts.to_string_lossy().split(',').any(is_quoted) => Err(
            UsageError::new(format!("{name} {:?}: {IN_QUOTES}", hosts.to_string_lossy())),
        ),
        _ => Ok(()),
    }
}

/// True if the text begins or ends with a quote, which some env files keep.
fn is_quoted(text: &str) -> bool {
    let quotes = ['"', '\''];
    text.trim().starts_with(quotes) || text.trim().ends_with(quotes)
}

fn check_proxy_variable(name: &str, value: &OsStr) -> Result<(), UsageError> {
    let text = value.to_string_lossy();
    let fail = |problem: &str| UsageError::new(format!("{name} {:?}: {problem}", redacted(&text)));
    if may_show_password(value) {
        return Err(fail(SLASH_IN_PASSWORD));
    }
    if is_quoted(&text) {
        return Err(fail(IN_QUOTES));
    }
    let uri: Option<http::Uri> = value.to_str().and_then(|text| text.parse().ok());
    let is_url = Url::parse(&text).is_ok() || Url::parse(&format!("http://{text}")).is_ok();
    let Some(uri) = uri.filter(|uri| is_url && uri.authority().is_some()) else {
        return Err(fail(
            "not the URL of a proxy; expected one like http://proxy.example.com:3128",
        ));
    };
    match uri.scheme_str() {
        None | Some("http" | "https") => Ok(()),
        Some(scheme) if scheme.starts_with("socks") => Err(fail(NO_SOCKS)),
        Some(_) => Err(fail("only http and https proxies are supported")),
    }
}
