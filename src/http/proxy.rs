//! Chooses the proxy of a request, from the flag or the environment.

use std::ffi::{OsStr, OsString};
use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{Proxy, Url};

use crate::redact::{may_show_password, without_credentials};

/// Which proxy requests go through.
#[derive(Clone)]
pub enum ProxyChoice {
    /// None; the environment is ignored.
    Direct,
    /// The one with this URL, which may hold a user name and a password, for all of them.
    Given(Url),
    /// For each URL the one of the environment.
    Environment(ProxyVariables),
}

impl ProxyChoice {
    /// The choice as reqwest takes it.
    pub(super) fn for_reqwest(&self) -> Proxy {
        let choice = self.clone();
        Proxy::custom(move |url| choice.proxy_for(url))
    }

    /// The URL of the proxy for `url`. It may hold a user name and a password.
    ///
    /// reqwest asks this instead of the environment, because it knows no exceptions with a port.
    fn proxy_for(&self, url: &Url) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::Given(proxy) => Some(proxy.to_string()),
            Self::Environment(variables) => {
                let text = variables.proxy_for(url)?.1.to_str()?;
                let scheme = if text.contains("://") { "" } else { "http://" };
                Some(format!("{scheme}{text}"))
            }
        }
    }

    /// Where the proxy for `url` is, and what it is to be told of who asks.
    pub(super) fn intercept(&self, url: &Url) -> Option<Intercept> {
        let matcher = Matcher::builder().all(self.proxy_for(url)?).build();
        matcher.intercept(&url.as_str().parse().ok()?)
    }

    /// The name of the proxy for `url` in messages: its URL without user name and password.
    pub fn name_for(&self, url: &Url) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::Given(proxy) => Some(without_credentials(proxy.clone()).into()),
            Self::Environment(variables) => match variables.proxy_for(url)? {
                (variable, value) if may_show_password(value) => Some(format!("of {variable}")),
                _ => Some(self.intercept(url)?.uri().to_string()),
            },
        }
    }
}

impl fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URLs may hold passwords.
        f.write_str("ProxyChoice")
    }
}

/// A variable of the environment and its value.
type Variable = (&'static str, OsString);

/// What the environment says about proxies, read once.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    http: Option<Variable>,
    https: Option<Variable>,
    /// The hosts that no proxy is used for.
    exceptions: String,
}

impl ProxyVariables {
    /// What `env` says.
    pub fn read(env: impl Fn(&str) -> Option<OsString>) -> Self {
        // A CGI program gets the headers of its request as variables: HTTP_PROXY would be the
        // header Proxy.
        if env("REQUEST_METHOD").is_some() {
            return Self::default();
        }
        let first = |names: [&'static str; 2]| {
            let set = names.into_iter().find_map(|name| Some((name, env(name)?)));
            set.filter(|(_, value)| !value.is_empty())
        };
        let proxy = |own| first(own).or_else(|| first(["ALL_PROXY", "all_proxy"]));
        let text = |name| env(name)?.into_string().ok();
        Self {
            http: proxy(["HTTP_PROXY", "http_proxy"]),
            https: proxy(["HTTPS_PROXY", "https_proxy"]),
            exceptions: text("NO_PROXY")
                .or_else(|| text("no_proxy"))
                .unwrap_or_default(),
        }
    }

    /// The variable that names the proxy for `url`, and its value, if one counts for it.
    ///
    /// What it names need not be a proxy.
    pub fn proxy_for(&self, url: &Url) -> Option<(&'static str, &OsStr)> {
        let own = match url.scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        let (name, value) = own.as_ref().filter(|_| !self.excepts(url))?;
        Some((name, value))
    }

    /// True if `NO_PROXY` excludes this URL.
    fn excepts(&self, url: &Url) -> bool {
        let entries = || self.exceptions.split(',').map(str::trim);
        let hosts: Vec<_> = entries().filter_map(|entry| host_of(entry, url)).collect();
        let matcher = Matcher::builder()
            .all("http://proxy")
            .no(hosts.join(","))
            .build();
        let intercepted = |url: Uri| matcher.intercept(&url).is_some();
        // The matcher takes the asterisk for names only, not for addresses.
        entries().any(|entry| entry == "*") || !url.as_str().parse().is_ok_and(intercepted)
    }
}

/// The host of an exception; `None` where it is one for another port than that of `url`.
fn host_of<'a>(entry: &'a str, url: &Url) -> Option<&'a str> {
    let in_brackets = |host: &'a str| host.strip_prefix('[')?.strip_suffix(']');
    // The colons of a bare IPv6 address are part of it.
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || in_brackets(host).is_some() => {
            (host, Some(port))
        }
        _ => (entry, None),
    };
    let is_meant = port.is_none_or(|port| port.parse().ok() == url.port_or_known_default());
    is_meant.then(|| in_brackets(host).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(env: &[(&str, &str)], url: &str) -> Option<&'static str> {
        let env = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name)?;
            Some(found.1.into())
        };
        let variables = ProxyVariables::read(env);
        let (name, _) = variables.proxy_for(&url.parse().unwrap())?;
        Some(name)
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
