//! What a person can do about a failure.

/// What a person can do about a failure. `report::advice` turns it into words with the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A look at whether the agent runs, and at its address.
    Look,
    /// The known causes of connections that end, where that happens again and again.
    Ended,
    /// The same, where the server may have wanted a client certificate and got none.
    EndedOverTls,
    /// A look at whether the proxy runs, and at its address.
    Proxy,
    /// A user name and a password for the proxy.
    ProxyPassword,
    /// A password.
    Password,
    /// A certificate authority to trust.
    Authority,
    /// Another certificate for the server.
    ServerCertificate,
    /// A client certificate.
    ClientCertificate,
    /// More time to connect.
    TimeToConnect,
    /// More time to connect and to answer.
    TimeToAnswer,
    /// More time in which nothing comes.
    TimeOfSilence,
}
