//! The position on disk: the file with its lock, and the thread that writes it.

mod error;
mod file;
mod format;
mod holder;
mod lock;
mod look;
#[cfg(test)]
pub mod messages;
mod obstacle;
mod safety;
mod saver;
mod step;

pub use error::StateError;
pub use file::{StateFile, peek};
pub use look::{Look, look};
pub use obstacle::Problem;
pub use saver::Saver;
pub use step::Step;
