//! A forward proxy of the simplest kind.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

use super::Acceptor;

/// Forwards `CONNECT` and requests for whole URLs, and notes what it was asked.
pub struct ForwardProxy {
    acceptor: Acceptor,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ForwardProxy {
    pub fn start() -> Self {
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&heads);
        let acceptor = Acceptor::start(move |_, client, _| forward(client, &noted));
        Self { acceptor, heads }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.acceptor.address())
    }

    /// The request heads that came, request line first.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn forward(mut client: &TcpStream, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heads.lock().unwrap().push(head.clone());
    let (method, rest) = head.split_once(' ').unwrap_or_default();
    let (target, rest) = rest.split_once(' ').unwrap_or_default();
    let server = if method == "CONNECT" {
        let server = TcpStream::connect(target)?;
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        server
    } else {
        let target = target.strip_prefix("http://").unwrap_or(target);
        let (authority, path) = target.split_once('/').unwrap_or((target, ""));
        let mut server = TcpStream::connect(authority)?;
        write!(server, "{method} /{path} {rest}")?;
        server
    };
    let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || copy(&client_too, &server_too));
    copy(&server, client);
    Ok(())
}

/// Copies until the end of `from`, then ends `to`.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
