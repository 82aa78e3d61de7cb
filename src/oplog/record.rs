//! One record as it came from the server: id, event name and data, not checked yet.

use std::ops::Range;

use bytestring::ByteString;

use super::span::Span;

/// A record. It shares the bytes of the buffer it was read from, so nothing is copied.
#[derive(Clone, Debug)]
pub struct Record {
    text: ByteString,
    id: Span,
    event: Span,
    data: Span,
}

impl Record {
    /// A record of these three; each may be empty.
    pub fn new(id: &str, event: &str, data: &str) -> Self {
        let (id_end, event_end) = (id.len(), id.len() + event.len());
        let text = [id, event, data].concat();
        let end = text.len();
        Self::within(text.into(), 0..id_end, id_end..event_end, event_end..end)
    }

    /// The record whose id, event name and data stand at these places of `text`.
    ///
    /// # Panics
    /// When its parts are asked for, if these are no places in `text`.
    pub fn within(
        text: ByteString,
        id: Range<usize>,
        event: Range<usize>,
        data: Range<usize>,
    ) -> Self {
        Self {
            text,
            id: id.into(),
            event: event.into(),
            data: data.into(),
        }
    }

    /// The id as the server sent it; empty where it sent none.
    pub fn id(&self) -> &str {
        self.id.get(&self.text)
    }

    pub fn event(&self) -> &str {
        self.event.get(&self.text)
    }

    /// The data; lines of it are separated by line feeds.
    pub fn data(&self) -> &str {
        self.data.get(&self.text)
    }

    /// Whether this is no event at all: a block of fields without a name and without data.
    pub fn is_blank(&self) -> bool {
        self.data.is_empty() && self.event() == "message"
    }

    pub fn drop_data(&mut self) {
        self.data = Span::default();
    }
}
