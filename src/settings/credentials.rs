//! Passwords and request headers. They are never printed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};

use super::error::UsageError;
use super::inputs::Inputs;
use crate::cli::{Connection, PASSWORD_VARIABLE, Secret};
use crate::error_text::in_words;
use crate::http::Endpoint;

/// The longest password that is read from a file, in bytes; a longer file is a mistake.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Headers that the protocol or HTTP itself sets, and what to use instead.
const RESERVED_HEADERS: [(HeaderName, &str); 5] = [
    (
        header::ACCEPT,
        "the server sends operations only as text/event-stream",
    ),
    (HeaderName::from_static("last-event-id"), "use --start-id"),
    (header::CONNECTION, "it belongs to the connection"),
    (header::CONTENT_LENGTH, "the request has no body"),
    (header::TRANSFER_ENCODING, "the request has no body"),
];

/// True if the file of a flag means stdin.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The password that is not part of a URL: of `--password`, else of `--password-file`, else of
/// the environment.
pub(super) fn password(
    typed: &Connection,
    inputs: &mut Inputs,
) -> Result<Option<Secret>, UsageError> {
    if let Some(password) = &typed.password {
        return Ok(Some(password.clone()));
    }
    match &typed.password_file {
        Some(path) => from_file(path, &mut inputs.stdin).map(Some),
        None => Ok(inputs.variable(PASSWORD_VARIABLE)?.map(Secret::from)),
    }
}

fn from_file(path: &Path, stdin: &mut dyn Read) -> Result<Secret, UsageError> {
    let fail =
        |problem: String| UsageError::new(format!("--password-file {}: {problem}", path.display()));
    let read = |from: &mut dyn Read| io::read_to_string(from.take(MAX_PASSWORD_BYTES + 1));
    let read = if is_stdin(path) {
        read(stdin)
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    let password = read.map_err(|error| fail(in_words(&error)))?;
    if password.len() as u64 > MAX_PASSWORD_BYTES {
        return Err(fail(format!(
            "longer than {MAX_PASSWORD_BYTES} bytes, so it is not a password file"
        )));
    }
    // A byte order mark, which editors on Windows write.
    let line = password.strip_prefix('\u{feff}').unwrap_or(&password);
    let line = match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    };
    if line.is_empty() {
        return Err(fail("it is empty".into()));
    }
    Ok(Secret::from(line.to_owned()))
}

/// The value of `Authorization` for these, marked so that it is never printed.
///
/// `None` where the user name holds a colon, which Basic authentication cannot express.
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    if user.contains(':') {
        return None;
    }
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What the `--header` flags mean. The values may be secrets, so errors show names only.
pub(super) fn headers(
    typed: &[Secret],
    endpoints: &[Endpoint],
) -> Result<Vec<(HeaderName, HeaderValue)>, UsageError> {
    let has_password = endpoints
        .iter()
        .any(|endpoint| endpoint.authorization.is_some());
    typed
        .iter()
        .map(|typed| header(typed.expose(), has_password))
        .collect()
}

fn header(typed: &str, has_password: bool) -> Result<(HeaderName, HeaderValue), UsageError> {
    let (name, value) = typed
        .split_once(':')
        .ok_or_else(|| UsageError::new("--header: expected 'NAME: VALUE', but it has no colon"))?;
    let fail = |problem: &str| UsageError::new(format!("--header {name:?}: {problem}"));
    let header: HeaderName = name
        .parse()
        .map_err(|_| fail("not a valid name of a header"))?;
    if let Some((_, reason)) = RESERVED_HEADERS
        .iter()
        .find(|(reserved, _)| *reserved == header)
    {
        return Err(fail(&format!("cannot be set, {reason}")));
    }
    if header == header::AUTHORIZATION && has_password {
        return Err(fail(
            "conflicts with the password, which is sent as Authorization too",
        ));
    }
    let mut value: HeaderValue = value
        .trim()
        .parse()
        .map_err(|_| fail("its value holds characters that a header cannot hold"))?;
    value.set_sensitive(true);
    Ok((header, value))
}
