//! Every failure of a request, for the list of messages.

use std::io;
use std::time::Duration;

use http::StatusCode;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};

use super::names::NoThread;
use super::words::{CONNECTING, READING, REQUESTING};
use super::{Endpoint, Exchange, Failure, Hint, cause, request, tls_words, unusable_answer, words};

/// A failure for each hint there is.
pub(crate) fn hints() -> Vec<Failure> {
    let hints = every!(Hint:
        Look, Ended, EndedOverTls, Proxy, ProxyPassword, Password, Authority,
        ServerCertificate, ClientCertificate, TimeToConnect, TimeToAnswer, TimeOfSilence,
    );
    let failure = |hint| Failure::retry(format!("{hint:?}")).hinting(hint);
    hints.into_iter().map(failure).collect()
}

/// What can be wrong with TLS.
pub(crate) fn of_tls() -> Vec<Failure> {
    let mut all: Vec<Failure> = Vec::new();
    for error in tls_words::tests::errors() {
        let failure = tls_words::failure(&error);
        if !all.contains(&failure) {
            all.push(failure);
        }
    }
    all
}

/// What can go wrong between a request and its answer.
pub(crate) fn of_requests() -> Vec<Failure> {
    let mut all = vec![Failure::retry(cause::NOT_IN_TIME).hinting(Hint::TimeToConnect)];
    let failed = |what, words: &str| Failure::retry(format!("{what}: {words}"));
    all.extend([CONNECTING, REQUESTING, READING].map(|what| failed(what, "REASON")));
    all.extend(words::ALL.map(|words| failed(REQUESTING, words)));
    let lookup = io::Error::other("failed to lookup address information: Name not known");
    all.push(failed(CONNECTING, &words::words(&lookup)));
    let no_thread = NoThread(io::Error::from_raw_os_error(11));
    all.push(Failure::retry(crate::error_text::in_words(&no_thread)));
    for answer in [
        "proxy authorization required",
        "proxy response headers too long",
        "unexpected end of file",
        "unsuccessful",
    ] {
        let error = io::Error::other(format!("tunnel error: {answer}"));
        all.extend(cause::tunnel_failure(&error));
    }
    all.push(cause::no_tls());
    let broken = cause::request_failure(&reqwest::Proxy::all("::").unwrap_err());
    let proxy = "http://proxy:3128/";
    all.push(broken.clone());
    all.push(cause::through_proxy(proxy, broken));
    for status in [502, 999, 407] {
        let status = StatusCode::from_u16(status).unwrap();
        all.push(cause::refused_by_proxy(proxy, status));
    }
    all.push(request::no_answer(Duration::from_secs(70)));
    let redirected = |location| {
        let answer = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
        request::redirect_target(&"https://agent/".parse().unwrap(), &answer).unwrap_err()
    };
    all.push(redirected("ftp://elsewhere"));
    all.push(request::too_many_redirects());
    all.push(redirected("http://elsewhere/"));
    let redirected = || Failure::retry("redirected to https://elsewhere/: REASON");
    all.extend([true, false].map(|has_identity| request::withheld(redirected(), has_identity)));
    all
}

/// What an answer can mean.
pub(crate) fn of_answers() -> Vec<Failure> {
    let endpoint = Endpoint {
        url: "https://agent/".parse().unwrap(),
        authorization: None,
    };
    let exchange = |url: &str, status: u16, answer: &[(HeaderName, &'static str)]| Exchange {
        url: url.parse().unwrap(),
        request: HeaderMap::new(),
        status: StatusCode::from_u16(status).unwrap(),
        answer: answer
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect(),
        withheld_credentials: false,
        passage: None,
    };
    let stream = (CONTENT_TYPE, "text/event-stream");
    let page = (CONTENT_TYPE, "text/html");
    let mut with_password = exchange("https://agent/", 401, &[]);
    with_password
        .request
        .insert(AUTHORIZATION, HeaderValue::from_static("Basic"));
    let mut withheld = exchange("https://elsewhere/", 403, &[]);
    withheld.withheld_credentials = true;
    let exchanges = [
        exchange("https://agent/", 204, &[]),
        exchange("https://agent/", 200, &[]),
        exchange("https://elsewhere/", 200, std::slice::from_ref(&page)),
        exchange("https://agent/", 200, &[stream, (CONTENT_ENCODING, "br")]),
        exchange("https://agent/", 401, &[]),
        with_password,
        withheld,
        exchange("https://agent/", 503, &[]),
        exchange("https://agent/", 400, &[page]),
        exchange("https://agent/", 400, &[]),
        exchange("https://agent/", 404, &[]),
        exchange("https://agent/", 410, &[]),
    ];
    let judged = exchanges.iter().map(|it| unusable_answer(&endpoint, it));
    judged.flatten().collect()
}
