//! Takes user names and passwords out of URLs that are to be shown.

use std::borrow::Cow;

/// The text of a URL, or of what claims to be one, without its user name and password.
///
/// Works on text, because what cannot be parsed is shown as well, with the reason.
pub fn without_userinfo(url: &str) -> Cow<'_, str> {
    let authority = url.find("//").map_or(0, |slashes| slashes + 2);
    let rest = &url[authority..];
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{}{}", &url[..authority], &rest[at + 1..])),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_before_the_host_goes() {
        for (url, shown) in [
            ("http://u:p@host/a@b", "http://host/a@b"),
            ("http://u:p@w@[::1", "http://[::1"),
            ("//u@host", "//host"),
            ("u:p@host", "host"),
            ("http://host/?a=//b@c", "http://host/?a=//b@c"),
            ("/path", "/path"),
            ("", ""),
        ] {
            assert_eq!(without_userinfo(url), shown);
        }
    }
}
