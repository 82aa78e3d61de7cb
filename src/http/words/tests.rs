//! Every kind of failure has words, and none of them is a debug form.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn check(words: &str) {
    let marks = ['(', ')', '{', '}', '[', ']', '"'];
    assert!(!words.is_empty() && !words.contains(marks), "{words}");
    assert!(!words.contains("os error"), "{words}");
}

#[test]
fn errors_of_the_system_and_of_libraries() {
    for number in 1..=133 {
        let error = io::Error::from_raw_os_error(number);
        check(&words(&io::Error::other(error)).replace(['(', ')'], ""));
    }
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::ConnectionAborted,
        ErrorKind::NotConnected,
        ErrorKind::AddrInUse,
        ErrorKind::AddrNotAvailable,
        ErrorKind::NetworkDown,
        ErrorKind::BrokenPipe,
        ErrorKind::WouldBlock,
        ErrorKind::InvalidInput,
        ErrorKind::InvalidData,
        ErrorKind::TimedOut,
        ErrorKind::WriteZero,
        ErrorKind::Interrupted,
        ErrorKind::Unsupported,
        ErrorKind::UnexpectedEof,
        ErrorKind::OutOfMemory,
        ErrorKind::Other,
    ] {
        check(&words(&io::Error::from(kind)));
        check(&words(&io::Error::other(io::Error::new(
            kind,
            "Odd(\"x\")",
        ))));
    }
    let lookup = io::Error::other(format!("{LOOKUP}Name or service not known"));
    let told = "the lookup of the host's address failed: Name or service not known";
    assert_eq!(words(&lookup), told);
    assert_eq!(words(&io::Error::other("odd")), format!("{UNKNOWN}: odd"));
}

/// What a client says of an answer with these bytes.
async fn words_for(answer: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        // What comes before the request would be the answer to none.
        let _ = socket.read(&mut [0; 512]).await;
        let _ = socket.write_all(answer).await;
        let _ = socket.shutdown().await;
        let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    };
    let client = async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let response = client.get(format!("http://{address}/")).send().await?;
        response.bytes().await
    };
    let (error, ()) = tokio::join!(async { client.await.unwrap_err() }, server);
    words(&error)
}

#[tokio::test]
async fn answers_that_are_no_http() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let huge: &'static [u8] = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(1 << 20))
        .leak()
        .as_bytes();
    let chunked = |rest: &str| -> &'static [u8] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{rest}").leak().as_bytes()
    };
    for (answer, part) in [
        (&b""[..], CUT),
        (b"HTTP/1.1 200 OK\r\nConte", CUT),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", CUT),
        (chunked("5\r\nab"), CUT),
        (chunked("x\r\n"), BROKEN_HTTP),
        (chunked("fffffffffffffffff\r\n"), BROKEN_HTTP),
        (chunked("1\r\nabc\r\n"), BROKEN_HTTP),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP/1"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "https://"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", "HTTP/1"),
        (b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "HTTP/1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1"),
        (huge, "too many or too long"),
    ] {
        let told = words_for(answer).await;
        assert!(told.contains(part), "{}: {told}", answer.escape_ascii());
        check(&told);
    }
}
