//! eventsource-client's HTTP transport: a request whose answer is an event stream.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use sync_wrapper::SyncFuture;

use super::body::{EventBody, FastPath};
use crate::http::StreamRequest;

/// The transport of one connection. Its operations may skip the event parser.
#[derive(Clone)]
pub(super) struct Transport {
    pub request: StreamRequest,
    pub fast_path: Arc<FastPath>,
}

impl HttpTransport for Transport {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let answer = self.request.clone().send(request.into_parts().0.headers);
        let fast_path = Arc::clone(&self.fast_path);
        Box::pin(SyncFuture::new(async move {
            let answer = answer.await.map_err(TransportError::new)?;
            Ok(Response::from(answer)
                .map(|body| -> ByteStream { Box::pin(EventBody::new(body, fast_path)) }))
        }))
    }
}
