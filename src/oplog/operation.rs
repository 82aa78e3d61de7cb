//! An operation, or one of the two markers (`reset`, `live`) at the ends of a replication.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::kept::Kept;
use super::object::Object;
use super::record::Record;

/// The name of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An object was created, or is part of a replication.
    Insert,
    /// An object was created, as `oplog-sync` writes it: the same as an insert.
    Create,
    /// An object was changed.
    Update,
    /// An object was deleted.
    Delete,
    /// A full replication begins: the consumer drops everything it has.
    Reset,
    /// The replication is over, live operations follow.
    Live,
    /// A name this program does not know; printed like an operation.
    Other(Box<str>),
}

impl Event {
    pub fn from_name(name: &str) -> Self {
        match name {
            "insert" => Self::Insert,
            "create" => Self::Create,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "reset" => Self::Reset,
            "live" => Self::Live,
            other => Self::Other(other.into()),
        }
    }

    /// The name as the server sent it.
    pub fn name(&self) -> &str {
        match self {
            Self::Insert => "insert",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Reset => "reset",
            Self::Live => "live",
            Self::Other(name) => name,
        }
    }

    /// Whether this is `reset` or `live`, which carry no object.
    pub fn is_marker(&self) -> bool {
        matches!(self, Self::Reset | Self::Live)
    }
}

/// One record: an operation or a marker.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its data is one line of JSON, byte for byte as sent; empty for markers and for unknown
    /// events without.
    record: Record,
    event: Event,
    object: Option<Kept>,
}

/// Why the data of an event is no operation.
#[derive(Debug, thiserror::Error)]
pub enum InvalidData {
    #[error("it has no data")]
    Missing,
    /// The data is not JSON, or lacks `timestamp`, `type` or `id`, or has a field of a wrong type.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
}

/// An event that cannot be decoded: all of it as sent, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode {event} #{id}: {reason}")]
pub struct InvalidOperation {
    pub id: String,
    pub event: String,
    pub data: String,
    pub reason: InvalidData,
}

impl Operation {
    /// Checks the data of a record.
    ///
    /// `reset` and `live` have no data; what a server sends with them is dropped. `insert`,
    /// `update` and `delete` must carry a JSON object with `timestamp`, `type` and `id`. Any
    /// other event may carry any JSON or nothing. Several `data` lines are joined by line feeds,
    /// which JSON allows between its tokens and not inside a string.
    ///
    /// # Errors
    /// [`InvalidOperation`] with everything that was passed in.
    pub fn new(mut record: Record) -> Result<Self, Box<InvalidOperation>> {
        let event = Event::from_name(record.event());
        if event.is_marker() {
            record.drop_data();
            return Ok(Self {
                record,
                event,
                object: None,
            });
        }
        match object_in(record.data(), &event) {
            Ok(object) => {
                // The object keeps its places: a line feed and a space are as long.
                if let Cow::Owned(data) = on_one_line(record.data()) {
                    record = Record::new(record.id(), record.event(), &data);
                }
                Ok(Self {
                    record,
                    event,
                    object,
                })
            }
            Err(reason) => Err(Box::new(InvalidOperation {
                id: record.id().to_owned(),
                event: record.event().to_owned(),
                data: record.data().to_owned(),
                reason,
            })),
        }
    }

    /// The id as the server sent it; empty where it sent none.
    pub fn id(&self) -> &str {
        self.record.id()
    }

    pub fn event(&self) -> &Event {
        &self.event
    }

    /// One line of JSON as the server sent it; empty where there is none.
    pub fn data(&self) -> &str {
        self.record.data()
    }

    /// The object of the operation; `None` for markers and for unknown events without an object.
    #[inline]
    pub fn object(&self) -> Option<Object<'_>> {
        Some(self.object.as_ref()?.get(self.data()))
    }
}

/// Valid JSON on one line: its line feeds stand between tokens, where a space means the same.
pub fn on_one_line(data: &str) -> Cow<'_, str> {
    // Faster than `contains`, which knows no vector instructions.
    if memchr::memchr(b'\n', data.as_bytes()).is_some() {
        data.replace('\n', " ").into()
    } else {
        data.into()
    }
}

/// What the data of an event that is no marker says about an object, if it has to say anything.
fn object_in(data: &str, event: &Event) -> Result<Option<Kept>, InvalidData> {
    let is_unknown = matches!(event, Event::Other(_));
    if data.is_empty() {
        return if is_unknown {
            Ok(None)
        } else {
            Err(InvalidData::Missing)
        };
    }
    match Kept::parse(data) {
        Ok(object) => Ok(Some(object)),
        Err(error) if is_unknown => serde_json::from_str::<&RawValue>(data)
            .map(|_| None)
            .map_err(|_| error.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
