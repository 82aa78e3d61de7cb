//! Consumes the log of an OpLog server and keeps its place in it.

mod config;

pub use config::{Acknowledging, Config, Endpoint, OnResumeFailed, Start, Tls};
