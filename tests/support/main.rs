//! The tests of the support code itself, once for all suites that use it.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

#[path = "mod.rs"]
mod support;

mod tests {
    mod basic;
    mod capture;
    mod pty;
    mod relay;
    mod replica;
    mod server;
    mod tail;
}
