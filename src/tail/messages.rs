//! Every line about a run and its end, for the list of messages.

use super::words;
use crate::oplog::{InvalidData, InvalidOperation, Position};
use crate::report::described;
use crate::settings::OnInvalid;

pub(crate) fn all() -> Vec<String> {
    let mut all = vec![
        words::TIMED_OUT.to_owned(),
        words::READER_GONE.to_owned(),
        words::NO_WORKER.to_owned(),
        words::SAVES_SLOWLY.to_owned(),
    ];
    for stopped in [words::BY_TIMEOUT, words::BY_WORKER] {
        all.push(words::unacknowledged(stopped, 1, true));
        all.push(words::unacknowledged(stopped, 3, false));
    }
    all.push(words::unknown_id("545b"));
    all.push(words::unknown_ids_left_out(12));
    all.push(words::saved(&described(Position::FULL_REPLICATION)));
    let invalid = InvalidOperation {
        id: "1".into(),
        event: "insert".into(),
        data: "{\"timestamp\"".into(),
        reason: InvalidData::Missing,
    };
    for on_invalid in every!(OnInvalid: Skip, Exit) {
        all.push(words::invalid(&invalid, on_invalid));
    }
    all
}
