//! Proxies, certificates and redirects.

use serde_json::Value;

use super::{check, has_problem, has_warning, is_fine, only, quiet, records, scripted, status};
use crate::support::{Authority, ForwardProxy, Script, ScriptServer, closed_port};

#[test]
fn through_which_proxy() {
    let (proxy, server) = (
        ForwardProxy::start(),
        scripted(quiet(), Script::status(404)),
    );
    let with_password = proxy.url().replace("://", "://me:hush@");
    for run in [
        check(&[server.url()]).args(["--proxy", &with_password]),
        check(&[server.url()]).env("http_proxy", &with_password),
    ] {
        let finished = run.run().exit(0);
        let agent = only(&records(&finished), "agent");
        is_fine(&agent);
        assert_eq!(agent["proxy"], format!("{}/", proxy.url()));
        assert!(!finished.stdout_text().contains("hush"));
    }
    assert_eq!(proxy.heads().len(), 4);
    let finished = check(&[server.url()])
        .args(["--proxy", &closed_port()])
        .run()
        .exit(4);
    let agent = only(&records(&finished), "agent");
    has_problem(&agent, &["through the proxy", "cannot connect"]);
}

/// The stream and the status of an agent over TLS.
fn over_tls(config: std::sync::Arc<rustls::ServerConfig>) -> ScriptServer {
    ScriptServer::tls_with([quiet(), status(r#"{"clients":1}"#)], config)
}

#[test]
fn with_which_certificate_until_when() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let pem = authority.write_pem(folder.path()).display().to_string();
    let trusted = ScriptServer::tls([quiet(), status(r#"{"clients":1}"#)], &authority);
    let finished = check(&[trusted.url()])
        .args(["--cacert", &pem])
        .run()
        .exit(0);
    let agent = only(&records(&finished), "agent");
    is_fine(&agent);
    assert_eq!(agent["certificate_until"], "4096-01-01T00:00:00Z");
    assert_eq!(agent["status"]["clients"], 1);
    // reqwest does not show the one that comes through the tunnel of a proxy.
    let (proxy, tunnelled) = (
        ForwardProxy::start(),
        over_tls(authority.config_for("127.0.0.1", false)),
    );
    let finished = check(&[tunnelled.url()])
        .args(["--cacert", &pem, "--proxy", &proxy.url()])
        .run()
        .exit(0);
    let agent = only(&records(&finished), "agent");
    assert_eq!(agent["certificate_until"], Value::Null);
    assert_eq!(agent["proxy"], format!("{}/", proxy.url()));
    // One that has ended is a problem, and where nobody minds a warning.
    let ended = || over_tls(authority.config_for("127.0.0.1", true));
    let finished = check(&[ended().url()])
        .args(["--cacert", &pem])
        .run()
        .exit(4);
    has_problem(&only(&records(&finished), "agent"), &["certificate"]);
    let finished = check(&[ended().url()]).arg("--insecure").run().exit(0);
    let agent = only(&records(&finished), "agent");
    assert_eq!(agent["certificate_until"], "2001-02-03T00:00:00Z");
    has_warning(&agent, &["its certificate expired at 2001-02-03"]);
}

#[test]
fn a_connection_that_does_not_come_about() {
    // It takes no part in the handshake of TLS.
    let silent = scripted(Script::silent().stall(), Script::status(404));
    let url = silent.url().replace("http://", "https://");
    let finished = check(&[url])
        .args(["--insecure", "--connect-timeout", "300ms"])
        .run()
        .exit(4);
    let words = ["cannot connect in time", "--connect-timeout"];
    has_problem(&only(&records(&finished), "agent"), &words);
}

#[test]
fn redirects_are_followed_and_the_password_stays_at_home() {
    let elsewhere = scripted(quiet(), status(r#"{"clients":5}"#));
    let to = format!("{}prefix/ops", elsewhere.url());
    let home = ScriptServer::repeating(Script::redirect(302, &to));
    let finished = check(&[home.url_as(":pw@")])
        .args(["-H", "X-Key: k"])
        .run()
        .exit(0);
    let agent = only(&records(&finished), "agent");
    is_fine(&agent);
    assert_eq!(agent["url"], home.url());
    assert_eq!(agent["status"]["clients"], 5);
    let targets: Vec<_> = elsewhere
        .requests()
        .into_iter()
        .map(|it| it.target)
        .collect();
    assert_eq!(targets, ["/prefix/ops", "/prefix/status"]);
    for request in elsewhere.requests() {
        assert_eq!(request.header("Authorization"), None);
        assert_eq!(request.header("X-Key"), None);
    }
    let round = ScriptServer::repeating(Script::redirect(302, "/again"));
    let finished = check(&[round.url()]).run().exit(4);
    let agent = only(&records(&finished), "agent");
    has_problem(&agent, &["redirects more than 5 times"]);
    assert_eq!(agent["status"], Value::Null);
}
