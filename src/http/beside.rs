//! Requests other documents than the log from an agent, such as `/status`.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::Url;

use super::cause::request_failure;
use super::clients::Clients;
use super::config::Endpoint;
use super::failure::Failure;
use super::hint::Hint;
use super::request::StreamRequest;
use super::words::of_status;

/// The document at `url`, which belongs to `endpoint`, or `None` where there is none. No redirect
/// is followed.
///
/// The password is sent only where it is asked for, and as always to its own origin alone.
///
/// # Errors
/// Why there is no document of at most so many bytes, though there may be one.
pub async fn document(
    clients: &Arc<Clients>,
    endpoint: &Arc<Endpoint>,
    url: &Url,
    most_bytes: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let wants_password =
        |status| [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    let request = StreamRequest::new(Arc::clone(clients), Arc::clone(endpoint));
    let protocol = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let (with_password, _) = request.headers_for(url, &protocol);
    let mut without = with_password.clone();
    without.remove(AUTHORIZATION);
    let mut answer = request.ask(url, without).await?;
    if wants_password(answer.status()) && endpoint.authorization.is_some() {
        answer = request.ask(url, with_password).await?;
    }
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        status => {
            return Err(Failure {
                hint: (wants_password(status) && endpoint.authorization.is_none())
                    .then_some(Hint::Password),
                ..Failure::fatal(format!("it answered {}", of_status(status)))
            });
        }
    }
    let unreadable = |error| request_failure(&error);
    let mut document = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(unreadable)? {
        if document.len() + piece.len() > most_bytes {
            return Err(Failure::fatal(format!(
                "it has more than {} KiB",
                most_bytes >> 10
            )));
        }
        document.extend_from_slice(&piece);
    }
    Ok(Some(document))
}
