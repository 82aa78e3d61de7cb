//! What a person can do about a failure, in terms of the command line.

use crate::consumer::Error;
use crate::http::{Failure, Hint};

/// The reason of a failure with what to do about it, if anything.
pub fn with_advice(failure: &Failure) -> String {
    let reason = &failure.reason;
    match failure.hint.map(on) {
        Some(advice) => format!("{reason} ({advice})"),
        None => reason.clone(),
    }
}

/// What can be done so that a run does not end like this, if anything.
pub fn against(error: &Error) -> Option<&'static str> {
    match error {
        Error::AccessDenied(failure)
        | Error::Refused(failure)
        | Error::ConnectionLost { failure, .. } => failure.hint.map(on),
        Error::ResumeFailed(_) => Some(
            "--on-resume-failed continue takes the last state of every object changed since, \
             replicate starts a full replication",
        ),
        Error::Uncertain => None,
    }
}

fn on(hint: Hint) -> &'static str {
    match hint {
        Hint::Look => "does the agent run, and is that its address?",
        Hint::Ended => {
            "an agent crashes at every request while its log is empty or its store is down; \
             look at what it logs"
        }
        Hint::EndedOverTls => {
            "it may want a client certificate: --cert and --key show one; and an agent crashes \
             at every request while its log is empty or its store is down: look at what it logs"
        }
        Hint::Proxy => "does the proxy run, is that its address, and does it reach the agent?",
        Hint::ProxyPassword => {
            "give its user name and password: http://USER:PASSWORD@HOST:PORT in --proxy or in the variable"
        }
        Hint::Password => "give --password-file, or set OPLOG_TAIL_PASSWORD",
        Hint::Authority => "give --cacert, or install the certificates of the authority",
        Hint::ServerCertificate => {
            "give the server a certificate with CA:FALSE, made for example by openssl req -x509 \
             -addext basicConstraints=CA:FALSE"
        }
        Hint::ClientCertificate => "give one that it accepts with --cert and --key",
        Hint::TimeToConnect => "--connect-timeout gives it longer",
        Hint::TimeToAnswer => {
            "--connect-timeout and --read-timeout together; either gives it longer"
        }
        Hint::TimeOfSilence => "--read-timeout gives it longer",
    }
}
