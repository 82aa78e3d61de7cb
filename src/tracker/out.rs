//! What is known of an unacknowledged line, so that a person can see what the run waits for.
//!
//! Each line in flight keeps its event and object in one short text, the only allocation that it
//! costs. A reference to the operation would be cheaper to take, but it would keep all of the data
//! around it in memory for as long as the line is out. Which line will be the oldest is not known
//! before the others are acknowledged, so none can do without.

use std::sync::Arc;
use std::time::Instant;

use crate::oplog::Operation;

/// The most bytes that are kept of an event and its object.
const MOST_BYTES: usize = 256;

/// A line that is out. To clone it costs no copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Out {
    /// The event and, on a second line, the object as `type/id`, where there is one.
    what: Arc<str>,
    /// When it was handed out.
    pub since: Instant,
}

/// Makes [`Out`]s.
#[derive(Debug)]
pub(super) struct Describer {
    text: String,
    now: Instant,
}

impl Default for Describer {
    fn default() -> Self {
        Self {
            text: String::new(),
            now: Instant::now(),
        }
    }
}

impl Describer {
    /// What is described from here on is handed out now. One reading serves a batch.
    pub(super) fn set_time(&mut self) {
        self.now = Instant::now();
    }

    /// Describes the operation, cut where it is very long.
    pub(super) fn describe(&mut self, operation: &Operation) -> Out {
        self.text.clear();
        self.text.push_str(operation.event().name());
        if let Some(object) = operation.object() {
            for part in ["\n", object.kind, "/", object.id] {
                self.text.push_str(part);
            }
        }
        let end = self.text.floor_char_boundary(MOST_BYTES);
        let what = self.text[..end].into();
        self.text.shrink_to(MOST_BYTES);
        Out {
            what,
            since: self.now,
        }
    }
}

impl Out {
    pub fn event(&self) -> &str {
        let event = self.what.split_once('\n').map(|(event, _)| event);
        event.unwrap_or(&self.what)
    }

    /// `type/id`; `None` for what tells of no object.
    pub fn object(&self) -> Option<&str> {
        self.what.split_once('\n').map(|(_, object)| object)
    }
}

/// The lines that are out and can be acknowledged one by one.
#[derive(Clone, Debug, Default)]
pub struct LinesOut {
    pub lines: usize,
    /// The most that may be; `None` where lines are acknowledged in order.
    pub limit: Option<usize>,
    /// The id of the oldest, and what else is known of it.
    pub oldest: Option<(String, Out)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oplog::Record;

    fn described(event: &str, data: &str) -> Out {
        let operation = Operation::new(Record::new("1", event, data)).unwrap();
        Describer::default().describe(&operation)
    }

    #[test]
    fn tells_event_and_object() {
        let data = r#"{"timestamp":"2026-11-23T17:55:12Z","type":"a b","id":"x\ny"}"#;
        let out = described("update", data);
        assert_eq!((out.event(), out.object()), ("update", Some("a b/x\ny")));
        let out = described("reset", "");
        assert_eq!((out.event(), out.object()), ("reset", None));
    }

    #[test]
    fn what_is_long_is_cut() {
        let id = "é".repeat(10_000);
        let data = format!(r#"{{"timestamp":"2026-11-23T17:55:12Z","type":"a","id":"{id}"}}"#);
        let out = described("delete", &data);
        assert!(out.what.len() <= MOST_BYTES && out.what.len() > MOST_BYTES - 2);
        assert!(out.object().unwrap().starts_with("a/é"));
    }
}
