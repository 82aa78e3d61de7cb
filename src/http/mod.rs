//! Requests to an agent: TLS, proxies, redirects, and what answers and failures mean in words.
//!
//! Knows nothing about events, and never retries.

mod answer;
mod beside;
mod cause;
mod chain;
mod clients;
mod config;
mod failure;
mod hint;
#[cfg(test)]
pub(crate) mod messages;
mod names;
mod passage;
mod proxy;
mod refusal;
mod request;
mod tls_words;
mod words;

pub use answer::{date_of, unusable_answer};
pub use beside::document;
pub use cause::request_failure;
pub use clients::Clients;
pub use config::{Config, Endpoint, Tls};
pub use failure::{Failure, Remedy};
pub use hint::Hint;
pub use passage::Passage;
pub use proxy::{ProxyChoice, ProxyVariables};
pub use request::{Exchange, StreamRequest};
pub use words::{CUT, words};
