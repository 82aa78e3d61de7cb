//! Where the operations come from, and with which credentials.

use std::io::Write as _;

use super::*;
use crate::http::ProxyChoice;

/// The user name and password sent to each endpoint.
fn credentials_of(settings: &Settings) -> Vec<Option<String>> {
    use base64::Engine as _;
    let decode = |value: &reqwest::header::HeaderValue| {
        assert!(value.is_sensitive());
        let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
        String::from_utf8(bytes.unwrap()).unwrap()
    };
    let endpoints = settings.consumer.endpoints.iter();
    endpoints
        .map(|endpoint| endpoint.authorization.as_ref().map(decode))
        .collect()
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn the_url_is_a_flag_an_argument_or_in_the_environment() {
    let env = Given {
        env: &[(cli::URL_VARIABLE, "http://env/")],
        ..NOTHING
    };
    for (args, hosts) in [
        (
            &["--url", "http://a/", "-u", "https://b:8/x"][..],
            &["http://a/", "https://b:8/x"][..],
        ),
        (&["http://a/"], &["http://a/"]),
        (
            &["http://b/", "--url", "http://a/", "http://c/"],
            &["http://b/", "http://a/", "http://c/"],
        ),
        (&[], &["http://env/"]),
    ] {
        let settings = resolve_given(args, &env).unwrap();
        let urls: Vec<_> = settings
            .consumer
            .endpoints
            .iter()
            .map(|e| e.url.as_str())
            .collect();
        assert_eq!(urls, hosts);
    }
    let error = resolve_given(&[], &NOTHING).unwrap_err().to_string();
    assert!(
        error.contains("--url") && error.contains("--demo"),
        "{error}"
    );
}

#[test]
fn the_demo_brings_its_own_url() {
    let demo = Given {
        env: &[(cli::URL_VARIABLE, "http://env/")],
        demo_url: Some("http://127.0.0.1:9/"),
        ..NOTHING
    };
    let settings = resolve_given(&["--demo", "--types", "video"], &demo).unwrap();
    assert_eq!(url_of(&settings), "http://127.0.0.1:9/?types=video");
    for url in [&["http://h/"][..], &["--url", "http://h/"]] {
        let args = [&["--demo"], url].concat();
        let error = resolve_given(&args, &demo).unwrap_err().to_string();
        assert!(error.contains("--demo"), "{error}");
    }
}

#[test]
fn only_http_urls_with_a_host_will_do() {
    for url in [
        "ftp://h/",
        "localhost:8042",
        "localhost",
        "",
        "http://",
        "file:///x",
        "http://h:99999/",
    ] {
        let error = resolve_given(&["--url", url], &NOTHING)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("--url {url:?}: ")), "{error}");
    }
}

#[test]
fn filters_are_encoded_and_added_to_the_query() {
    for (url, args, expected) in [
        (
            "http://h/",
            &["--types", "video,user"][..],
            "http://h/?types=video,user",
        ),
        (
            "http://h/?",
            &["--types", "a", "--types", "b"],
            "http://h/?types=a,b",
        ),
        (
            "http://h/ops?key=a%20b&x",
            &["--types", "a", "--parents", "user/x&y=1,a b/é"],
            "http://h/ops?key=a%20b&x&types=a&parents=user/x%26y%3D1,a%20b/%C3%A9",
        ),
        (
            "http://h/#part",
            &["--parents", "%+#?/1"],
            "http://h/?parents=%25%2B%23%3F/1",
        ),
    ] {
        let args = [&["--url", url], args].concat();
        assert_eq!(url_of(&resolve_given(&args, &NOTHING).unwrap()), expected);
    }
}

#[test]
fn filters_must_say_something_and_only_once() {
    assert!(error(&["--types", "a,,b"]).starts_with("--types \"a,,b\": "));
    assert!(error(&["--parents", ""]).starts_with("--parents "));
    let twice = ["--url", "http://h/?types=a", "--types", "b"];
    let error = resolve_given(&twice, &NOTHING).unwrap_err().to_string();
    assert!(error.contains("leave --types out"), "{error}");
}

#[test]
fn passwords_come_in_this_order() {
    let in_file = file(b"of-file\n");
    let path = in_file.path().to_str().unwrap();
    let env = Given {
        env: &[(cli::PASSWORD_VARIABLE, "of-env")],
        ..NOTHING
    };
    let url = ["--url", "http://me:of-url@h/"];
    for (args, given, sent) in [
        (
            &["--password", "of-flag", "--password-file", path][..],
            &env,
            "me:of-flag",
        ),
        (&["--password-file", path], &env, "me:of-file"),
        (&[], &env, "me:of-env"),
        (&[], &NOTHING, "me:of-url"),
    ] {
        let settings = resolve_given(&[&url, args].concat(), given).unwrap();
        assert_eq!(credentials_of(&settings), [Some(sent.to_owned())]);
        assert_eq!(url_of(&settings), "http://h/");
    }
    let without = resolve(&["--password", "p"]);
    assert_eq!(credentials_of(&without), [Some(":p".to_owned())]);
}

#[test]
fn credentials_of_a_url_stay_with_it() {
    let args = ["http://:a%20b%3A@h/", "http://u@i/", "http://j/"];
    let settings = resolve_given(&args, &NOTHING).unwrap();
    assert_eq!(
        credentials_of(&settings),
        [Some(":a b:".to_owned()), Some("u:".to_owned()), None]
    );
}

#[test]
fn password_files_lose_one_newline() {
    for (content, password) in [
        ("p", "p"),
        ("p\n", "p"),
        ("p\r\n", "p"),
        ("p\n\n", "p\n"),
        ("p \r", "p \r"),
    ] {
        let in_file = file(content.as_bytes());
        let settings = resolve(&["--password-file", in_file.path().to_str().unwrap()]);
        assert_eq!(credentials_of(&settings), [Some(format!(":{password}"))]);
        let stdin = Given {
            stdin: content,
            ..NOTHING
        };
        let settings = resolve_given(&["http://h/", "--password-file", "-"], &stdin).unwrap();
        assert_eq!(credentials_of(&settings), [Some(format!(":{password}"))]);
    }
    for content in ["", "\n", &"x".repeat(5000)] {
        let in_file = file(content.as_bytes());
        let path = in_file.path().to_str().unwrap();
        assert!(
            error(&["--password-file", path]).starts_with(&format!("--password-file {path}: "))
        );
    }
    assert!(error(&["--password-file", "/nowhere/pw"]).contains("/nowhere/pw"));
}

#[test]
fn secrets_are_never_shown() {
    let args = [
        "--url",
        "http://me:s3cret@h/",
        "-H",
        "X-Key: s3cret",
        "--proxy",
        "http://u:s3cret@p:1/",
    ];
    let settings = resolve_given(&args, &NOTHING).unwrap();
    assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
    let cli = cli::parse([&["oplog-tail", "--password", "s3cret"], &args[..]].concat()).unwrap();
    assert!(!format!("{cli:?}").contains("s3cret"), "{cli:?}");
    for args in [
        &["--url", "http://:s3cret@h:99999/"][..],
        &["--url", "http://:s3cr/s3cret@h/"],
        &["--url", "me:s3cret@h"],
        &["--url", "ftp://:s3cret@h/"],
        &["--url", "http://a%3Ab:s3cret@h/"],
        &["http://h/", "--proxy", "socks5://u:s3cret@h/"],
        &["http://h/", "--proxy", "u:s3cret@h"],
        &["http://h/", "--proxy", "http://s3cret:1/s3cret@h"],
        &["http://h/", "--proxy", "u:s3cret://s3cret@h"],
        &["--url", "u:s3cret@h://x"],
        &["http://h/", "-H", "s3cret"],
        &["http://h/", "-H", "X-Key: s3cret\u{1}"],
        &[
            "http://h/",
            "--password",
            "s3cret",
            "-H",
            "Authorization: s3cret",
        ],
    ] {
        let error = resolve_given(args, &NOTHING).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn headers_are_checked() {
    let settings = resolve(&[
        "-H",
        "X-Tenant:7",
        "--header",
        "X-Empty:",
        "-H",
        "X-Tenant:  a: b ",
    ]);
    let headers: Vec<_> = settings
        .consumer
        .http
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        headers,
        [("x-tenant", "7"), ("x-empty", ""), ("x-tenant", "a: b")]
    );
    assert!(
        settings
            .consumer
            .http
            .headers
            .iter()
            .all(|(_, value)| value.is_sensitive())
    );
    for (header, problem) in [
        ("X-Tenant", "no colon"),
        (": 7", "not a valid name"),
        ("X Tenant: 7", "not a valid name"),
        ("Accept: */*", "text/event-stream"),
        ("last-event-id: 0", "--start-id"),
    ] {
        let error = error(&["-H", header]);
        assert!(
            error.starts_with("--header") && error.contains(problem),
            "{error}"
        );
    }
    assert!(error(&["--password", "p", "-H", "authorization: x"]).contains("conflicts with"));
}

#[test]
fn authorities_are_read_and_checked() {
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap()
        .pem();
    for (content, count) in [(pem.clone(), 1), (format!("# ours\n{pem}\n{pem}"), 2)] {
        let bundle = file(content.as_bytes());
        let settings = resolve(&["--cacert", bundle.path().to_str().unwrap()]);
        assert_eq!(settings.consumer.http.tls.extra_authorities.len(), count);
    }
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in [
        "",
        "nonsense",
        &key.serialize_pem(),
        garbage,
        &pem[..pem.len() - 30],
    ] {
        let bundle = file(content.as_bytes());
        let path = bundle.path().to_str().unwrap();
        assert!(
            error(&["--cacert", path]).starts_with(&format!("--cacert {path}: ")),
            "{content}"
        );
    }
    assert!(error(&["--cacert", "/nowhere/ca"]).starts_with("--cacert /nowhere/ca: "));
    assert!(resolve(&["--insecure"]).consumer.http.tls.accept_invalid);
}

#[test]
fn proxies_are_http() {
    assert!(matches!(
        resolve(&["--proxy", "http://p:3128"]).consumer.http.proxy,
        ProxyChoice::Given(_)
    ));
    for (proxy, problem) in [
        ("socks5://p:1080", "SOCKS"),
        ("ftp://p", "http and https"),
        ("p:3128", "http and https"),
        ("", "not a URL"),
    ] {
        let error = error(&["--proxy", proxy]);
        assert!(
            error.starts_with("--proxy ") && error.contains(problem),
            "{error}"
        );
    }
}
