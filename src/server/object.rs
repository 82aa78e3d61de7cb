//! Changes of objects, as the log and the states hold them, and their form on the wire.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Insert,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
    /// It existed when `oplog-sync` filled the log.
    Create,
}

impl Action {
    /// The name of the event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Create => "create",
        }
    }
}

/// A change of an object, as the producers of the log report it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) action: Action,
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) parents: Vec<String>,
    pub(super) timestamp_ms: Option<u64>,
}

impl Change {
    /// This action on the object `id` of the type `kind`, which has no parents.
    pub fn new(action: Action, kind: &str, id: &str) -> Self {
        Self {
            action,
            kind: kind.to_owned(),
            id: id.to_owned(),
            parents: Vec::new(),
            timestamp_ms: None,
        }
    }

    /// The object `id` of the type `kind` was created.
    pub fn insert(kind: &str, id: &str) -> Self {
        Self::new(Action::Insert, kind, id)
    }

    /// The object `id` of the type `kind` was changed.
    pub fn update(kind: &str, id: &str) -> Self {
        Self::new(Action::Update, kind, id)
    }

    /// The object `id` of the type `kind` was deleted.
    pub fn delete(kind: &str, id: &str) -> Self {
        Self::new(Action::Delete, kind, id)
    }

    /// The object `id` of the type `kind` was there when `oplog-sync` filled the log.
    pub fn create(kind: &str, id: &str) -> Self {
        Self::new(Action::Create, kind, id)
    }

    /// The same with these parents, such as `user/u1`.
    pub fn parents<'a>(mut self, parents: impl IntoIterator<Item = &'a str>) -> Self {
        self.parents = parents.into_iter().map(str::to_owned).collect();
        self
    }

    /// The same with this UNIX time (ms) as the `timestamp` of its data. Without it, that is the
    /// agent's time when it takes the change in.
    pub fn timestamp(mut self, unix_ms: u64) -> Self {
        self.timestamp_ms = Some(unix_ms);
        self
    }
}

/// The data of a change, with its JSON made once, however often it is sent.
#[derive(Debug)]
pub(super) struct Object {
    /// `type/id`: what the server identifies an object by.
    pub key: Box<str>,
    pub kind: Box<str>,
    pub parents: Box<[String]>,
    pub json: Box<str>,
}

impl Object {
    /// The data of `change`, taken in when the clock of the agent says `now_ms`. `object_url` is a
    /// template in which `{{type}}` and `{{id}}` are replaced; without it the data has no `ref`.
    pub(super) fn new(change: &Change, now_ms: u64, object_url: Option<&str>) -> Self {
        Self {
            key: format!("{}/{}", change.kind, change.id).into(),
            kind: change.kind.as_str().into(),
            parents: change.parents.clone().into(),
            json: json(change, now_ms, object_url).into(),
        }
    }
}

/// The data as `oplogd` writes it, key by key in its order.
fn json(change: &Change, now_ms: u64, object_url: Option<&str>) -> String {
    let mut json = format!(
        r#"{{"timestamp":"{}","parents":"#,
        rfc3339(change.timestamp_ms.unwrap_or(now_ms))
    );
    // `Value` writes compact JSON, and never fails where `serde_json::to_string` could.
    let parents = Value::from(change.parents.as_slice());
    let (kind, id) = (change.kind.as_str(), change.id.as_str());
    let _ = write!(
        json,
        r#"{parents},"type":{},"id":{}"#,
        Value::from(kind),
        Value::from(id)
    );
    if let Some(template) = object_url {
        let url = template.replace("{{type}}", kind).replace("{{id}}", id);
        let _ = write!(json, r#","ref":{}"#, Value::from(url));
    }
    json.push('}');
    json
}

/// RFC 3339 in UTC with as many fractional digits as the milliseconds need, which is how Go
/// prints a time.
fn rfc3339(unix_ms: u64) -> Timestamp {
    i64::try_from(unix_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Writes one event with data.
pub(super) fn write_event(out: &mut Vec<u8>, id: &str, event: &str, json: &str) {
    for part in ["id: ", id, "\nevent: ", event, "\ndata: ", json, "\n\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Writes a `reset` or a `live`, which have no data line at all.
pub(super) fn write_marker(out: &mut Vec<u8>, id: &str, event: &str) {
    for part in ["id: ", id, "\nevent: ", event, "\n\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
