//! Every line about the beginning of a run, for the list of messages.

use std::path::Path;

use super::words;
use crate::oplog::Position;
use crate::report::described;

pub(crate) fn all() -> Vec<String> {
    let position = described(Position::FULL_REPLICATION);
    vec![
        words::from_now(Path::new("st"), true),
        words::from_now(Path::new("st"), false),
        words::leaving(&position),
        words::going_on(&position),
        words::demo("http://127.0.0.1:8042/"),
    ]
}
