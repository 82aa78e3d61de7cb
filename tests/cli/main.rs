//! The command line contract, checked from outside: every test runs the program.
//!
//! One test program for all of it, since each further one is linked anew.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "../support/mod.rs"]
mod support;

mod ack_no_id;
mod ack_paused;
mod ack_reconnect;
mod ack_stdin;
mod ack_worker;
mod agents;
mod check;
mod client_certificate;
mod compare;
mod cookbook;
mod create;
mod diagnostics;
mod failure;
mod first_position;
mod incomplete;
mod invalid;
mod jobs;
mod local_time;
mod output;
mod overtaken;
mod position;
mod reconnect;
mod redirect;
mod repair;
mod repair_connection;
mod request;
mod resume;
mod state;
mod state_absent;
mod statistics;
mod stopping;
mod stream;
mod terminal;
mod transport;
mod until;
mod until_states;
mod usage;
mod words;
