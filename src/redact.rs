//! Hides user names and passwords in URLs. All URLs that are shown pass through here.

use std::borrow::Cow;
use std::ffi::OsStr;

use reqwest::Url;

/// The text of a URL without anything that may be a user name or a password: all between the
/// scheme and the last `@` is hidden.
///
/// It works on text, because a URL that cannot be parsed is shown too. In doubt it hides too much.
pub(crate) fn redacted(url: &str) -> Cow<'_, str> {
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
    let start = match url.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => scheme.len() + "://".len(),
        _ => 0,
    };
    match url.rfind('@') {
        Some(at) => format!("{}…{}", &url[..start], &url[at..]).into(),
        None => url.into(),
    }
}

/// True if the part that looks like host and port may be a user name and the beginning of a password
/// with a slash.
pub(crate) fn may_show_password(url: &OsStr) -> bool {
    let text = url.to_string_lossy();
    let authority = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    authority
        .split_once(['/', '?', '#', '\\'])
        .is_some_and(|(_, rest)| rest.contains('@'))
}

/// The URL without user name and password.
pub(crate) fn without_credentials(mut url: Url) -> Url {
    // Fails only for a URL without a host, which has neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_before_the_last_at_sign_is_hidden() {
        for (url, shown) in [
            ("http://u:p@host/", "http://…@host/"),
            ("http://u:p@w@[::1", "http://…@[::1"),
            ("http://u:a/b@host", "http://…@host"),
            ("u:p@host", "…@host"),
            ("http://host/path", "http://host/path"),
            ("", ""),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn a_password_with_a_slash_is_no_host() {
        for (url, may) in [
            ("http://user:12/cret@h:1", true),
            ("user:se/cret@h", true),
            ("http://user:a?b@h", true),
            ("http://user:a\\b@h", true),
            ("http://user:secret@h:1/", false),
            ("http://h:1/path", false),
        ] {
            assert_eq!(may_show_password(OsStr::new(url)), may, "{url}");
        }
    }
}
