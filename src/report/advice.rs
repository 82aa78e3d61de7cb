//! What a person can do about a failure, in terms of the command line.

use crate::consumer::Error;
use crate::http::{Failure, Hint};

/// The reason of a failure with what to do about it, if anything.
pub(crate) fn with_advice(failure: &Failure) -> String {
    let reason = &failure.reason;
    match failure.hint.map(on) {
        Some(advice) => format!("{reason} ({advice})"),
        None => reason.clone(),
    }
}

/// What can be done so that a run does not end like this, if anything.
pub(crate) fn against(error: &Error) -> Option<&'static str> {
    match error {
        Error::AccessDenied(failure)
        | Error::Refused(failure)
        | Error::ConnectionLost { failure, .. } => failure.hint.map(on),
        Error::ResumeFailed(_) => Some(
            "--on-resume-failed continue prints the latest state of each object changed since; \
             replicate prints every object",
        ),
        Error::Uncertain => None,
    }
}

fn on(hint: Hint) -> &'static str {
    match hint {
        Hint::Look => "is the agent running at this address?",
        Hint::Ended => {
            "an agent fails at every request while its log is empty or its store is down: look at \
             the log file of the agent"
        }
        Hint::EndedOverTls => {
            "it may require a client certificate: --cert, --key; or its log is empty or its store \
             is down, which makes every request fail: look at the log file of the agent"
        }
        Hint::Proxy => "is the proxy running at this address, and does it reach the agent?",
        Hint::ProxyPassword => {
            "write it as http://USER:PASSWORD@HOST:PORT in --proxy or in the proxy variable"
        }
        Hint::Password => "give --password-file, or set OPLOG_TAIL_PASSWORD",
        Hint::Authority => "give the certificate of the authority with --cacert, or install it",
        Hint::ServerCertificate => {
            "use a server certificate with CA:FALSE, made for example by openssl req -x509 \
             -addext basicConstraints=CA:FALSE"
        }
        Hint::ClientCertificate => "give a certificate that it accepts with --cert and --key",
        Hint::TimeToConnect => "to wait longer, raise --connect-timeout",
        Hint::TimeToAnswer => {
            "the limit is --connect-timeout plus --read-timeout; to wait longer, raise either"
        }
        Hint::TimeOfSilence => "to wait longer, raise --read-timeout",
    }
}
