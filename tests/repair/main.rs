//! What a consumer builds from the operations it is handed equals the server's objects, although
//! the server leaves things out of its replications.
//!
//! In each case the same happens twice: with the repair, after which nothing is missing, and
//! without it, after which something is. So a case that shows nothing fails.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say where

mod cases;
mod clock;
mod front;
mod kills;
mod position;
mod replica;
mod schedules;
mod second;
mod setup;
mod world;
