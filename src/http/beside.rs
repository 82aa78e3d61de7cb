//! Asks an agent for something beside the stream of its log.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::Url;

use super::clients::Clients;
use super::config::Endpoint;
use super::request::StreamRequest;

/// The document at `url`, which belongs to `endpoint`. `None` where there is none of at most so
/// many bytes. No redirect is followed.
///
/// The password is sent only where it is asked for, and as always to its own origin alone.
pub async fn document(
    clients: &Arc<Clients>,
    endpoint: &Arc<Endpoint>,
    url: &Url,
    most_bytes: usize,
) -> Option<Vec<u8>> {
    let wants_password = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    let mut answer = ask(clients, endpoint, url, false).await?;
    if wants_password.contains(&answer.status()) {
        answer = ask(clients, endpoint, url, true).await?;
    }
    if answer.status() != StatusCode::OK {
        return None;
    }
    let mut document = Vec::new();
    while let Some(piece) = answer.chunk().await.ok()? {
        if document.len() + piece.len() > most_bytes {
            return None;
        }
        document.extend_from_slice(&piece);
    }
    Some(document)
}

async fn ask(
    clients: &Arc<Clients>,
    endpoint: &Arc<Endpoint>,
    url: &Url,
    with_password: bool,
) -> Option<reqwest::Response> {
    let request = StreamRequest::new(Arc::clone(clients), Arc::clone(endpoint));
    let mut protocol = HeaderMap::new();
    protocol.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let (mut headers, _) = request.headers_for(url, &protocol);
    if !with_password {
        headers.remove(AUTHORIZATION);
    }
    let client = clients.for_url(url, request.is_at_home(url)).ok()?;
    client.get(url.clone()).headers(headers).send().await.ok()
}
