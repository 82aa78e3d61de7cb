//! Accepts connections and serves them.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Watched;
use super::http::respond;
use super::shared::{Admission, Shared};

pub(super) async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    let mut admission = shared.admission.subscribe();
    loop {
        while connections.try_join_next().is_some() {}
        let hold = *admission.borrow_and_update() == Admission::Hold;
        let accepted = tokio::select! {
            biased;
            _ = admission.changed() => continue,
            accepted = listener.accept(), if !hold => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                if *shared.admission.borrow() != Admission::Refuse {
                    let cut = shared.cut.subscribe();
                    connections.spawn(serve(stream, Arc::clone(&shared), cut));
                }
            }
            // Out of file descriptors, mostly: others must be closed before it can go on.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, mut cut: watch::Receiver<()>) {
    // Events are small and rare in a live stream; a failure would cost latency, nothing else.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    if let Some(bytes) = shared.send_buffer {
        // The least that hyper takes.
        builder.max_buf_size(8192);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, bytes);
    }
    let Ok(stream) = Watched::new(stream, shared.store.progress.clone()) else {
        return;
    };
    let blocked = stream.blocked();
    let service =
        service_fn(|request| ready(Ok::<_, Infallible>(respond(&shared, &blocked, &request))));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What is appended after a cut must not reach the connections that were cut.
        biased;
        _ = cut.changed() => {}
        // An error here is a client that went away.
        _ = connection => {}
    }
}
