//! What the answer to a request means: its status and its headers.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;

use super::config::Endpoint;
use super::failure::{Failure, Remedy};
use super::hint::Hint;
use super::request::Exchange;
use super::words::of_status;

/// The server's time in an answer.
pub fn date_of(answer: &HeaderMap) -> Option<Timestamp> {
    http_date(answer.get(header::DATE)?.to_str().ok()?)
}

/// The time in one of the three forms of RFC 9110; of the first, variants too.
fn http_date(text: &str) -> Option<Timestamp> {
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(zoned.timestamp());
    }
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    Timestamp::try_from(time).ok()
}

/// Why the answer is no event stream; `None` if it is one.
pub fn unusable_answer(endpoint: &Endpoint, exchange: &Exchange) -> Option<Failure> {
    let failure = if exchange.status.is_success() {
        no_stream(exchange)?
    } else {
        refused(exchange)
    };
    let redirected = if exchange.url == endpoint.url {
        String::new()
    } else {
        format!("redirected to {}, which ", exchange.url)
    };
    Some(Failure {
        reason: format!("{redirected}answered {}", failure.reason),
        ..failure
    })
}

/// Why an answer with a 2xx status is still no event stream.
fn no_stream(exchange: &Exchange) -> Option<Failure> {
    let header = |name| {
        let value = exchange.answer.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    };
    if matches!(exchange.status.as_u16(), 204 | 205) {
        let status = exchange.status;
        return Some(Failure::fatal(format!("{status}: it has no event stream")));
    }
    let content_type = header(header::CONTENT_TYPE);
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/event-stream") {
        let sent = match essence {
            "" => "no content type",
            other => other,
        };
        return Some(Failure::fatal(format!(
            "with {sent} instead of an event stream; is this the URL of an OpLog agent?"
        )));
    }
    let encoding = header(header::CONTENT_ENCODING).trim();
    let is_encoded = !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity");
    is_encoded
        .then(|| Failure::unreadable(format!("with {encoding} encoding, which was not asked for")))
}

/// What an answer without a 2xx status means.
fn refused(exchange: &Exchange) -> Failure {
    let status = of_status(exchange.status);
    match exchange.status.as_u16() {
        401 | 403 => {
            let (why, hint) = if exchange.withheld_credentials {
                (
                    ": the credentials were not sent there, because it is another origin than that of the URL; give this URL itself",
                    None,
                )
            } else if exchange.request.contains_key(header::AUTHORIZATION) {
                (": the user name or the password is rejected", None)
            } else {
                ("", Some(Hint::Password))
            };
            Failure {
                reason: format!("{status}{why}"),
                remedy: Remedy::Authenticate,
                hint,
            }
        }
        408 | 425 | 429 | 500..=599 => {
            let asked = exchange.answer.get(header::RETRY_AFTER);
            let asked = asked
                .and_then(|value| value.to_str().ok())
                .and_then(retry_after);
            Failure {
                remedy: Remedy::Retry(asked),
                ..Failure::retry(status)
            }
        }
        // A front end answers like this to a client without the certificate that it requires.
        400 if exchange.url.scheme() == "https" && is_html(exchange) => Failure::fatal(format!(
            "{status}: it may require a client certificate, or reject the position asked for"
        ))
        .hinting(Hint::ClientCertificate),
        400 => Failure::fatal(format!("{status}: it rejects the position asked for")),
        404 => Failure::fatal(format!("{status}: is this the URL of an OpLog agent?")),
        _ => Failure::fatal(status),
    }
}

/// True if the answer is an HTML page. An agent never sends one.
fn is_html(exchange: &Exchange) -> bool {
    let content_type = exchange.answer.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

/// The pause that `Retry-After` asks for, in seconds or as a date.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than can be counted are as good as forever; the caller has a limit.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let left = http_date(value)?.duration_since(Timestamp::now());
    Some(Duration::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        for old in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(
                http_date(old).map(Timestamp::as_second),
                Some(784_111_777),
                "{old}"
            );
            assert_eq!(retry_after(old), Some(Duration::ZERO), "{old}");
        }
        assert_eq!(
            retry_after("99999999999999999999999"),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
    }

    #[test]
    fn reads_the_date_of_an_answer() {
        let mut answer = HeaderMap::new();
        assert_eq!(date_of(&answer), None);
        answer.insert(
            header::DATE,
            http::HeaderValue::from_static("Mon, 23 Nov 2026 17:55:18 GMT"),
        );
        assert_eq!(
            date_of(&answer).map(Timestamp::as_second),
            Some(1_795_456_518)
        );
    }
}
