//! Accepts connections and serves them.

use std::convert::Infallible;
use std::future::ready;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::agent::{Admission, Handle};
use super::http::respond;

pub(super) async fn accept(listener: tokio::net::TcpListener, agent: Handle) {
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    let mut admission = agent.admission.subscribe();
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
                agent.accepted.fetch_add(1, Ordering::Relaxed);
                if *agent.admission.borrow() != Admission::Refuse {
                    let cut = agent.cut.subscribe();
                    connections.spawn(serve(stream, Arc::clone(&agent), cut));
                }
            }
            // Out of file descriptors, mostly: others must be closed before it can go on.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, agent: Handle, mut cut: watch::Receiver<()>) {
    // Events are small and rare in a live stream; a failure would cost latency, nothing else.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    if let Some(bytes) = agent.config.send_buffer {
        // The least that hyper takes.
        builder.max_buf_size(8192);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, bytes);
    }
    // The same socket, to ask the system.
    let Ok(socket) = stream.as_fd().try_clone_to_owned() else {
        return;
    };
    let socket = Arc::new(socket);
    let service =
        service_fn(|request| ready(Ok::<_, Infallible>(respond(&agent, &socket, &request))));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What is appended after a cut must not reach the connections that were cut.
        biased;
        _ = cut.changed() => {}
        // An error here is a client that went away.
        _ = connection => {}
    }
}
