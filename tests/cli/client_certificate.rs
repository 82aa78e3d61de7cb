//! Servers that want a client certificate, with TLS 1.2 and 1.3.

use std::path::{Path, PathBuf};

use rustls::version::{TLS12, TLS13};

use crate::support::{Authority, Script, ScriptServer, Tail, expected_json, insert};

fn stream() -> Script {
    Script::events(insert(1)).stall()
}

/// The files that a test gives to the program.
struct Files {
    folder: tempfile::TempDir,
    authority: PathBuf,
}

impl Files {
    fn new(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority.write_pem(folder.path());
        Self { folder, authority }
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// One try at this server.
    fn tail(&self, server: &ScriptServer) -> Tail {
        Tail::url(server.url())
            .args(["-n", "1", "--retries", "0"])
            .arg("--cacert")
            .arg(&self.authority)
    }
}

#[test]
fn a_client_certificate_is_shown() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let (certificate, key) = authority.client_certificate();
    let cert = files.write("cert.pem", &certificate);
    let key_file = files.write("key.pem", &key);
    let both = files.write("both.pem", format!("{key}{certificate}"));
    let windows = format!("\u{feff}{certificate}{key}").replace('\n', "\r\n");
    let windows = files.write("windows.pem", windows);
    for version in [&TLS12, &TLS13] {
        for flags in [
            vec![Path::new("--cert"), &cert, Path::new("--key"), &key_file],
            vec![Path::new("--cert"), &both],
            vec![Path::new("--cert"), &windows],
        ] {
            let config = authority.wanting_client_certificate(version);
            let server = ScriptServer::tls_with([stream()], config);
            files
                .tail(&server)
                .args(flags)
                .run()
                .exit(0)
                .stdout_is(&expected_json(insert(1).as_bytes()));
        }
    }
}

/// What editors on Windows make of a file.
#[test]
fn authorities_with_a_byte_order_mark_and_their_line_ends_are_taken() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let pem = std::fs::read_to_string(&files.authority).unwrap();
    files.write(
        "authority.pem",
        format!("\u{feff}{pem}").replace('\n', "\r\n"),
    );
    let server = ScriptServer::tls([stream()], &authority);
    files.tail(&server).run().exit(0);
}

/// In TLS 1.3 the client has connected by the time the server refuses it.
#[test]
fn a_server_that_gets_none_or_refuses_it_is_told_in_words() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let advice = "(give a certificate that it accepts with --cert and --key)";
    let strangers = [
        (
            Authority::named("stranger"),
            "the server does not trust the authority of the client certificate",
        ),
        (
            Authority::new(),
            "the server rejects a signature, perhaps that of the client certificate",
        ),
    ];
    for version in [&TLS12, &TLS13] {
        let config = authority.wanting_client_certificate(version);
        let server = || ScriptServer::tls_with([stream()], config.clone());
        files
            .tail(&server())
            .run()
            .exit(4)
            .stderr_has("the server requires a client certificate")
            .stderr_has(advice);
        for (stranger, words) in &strangers {
            let (certificate, key) = stranger.client_certificate();
            let cert = files.write("cert.pem", certificate + &key);
            files
                .tail(&server())
                .arg("--cert")
                .arg(&cert)
                .run()
                .exit(4)
                .stderr_has(words)
                .stderr_has(advice);
        }
    }
}

/// A web server before the agent may refuse with a page instead of an alert.
#[test]
fn a_page_that_refuses_is_told_too() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let page = Script::answer(400, &[("Content-Type", "text/html")], "<html></html>");
    let server = ScriptServer::tls([page], &authority);
    files
        .tail(&server)
        .run()
        .exit(4)
        .stderr_has("it may require a client certificate")
        .stderr_has("--cert");
}

/// The alert is lost where the server resets the connection behind it.
#[test]
fn connections_over_tls_that_end_again_and_again_may_be_for_want_of_one() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let (certificate, key) = authority.client_certificate();
    let cert = files.write("cert.pem", certificate + &key);
    let run = |retries: &str, flags: &[&str]| {
        let scripts = [0; 3].map(|_| Script::silent());
        let server = ScriptServer::tls(scripts, &authority);
        Tail::url(server.url())
            .args(["--retries", retries, "--cacert"])
            .arg(&files.authority)
            .args(flags)
            .run()
            .exit(4)
            .stderr_has("the connection ended before the answer was complete")
    };
    run("2", &[]).stderr_has("it may require a client certificate: --cert");
    run("1", &[]).stderr_lacks("--cert");
    run("2", &["--cert", cert.to_str().unwrap()])
        .stderr_lacks("--cert")
        .stderr_has("its log is empty");
}

#[test]
fn no_other_origin_is_shown_it() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let (certificate, key) = authority.client_certificate();
    let cert = files.write("cert.pem", certificate + &key);
    for version in [&TLS12, &TLS13] {
        let config = authority.wanting_client_certificate(version);
        let other = ScriptServer::tls_with([stream()], config.clone());
        let redirect = Script::redirect(302, &other.url());
        let server = ScriptServer::tls_with([redirect], config);
        files
            .tail(&server)
            .arg("--cert")
            .arg(&cert)
            .run()
            .exit(4)
            .stderr_has(&format!("redirected to {}", other.url()))
            .stderr_has("was not shown there, because it goes only to the origin of the URL; give this URL itself")
            .stderr_lacks("--cert");
        assert_eq!(server.requests().len(), 1);
        assert!(other.requests().is_empty());
    }
    // The same origin is shown it on every hop.
    let config = authority.wanting_client_certificate(&TLS13);
    let redirect = Script::redirect(302, "/ops");
    let server = ScriptServer::tls_with([redirect, stream()], config);
    files.tail(&server).arg("--cert").arg(&cert).run().exit(0);
}

#[test]
fn files_that_cannot_be_used_are_wrong_usage() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let (certificate, key) = authority.client_certificate();
    let (_, other_key) = authority.client_certificate();
    let cert = files.write("cert.pem", &certificate);
    let key = files.write("key.pem", key);
    let other = files.write("other.pem", other_key);
    let empty = files.write("empty.pem", "");
    let encrypted = files.write(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let garbage = files.write(
        "garbage.pem",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    let cut = files.write("cut.pem", &certificate[..certificate.len() - 30]);
    let missing = files.folder.path().join("missing.pem");
    for (cert, key, problem) in [
        (&cert, Some(&other), "do not belong together"),
        (&cert, None, "give the key with --key"),
        (&key, None, "holds no certificate"),
        (&cert, Some(&cert), "holds no private key"),
        (&cert, Some(&empty), "holds no private key"),
        (&empty, Some(&key), "holds no certificate"),
        (&cert, Some(&encrypted), "its key is encrypted"),
        (&cert, Some(&garbage), "is not valid"),
        (&cut, Some(&key), "its end is missing"),
        (&missing, Some(&key), "No such file"),
        (&cert, Some(&missing), "No such file"),
    ] {
        let server = ScriptServer::tls([stream()], &authority);
        let mut tail = files.tail(&server).arg("--cert").arg(cert);
        if let Some(key) = key {
            tail = tail.arg("--key").arg(key);
        }
        tail.run()
            .exit(2)
            .stderr_has(problem)
            .stderr_lacks("os error");
        assert!(server.requests().is_empty());
    }
    Tail::url("http://127.0.0.1:1/")
        .arg("--key")
        .arg(&key)
        .run()
        .exit(2)
        .stderr_has("--cert");
}
