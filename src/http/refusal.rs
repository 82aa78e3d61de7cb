//! Why a proxy makes no tunnel: its answer to `CONNECT`.
//!
//! hyper-util makes the tunnels and drops the answer to one that failed. So this asks the proxy once
//! more, only for the status. The status stays unknown if the proxy does not answer in time, answers
//! something else now, or is reached over TLS.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::{Method, Request, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use reqwest::dns::Resolve as _;
use reqwest::{Body, Url};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::names::SystemResolver;

/// The status with which `proxy` refuses a tunnel to `url`; `None` where that is unknown.
pub(super) async fn status(proxy: &Intercept, url: &Url, patience: Duration) -> Option<StatusCode> {
    if proxy.uri().scheme_str() != Some("http") {
        return None;
    }
    let answered = timeout(patience, answer(proxy, url)).await;
    answered.ok()?.filter(|status| !status.is_success())
}

async fn answer(proxy: &Intercept, url: &Url) -> Option<StatusCode> {
    let agent = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&agent)
        .header(header::HOST, &agent);
    if let Some(authorization) = proxy.basic_auth() {
        request = request.header(header::PROXY_AUTHORIZATION, authorization);
    }
    let request = request.body(Body::default()).ok()?;
    let stream = TcpStream::connect(&*addresses(proxy.uri()).await?)
        .await
        .ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // It may end with the answer.
        _ = connection => answer.await,
    };
    Some(answer.ok()?.status())
}

async fn addresses(proxy: &Uri) -> Option<Vec<SocketAddr>> {
    let host = proxy.host()?.trim_matches(['[', ']']);
    let port = proxy.port_u16().unwrap_or(80);
    let found = SystemResolver.resolve(host.parse().ok()?).await.ok()?;
    Some(
        found
            .map(|address| SocketAddr::new(address.ip(), port))
            .collect(),
    )
}
