//! The proxy that the flags or the environment name.

use std::ffi::OsStr;

use reqwest::Url;

use super::error::UsageError;
use super::inputs::Environment;
use super::url::decoded;
use crate::cli::Secret;
use crate::http::{Endpoint, ProxyChoice, ProxyVariables};
use crate::redact::{may_show_password, redacted};

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
        return given(typed).map(ProxyChoice::Given);
    }
    let variables = ProxyVariables::read(env);
    // reqwest would ignore a proxy that cannot be used, or speak HTTP to a SOCKS proxy.
    for endpoint in endpoints {
        if let Some((name, value)) = variables.proxy_for(&endpoint.url) {
            check_proxy_variable(name, value)?;
            check_exceptions(env)?;
        }
    }
    Ok(ProxyChoice::Environment(variables))
}

/// The meaning of `--proxy`. Its user name and password are never printed.
fn given(typed: &Secret) -> Result<Url, UsageError> {
    let text = typed.expose();
    let fail = |problem: &str| UsageError::new(format!("--proxy {:?}: {problem}", redacted(text)));
    let url = Url::parse(text)
        .map_err(|_| fail("not a URL; expected one like http://proxy.example.com:3128"))?;
    check_scheme(url.scheme()).map_err(fail)?;
    if may_show_password(OsStr::new(text)) {
        return Err(fail(SLASH_IN_PASSWORD));
    }
    if decoded(url.username()).contains(':') {
        return Err(fail("a user name cannot hold a colon"));
    }
    Ok(url)
}

/// Refuses exceptions with quotes. They would never match, and nothing would tell.
fn check_exceptions(env: &Environment) -> Result<(), UsageError> {
    let mut names = ["NO_PROXY", "no_proxy"].into_iter();
    let Some((name, hosts)) = names.find_map(|name| Some((name, env(name)?))) else {
        return Ok(());
    };
    let hosts = hosts.to_string_lossy();
    if hosts.split(',').any(is_quoted) {
        return Err(UsageError::new(format!("{name} {hosts:?}: {IN_QUOTES}")));
    }
    Ok(())
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
    uri.scheme_str().map_or(Ok(()), check_scheme).map_err(fail)
}

/// Fails with the problem of a proxy with this scheme, if any.
fn check_scheme(scheme: &str) -> Result<(), &'static str> {
    match scheme {
        "http" | "https" => Ok(()),
        _ if scheme.starts_with("socks") => {
            Err("SOCKS is not supported; use an http or https proxy")
        }
        _ => Err("only http and https proxies are supported"),
    }
}
