//! What a consumer builds from the operations it is handed equals the server's objects, although
//! the server leaves things out of its replications.
//!
//! In each case the same happens twice: with the repair, after which nothing is missing, and
//! without it, after which something is. So a case that shows nothing fails.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod front;
mod kills;
mod position;
mod schedules;
mod second;
mod setup;
mod world;
