//! `--compare`: how a dump differs from what the server knows.

mod dump;
mod ending;
mod faults;
mod rules;
mod scene;
mod silence;
