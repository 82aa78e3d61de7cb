//! The position on disk: the file with its lock, and the thread that writes it.

mod error;
mod file;
mod format;
mod holder;
mod lock;
mod look;
#[cfg(test)]
pub(crate) mod messages;
mod obstacle;
mod safety;
mod saver;
mod step;

pub(crate) use error::StateError;
pub(crate) use file::{StateFile, peek};
pub(crate) use holder::Lock;
pub(crate) use look::{Look, look};
pub(crate) use saver::Saver;
#[cfg(test)]
pub(crate) use {error::Reason, holder::Holder};
