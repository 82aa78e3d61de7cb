//! The object of an operation.

use std::borrow::Cow;

use serde::Deserialize;

/// The object of an operation, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    /// When the object changed: RFC 3339 with any offset, as the server wrote it (not checked).
    pub timestamp: &'a str,
    /// The type of the object, such as `video`.
    pub kind: &'a str,
    /// The id of the object within its type.
    pub id: &'a str,
    /// The URL of the object, where the server is configured to send one.
    pub reference: Option<&'a str>,
    /// The JSON array as in the data; empty for `null` and if there is none.
    pub(super) parents: &'a str,
    /// All of the data is printable ASCII, and there are no escapes in it.
    pub is_simple: bool,
}

impl Object<'_> {
    /// Calls `visit` with each of the parents in turn, such as `user/u1`, without allocating where
    /// none of them holds an escape.
    pub fn for_each_parent(&self, mut visit: impl FnMut(&str)) {
        // An array of strings, checked when decoded, so nothing can be lost here.
        if !self.is_simple && self.parents.contains('\\') {
            let parents: Vec<String> = serde_json::from_str(self.parents).unwrap_or_default();
            for parent in &parents {
                visit(parent);
            }
            return;
        }
        // Without escapes, quotes come in pairs around the strings and nowhere else.
        let mut quotes = memchr::memchr_iter(b'"', self.parents.as_bytes());
        while let (Some(open), Some(close)) = (quotes.next(), quotes.next()) {
            visit(&self.parents[open + 1..close]);
        }
    }
}

/// A JSON string, borrowed where it holds no escapes.
#[derive(Deserialize)]
pub(super) struct Piece<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);
