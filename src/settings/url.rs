//! The URLs of the agents: filters are added, credentials are taken out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;

use super::credentials;
use super::error::UsageError;
use super::inputs::Inputs;
use crate::cli::{Cli, Secret, Source, TypedUrl, URL_VARIABLE};
use crate::http::Endpoint;
use crate::redact::redacted;

/// The characters that are encoded in a filter: all that a query cannot hold unchanged. A comma is
/// only between values.
const FILTER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b',');

/// The URLs to use: the sample server, else those of the command line, else the environment's.
pub(super) fn typed(
    cli: &Cli,
    inputs: &Inputs,
    demo_url: Option<&str>,
) -> Result<Vec<TypedUrl>, UsageError> {
    let mut typed = cli.typed_urls.clone();
    if cli.source.demo || demo_url.is_some() {
        if !typed.is_empty() {
            return Err(UsageError::new(
                "--demo brings its own server: leave the URL out",
            ));
        }
        let demo = demo_url.unwrap_or_default().to_owned();
        return Ok(vec![TypedUrl {
            url: demo.into(),
            origin: "--demo",
        }]);
    }
    if typed.is_empty() {
        let variable = inputs.variable(URL_VARIABLE)?;
        typed.extend(variable.map(|url| TypedUrl {
            url: url.into(),
            origin: URL_VARIABLE,
        }));
    }
    if typed.is_empty() {
        return Err(UsageError::new(format!(
            "no server given: use --url or set {URL_VARIABLE}; --demo needs none"
        )));
    }
    Ok(typed)
}

/// The agents behind these URLs. `password` goes to all of them; without it, each gets the one
/// in its own URL.
pub(super) fn endpoints(
    source: &Source,
    typed: &[TypedUrl],
    password: Option<&Secret>,
) -> Result<Vec<Endpoint>, UsageError> {
    let mut filters = Vec::new();
    for (name, values) in [("types", &source.types), ("parents", &source.parents)] {
        let list = values.join(",");
        if values.iter().any(String::is_empty) {
            return Err(UsageError::new(format!(
                "--{name} {list:?}: one of the values is empty"
            )));
        }
        if !values.is_empty() {
            filters.push((name, utf8_percent_encode(&list, FILTER).to_string()));
        }
    }
    typed
        .iter()
        .map(|typed| endpoint(typed, &filters, password))
        .collect()
}

fn endpoint(
    typed: &TypedUrl,
    filters: &[(&str, String)],
    password: Option<&Secret>,
) -> Result<Endpoint, UsageError> {
    let text = typed.url.expose();
    let fail = |problem: &str| {
        UsageError::new(format!("{} {:?}: {problem}", typed.origin, redacted(text)))
    };
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Err(error) if begins_as_http(text) => return Err(fail(&error.to_string())),
        // For example quotes that an env file keeps.
        Ok(_) | Err(_) => {
            let meant = with_scheme(text).map(|meant| format!("; did you mean {meant}?"));
            let meant = meant.unwrap_or_default();
            return Err(fail(&format!(
                "it must begin with http:// or https://{meant}"
            )));
        }
    };
    let user = decoded(url.username());
    let own_password = url.password().map(decoded);
    let password = password.map(Secret::expose).or(own_password.as_deref());
    let has_credentials = password.is_some() || !user.is_empty();
    let authorization = has_credentials
        .then(|| credentials::basic(&user, password.unwrap_or_default()))
        .map(|value| value.ok_or_else(|| fail("a user name cannot hold a colon")))
        .transpose()?;
    let (Ok(()), Ok(())) = (url.set_username(""), url.set_password(None)) else {
        return Err(fail("it names no host"));
    };
    url.set_fragment(None);
    for (name, values) in filters {
        if url.query_pairs().any(|(own, _)| own == *name) {
            // The server would use only the first of them.
            return Err(fail(&format!(
                "its query already has {name:?}; leave --{name} out"
            )));
        }
        let query = match url.query() {
            None | Some("") => format!("{name}={values}"),
            Some(own) => format!("{own}&{name}={values}"),
        };
        url.set_query(Some(&query));
    }
    Ok(Endpoint { url, authorization })
}

/// True if the text begins with a supported scheme.
fn begins_as_http(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// The URL that a host without `http://` stands for; `None` where it may be something else, or
/// hold a password.
fn with_scheme(text: &str) -> Option<String> {
    if text.contains("://") || text.contains('@') {
        return None;
    }
    let meant = format!("http://{}", text.strip_prefix("//").unwrap_or(text));
    let url = Url::parse(&meant).ok()?;
    let host = url.host_str()?;
    let is_host = url.port().is_some() || host.contains('.') || host == "localhost";
    is_host.then_some(meant)
}

/// The text without percent-encoding.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
