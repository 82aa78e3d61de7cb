//! The parts of the `oplog-tail` program. Internal: the binary, its tests and its benches share
//! them; there is no stable interface.
//!
//! Data flows one way: a connection ([`sse`]) brings records, the [`consumer`] hands out
//! operations, [`tail`] prints them into a batch and writes it. Only the acknowledgement travels
//! back.
//!
//! The rooms (modules), from the top down. A room uses only rooms below it, and no files use each
//! other in a circle. A test checks this.
//!
//! - [`app`]: puts a run together
//! - [`error`]: why the program fails, in words and as an exit status
//! - [`check`]: `--check`: checks what a run would need, instead of running
//! - [`compare`]: `--compare`: how a dump differs from the server
//! - [`tail`]: the loop that fills a batch, writes it and acknowledges it; how a run ends
//! - [`settings`]: what the command line means
//! - [`cli`]: what was typed; man page and completions
//! - [`report`]: all messages on stderr
//! - [`demo`]: the server behind `--demo`
//! - [`server`]: a model of an OpLog server
//! - [`state`]: the position on disk
//! - [`consumer`]: reconnects; fetches the objects that a replication missed
//! - [`tracker`]: which operations are unacknowledged, the position, where to resume; no I/O
//! - [`retry`]: which agent is tried next, when, and when to give up; no I/O
//! - [`sse`]: one connection, from bytes to records
//! - [`http`]: requests, TLS, proxies, redirects; failures in words
//! - [`output`]: lines of text and JSON, and stdout
//! - [`oplog`]: records, operations, objects, positions
//! - [`limits`]: checks that the limits of the process are high enough
//! - [`exit`]: the exit statuses
//! - [`clock`]: the time of day, of this machine and as a server tells it
//! - [`duration`]: durations as a person writes and reads them
//! - [`quiet`]: a timer that fires if nothing comes
//! - [`redact`]: URLs without passwords
//! - [`error_text`]: the text of an error

// Here and not in Cargo.toml, since in a test everything is unreachable. A room is `pub` where the
// binary, a test, a bench or an example uses it from outside.
#![warn(unreachable_pub)]

#[cfg(test)]
#[macro_use]
mod tests;

pub mod app;
mod check;
pub mod cli;
pub mod clock;
mod compare;
pub mod consumer;
pub mod demo;
pub mod duration;
mod error;
mod error_text;
pub mod exit;
pub mod http;
mod limits;
pub mod oplog;
pub mod output;
mod quiet;
mod redact;
mod report;
mod retry;
pub mod server;
pub mod settings;
pub mod sse;
mod state;
mod tail;
pub mod tracker;
