//! Chooses the proxy of a request, from the flag or the environment.

use std::ffi::OsString;
use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{Proxy, Url};

use crate::redact::may_show_password;

/// A proxy, with its name in messages.
#[derive(Clone, Debug)]
pub struct NamedProxy {
    /// Its URL without user name and password.
    pub name: String,
    /// The proxy itself.
    pub proxy: Proxy,
    /// Its user name and password, marked so that they are never printed.
    pub authorization: Option<HeaderValue>,
}

/// Which proxy requests go through.
#[derive(Clone, Debug)]
pub enum ProxyChoice {
    /// None; the environment is ignored.
    Direct,
    /// This one, for all of them.
    Given(Box<NamedProxy>),
    /// For each URL the one of the environment.
    Environment(ProxyVariables),
}

impl ProxyChoice {
    /// The proxy as reqwest takes it; `None` for none.
    pub(super) fn for_reqwest(&self) -> Option<Proxy> {
        match self {
            Self::Direct => None,
            Self::Given(named) => Some(named.proxy.clone()),
            Self::Environment(variables) => {
                let variables = variables.clone();
                Some(Proxy::custom(move |url| {
                    proxy_of_environment(|name| variables.get(name), url)
                }))
            }
        }
    }

    /// Whether requests to `url` may go through a proxy.
    pub(super) fn may_lead_to(&self, url: &Url) -> bool {
        match self {
            Self::Direct => false,
            Self::Given(_) => true,
            Self::Environment(variables) => {
                proxy_variable(|name| variables.get(name), url).is_some()
            }
        }
    }

    /// The name of the proxy for `url`, chosen as reqwest chooses it.
    pub fn name_for(&self, url: &Url) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::Given(named) => Some(named.name.clone()),
            Self::Environment(variables) => {
                let (variable, value) = proxy_variable(|name| variables.get(name), url)?;
                if may_show_password(&value) {
                    return Some(format!("of {variable}"));
                }
                Some(variables.intercept(url)?.uri().to_string())
            }
        }
    }

    /// Where that proxy is, and what it is to be told of who asks.
    pub(super) fn address_for(&self, url: &Url) -> Option<(Uri, Option<HeaderValue>)> {
        match self {
            Self::Direct => None,
            Self::Given(named) => Some((named.name.parse().ok()?, named.authorization.clone())),
            Self::Environment(variables) => {
                let proxy = variables.intercept(url)?;
                Some((proxy.uri().clone(), proxy.basic_auth().cloned()))
            }
        }
    }
}

/// The variables of the environment that name proxies and exceptions, read once.
#[derive(Clone, Default)]
pub struct ProxyVariables(Vec<(&'static str, OsString)>);

impl ProxyVariables {
    const NAMES: [&'static str; 9] = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
        "REQUEST_METHOD",
    ];

    /// What `env` says.
    pub fn read(env: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = Self::NAMES
            .into_iter()
            .filter_map(|name| Some((name, env(name)?)));
        Self(set.collect())
    }

    fn get(&self, name: &str) -> Option<OsString> {
        let (_, value) = self.0.iter().find(|(set, _)| *set == name)?;
        Some(value.clone())
    }

    /// The proxy for `url`.
    fn intercept(&self, url: &Url) -> Option<Intercept> {
        let proxy = proxy_of_environment(|name| self.get(name), url)?;
        let matcher = Matcher::builder().all(proxy).build();
        matcher.intercept(&url.as_str().parse().ok()?)
    }
}

impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Their values may hold passwords.
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// The variable that names the proxy for `url`, and its value, if one counts for it.
///
/// What it names need not be a proxy.
pub fn proxy_variable(
    env: impl Fn(&str) -> Option<OsString>,
    url: &Url,
) -> Option<(&'static str, OsString)> {
    let first = |names: [&'static str; 2]| {
        let mut set = names
            .into_iter()
            .filter_map(|name| Some((name, env(name)?)));
        set.next().filter(|(_, value)| !value.is_empty())
    };
    let own = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    // A CGI program gets the headers of its request as variables: HTTP_PROXY would be the header
    // Proxy.
    let is_cgi = env("REQUEST_METHOD").is_some();
    if is_cgi || is_excepted(&env, url) {
        return None;
    }
    first(own).or_else(|| first(["ALL_PROXY", "all_proxy"]))
}

/// Whether the environment says that nothing goes through a proxy. The matcher takes the asterisk
/// for names only, not for addresses.
pub fn excepts_everything(env: impl Fn(&str) -> Option<OsString>) -> bool {
    excepted(env).split(',').any(|host| host.trim() == "*")
}

/// The URL of the proxy that the environment names for `url`, if one counts for it.
///
/// reqwest asks this instead of the environment, because it knows no exceptions with a port.
fn proxy_of_environment(env: impl Fn(&str) -> Option<OsString>, url: &Url) -> Option<String> {
    let (_, value) = proxy_variable(env, url)?;
    let text = value.into_string().ok()?;
    let has_scheme = text.contains("://");
    Some(if has_scheme {
        text
    } else {
        format!("http://{text}")
    })
}

/// True if `NO_PROXY` excludes this URL.
fn is_excepted(env: impl Fn(&str) -> Option<OsString>, url: &Url) -> bool {
    let hosts = excepted(&env);
    let of_port = hosts.split(',').filter_map(|entry| host_of(entry, url));
    let matcher = Matcher::builder()
        .all("http://proxy")
        .no(of_port.collect::<Vec<_>>().join(","))
        .build();
    let intercepted = |url| matcher.intercept(&url).is_some();
    excepts_everything(env) || !url.as_str().parse().is_ok_and(intercepted)
}

/// The host of an exception; `None` where it is one for another port than that of `url`.
fn host_of<'a>(entry: &'a str, url: &Url) -> Option<&'a str> {
    let entry = entry.trim();
    let without_brackets = |host: &'a str| {
        let inside = host.strip_prefix('[');
        inside.and_then(|host| host.strip_suffix(']'))
    };
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        Some((host, port)) => match without_brackets(host) {
            Some(host) => (host, Some(port)),
            None => (entry, None),
        },
        None => (entry, None),
    };
    let host = without_brackets(host).unwrap_or(host);
    let is_meant = port.is_none_or(|port| port.parse().ok() == url.port_or_known_default());
    is_meant.then_some(host)
}

/// The hosts that no proxy is used for.
fn excepted(env: impl Fn(&str) -> Option<OsString>) -> String {
    let text = |name| env(name)?.into_string().ok();
    let hosts = text("NO_PROXY").or_else(|| text("no_proxy"));
    hosts.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(env: &[(&str, &str)], url: &str) -> Option<&'static str> {
        let env = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name)?;
            Some(found.1.into())
        };
        proxy_variable(env, &url.parse().unwrap()).map(|(name, _)| name)
    }

    #[test]
    fn a_variable_counts_for_the_urls_that_go_through_it() {
        let http = ("HTTP_PROXY", "http://p");
        let all = ("all_proxy", "http://p");
        for (env, url, counts) in [
            (&[http, all][..], "http://h/", Some("HTTP_PROXY")),
            (&[http, all], "https://h/", Some("all_proxy")),
            (&[http], "https://h/", None),
            (
                &[("HTTP_PROXY", ""), ("http_proxy", "x")],
                "http://h/",
                None,
            ),
            (
                &[http, ("NO_PROXY", "other")],
                "http://h/",
                Some("HTTP_PROXY"),
            ),
            (&[http, ("NO_PROXY", "x, h")], "http://h/", None),
            (&[http, ("no_proxy", "h")], "http://a.h/", None),
            (
                &[http, ("NO_PROXY", ""), ("no_proxy", "h")],
                "http://h/",
                Some("HTTP_PROXY"),
            ),
            (
                &[http, ("NO_PROXY", "10.0.0.0/8")],
                "http://10.1.2.3/",
                None,
            ),
            (&[http, ("NO_PROXY", "::1")], "http://[::1]:8/", None),
            (&[http, ("NO_PROXY", "x, *")], "http://10.1.2.3/", None),
            (&[http, ("NO_PROXY", "*")], "http://h/", None),
            (&[http, ("NO_PROXY", "x, h:8")], "http://h:8/", None),
            (&[http, ("NO_PROXY", "h:80")], "http://h/", None),
            (&[http, ("NO_PROXY", ".h:8")], "http://a.h:8/", None),
            (&[http, ("NO_PROXY", "[::1]:8")], "http://[::1]:8/", None),
            (&[http, ("NO_PROXY", "[::1]")], "http://[::1]:8/", None),
            (
                &[http, ("NO_PROXY", "h:8,[::1]:8,10.0.0.1:8,h:")],
                "http://h:9/",
                Some("HTTP_PROXY"),
            ),
            (
                &[http, ("NO_PROXY", "[::1]:8")],
                "http://[::1]:9/",
                Some("HTTP_PROXY"),
            ),
            (&[http, ("REQUEST_METHOD", "GET")], "http://h/", None),
        ] {
            assert_eq!(variable(env, url), counts, "{env:?} {url}");
        }
    }
}
