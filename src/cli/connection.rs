//! The flags about the connection: credentials, certificates, proxy, retries.

#![expect(clippy::doc_markdown, reason = "the help is plain text")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::values::{Secret, number};
use crate::duration;

/// How the server is reached, and what happens when it is not.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The password; others can see it in ps
    ///
    /// Other users of this machine can see it in the list of processes, so prefer --password-file or
    /// the environment variable OPLOG_TAIL_PASSWORD. If several are given, this flag wins, then the
    /// file, then the variable, then the URL. Sent as Basic authentication with the user name of the
    /// URL, or an empty one. Never printed. Default: no authentication. Example: --password "$PW"
    #[arg(long, value_name = "PW", value_hint = ValueHint::Other, allow_hyphen_values = true)]
    pub password: Option<Secret>,

    /// Read the password from a file; - is stdin
    ///
    /// One newline at its end and a byte order mark at its beginning are removed. Default: see
    /// --password. Example: --password-file /run/secrets/oplog
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,

    /// Add a request header; repeatable
    ///
    /// Sent only to the origin of the URL, not to another one that it redirects to. Default: none.
    /// Example: -H "X-Tenant: 7"
    #[arg(
        short = 'H',
        long = "header",
        value_name = "NAME: VALUE",
        value_hint = ValueHint::Other
    )]
    pub headers: Vec<Secret>,

    /// Trust the certificate authorities in FILE too
    ///
    /// One or more certificates in PEM. Default: trust only the authorities that the system trusts.
    /// Example: --cacert /etc/ssl/company-ca.pem
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cacert: Option<PathBuf>,

    /// The client certificate, with its key or --key
    ///
    /// In PEM: the certificate first, then those of the authorities between it and one that the
    /// server trusts. Sent only to the origin of the URL, not to another one that it redirects to;
    /// an https proxy that asks for one gets it too. Default: none. Example: --cert client.pem
    /// --key client.key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub cert: Option<PathBuf>,

    /// The key of the client certificate
    ///
    /// In PEM and not encrypted. Default: the key in the file of --cert. Example: --key client.key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "cert", hide_short_help = true)]
    pub key: Option<PathBuf>,

    /// Do not verify certificates
    ///
    /// The connection is encrypted, but it may lead to somebody else. Prefer --cacert. Default:
    /// certificates are verified.
    #[arg(long, hide_short_help = true)]
    pub insecure: bool,

    /// Connect through this HTTP proxy
    ///
    /// http or https. Default: the environment variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and
    /// NO_PROXY. Example:
    /// --proxy http://proxy.example.com:3128
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub proxy: Option<Secret>,

    /// Retries before giving up [default: no limit]
    ///
    /// Each event or heartbeat resets the count; 0 gives up at the first failure. The pause
    /// between two tries doubles from 1 s to 30 s. The second connection, which fetches the objects
    /// that a replication misses, is retried for as long as the run lasts. Example: --retries 5
    #[arg(long, value_name = "N", value_hint = ValueHint::Other, value_parser = number::<u32>)]
    pub retries: Option<u32>,

    /// Give up connecting after DUR [default: 10s]
    ///
    /// This counts as a failure; see --retries. Example: --connect-timeout 2s
    #[arg(
        long,
        hide_short_help = true,
        value_hint = ValueHint::Other,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        default_value = "10s",
        hide_default_value = true
    )]
    pub connect_timeout: Duration,

    /// Reconnect after DUR without data [default: 60s]
    ///
    /// If the server sends nothing for DUR, not even a heartbeat, the connection counts as lost; 0
    /// waits forever. Time spent waiting for stdout or for acknowledgements does not count. Example: --read-timeout 5m
    #[arg(
        long,
        value_hint = ValueHint::Other,
        value_name = "DUR",
        value_parser = duration::parse,
        default_value = "60s",
        hide_default_value = true
    )]
    pub read_timeout: Duration,
}
