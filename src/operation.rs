//! One record of the log as it came over the wire: an operation, or one of the two markers
//! (`reset`, `live`) that frame a replication.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The name of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An object was created, or is part of a replication.
    Insert,
    /// An object was changed.
    Update,
    /// An object was deleted.
    Delete,
    /// A full replication begins: whoever consumes it starts from nothing.
    Reset,
    /// The replication is over, live operations follow.
    Live,
    /// A name this program does not know; printed like an operation.
    Other(Box<str>),
}

impl Event {
    /// The event with this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "insert" => Self::Insert,
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

/// A string inside the JSON of an operation: where it stands, or what it says once its escapes
/// are resolved. Keeps an operation from copying what its `data` already holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Plain(Range<usize>),
    Unescaped(Box<str>),
}

impl Text {
    fn new(text: Cow<'_, str>, data: &str) -> Self {
        match text {
            Cow::Borrowed(part) => Self::Plain(span(part, data)),
            Cow::Owned(text) => Self::Unescaped(text.into()),
        }
    }

    fn get<'a>(&'a self, data: &'a str) -> &'a str {
        match self {
            Self::Plain(range) => &data[range.clone()],
            Self::Unescaped(text) => text,
        }
    }
}

/// Where `part`, a slice of `whole`, begins and ends in it.
fn span(part: &str, whole: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ObjectSpans {
    timestamp: Text,
    kind: Text,
    id: Text,
    reference: Option<Text>,
    /// The JSON array as it stands in `data`; `None` for `null` or no such field.
    parents: Option<Range<usize>>,
}

/// What an operation says about its object, borrowed from the [`Operation`].
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
    parents: &'a str,
}

impl<'a> Object<'a> {
    /// The parents, such as `user/u1`; empty where the server sent `[]`, `null` or nothing.
    pub fn parents(&self) -> Vec<Cow<'a, str>> {
        if self.parents.is_empty() {
            return Vec::new();
        }
        // Checked when the operation was decoded, so nothing can be lost here.
        serde_json::from_str::<Vec<Piece<'a>>>(self.parents)
            .map(|pieces| pieces.into_iter().map(|piece| piece.0).collect())
            .unwrap_or_default()
    }

    /// Calls `visit` with each of the parents in turn, without allocating where none of them holds
    /// an escape.
    pub fn for_each_parent(&self, mut visit: impl FnMut(&str)) {
        if self.parents.contains('\\') {
            self.parents().iter().for_each(|parent| visit(parent));
            return;
        }
        // An array of strings, checked when decoded: without escapes, every other piece between
        // two quotes is a string.
        self.parents.split('"').skip(1).step_by(2).for_each(visit);
    }
}

/// One record: an operation or a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    id: String,
    event: Event,
    /// One line of JSON, byte for byte as sent; empty for markers and for unknown events without.
    data: String,
    object: Option<ObjectSpans>,
}

/// Why the data of an event is no operation.
#[derive(Debug, thiserror::Error)]
pub enum InvalidData {
    /// An operation came without data.
    #[error("it has no data")]
    Missing,
    /// The data is not JSON, or lacks `timestamp`, `type` or `id`, or has a field of a wrong type.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
}

/// An event that is no operation, with what it takes to show it to a person.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode {event} #{id}: {reason}")]
pub struct InvalidOperation {
    /// The id of the event, as sent.
    pub id: String,
    /// The name of the event, as sent.
    pub event: String,
    /// The data, as sent.
    pub data: String,
    /// What is wrong with it.
    pub reason: InvalidData,
}

/// A JSON string, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Piece<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct ObjectJson<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "ref", default, borrow)]
    reference: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    parents: Option<&'a RawValue>,
}

impl ObjectSpans {
    fn parse(data: &str) -> Result<Self, serde_json::Error> {
        let json: ObjectJson<'_> = serde_json::from_str(data)?;
        let parents = match json.parents.map(RawValue::get) {
            None | Some("null") => None,
            Some("[]") => Some(0..0),
            Some(array) => {
                serde_json::from_str::<Vec<Piece<'_>>>(array)?;
                Some(span(array, data))
            }
        };
        Ok(Self {
            timestamp: Text::new(json.timestamp, data),
            kind: Text::new(json.kind, data),
            id: Text::new(json.id, data),
            reference: json.reference.map(|text| Text::new(text, data)),
            parents,
        })
    }
}

impl Operation {
    /// Checks the data of an event.
    ///
    /// `reset` and `live` have no data; what a server sends with them is dropped. `insert`,
    /// `update` and `delete` must carry a JSON object with `timestamp`, `type` and `id`. Any
    /// other event may carry any JSON or nothing.
    ///
    /// # Errors
    /// [`InvalidOperation`] with everything that was passed in.
    pub fn new(
        id: String,
        event_name: &str,
        mut data: String,
    ) -> Result<Self, Box<InvalidOperation>> {
        let event = Event::from_name(event_name);
        if event.is_marker() {
            data.clear();
            return Ok(Self {
                id,
                event,
                data,
                object: None,
            });
        }
        if data.contains('\n') {
            // Several `data:` lines are joined by line feeds. Valid JSON has them only between
            // its tokens, where a space means the same and keeps the record on one line.
            data = data.replace('\n', " ");
        }
        let unknown = matches!(event, Event::Other(_));
        let object = if data.is_empty() {
            if unknown {
                Ok(None)
            } else {
                Err(InvalidData::Missing)
            }
        } else {
            match ObjectSpans::parse(&data) {
                Ok(object) => Ok(Some(object)),
                Err(error) if unknown => serde_json::from_str::<&RawValue>(&data)
                    .map(|_| None)
                    .map_err(|_| error.into()),
                Err(error) => Err(error.into()),
            }
        };
        match object {
            Ok(object) => Ok(Self {
                id,
                event,
                data,
                object,
            }),
            Err(reason) => Err(Box::new(InvalidOperation {
                id,
                event: event_name.to_owned(),
                data,
                reason,
            })),
        }
    }

    /// The id as the server sent it; empty where it sent none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// One line of JSON as the server sent it; empty where there is none.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// What the operation says about its object; `None` for markers and for unknown events whose
    /// data is no object of the log.
    pub fn object(&self) -> Option<Object<'_>> {
        let spans = self.object.as_ref()?;
        Some(Object {
            timestamp: spans.timestamp.get(&self.data),
            kind: spans.kind.get(&self.data),
            id: spans.id.get(&self.data),
            reference: spans.reference.as_ref().map(|text| text.get(&self.data)),
            parents: spans.parents.clone().map_or("", |range| &self.data[range]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn operation(event: &str, data: &str) -> Result<Operation, Box<InvalidOperation>> {
        Operation::new("545b55c7f095528dd0f3863c".into(), event, data.into())
    }

    #[test]
    fn borrows_what_the_object_says() {
        let op = operation("insert", r#"{"timestamp":"2014-11-06T03:04:39.041-08:00","parents":["x3kd2","é"],"type":"video","id":"a\"b","ref":"http://x/"}"#).unwrap();
        let object = op.object().unwrap();
        assert_eq!(object.timestamp, "2014-11-06T03:04:39.041-08:00");
        assert_eq!((object.kind, object.id), ("video", "a\"b"));
        assert_eq!(object.reference, Some("http://x/"));
        assert_eq!(object.parents(), ["x3kd2", "é"]);
    }

    #[test]
    fn visits_the_parents_in_order() {
        for parents in ["null", "[]", r#"[ "", "b,c" ,"é" ]"#, r#"["\"", "\\","x"]"#] {
            let data = format!(r#"{{"timestamp":"t","type":"v","id":"1","parents":{parents}}}"#);
            let op = operation("insert", &data).unwrap();
            let mut visited = Vec::new();
            let object = op.object().unwrap();
            object.for_each_parent(|parent| visited.push(parent.to_owned()));
            assert_eq!(visited, object.parents(), "{parents}");
        }
    }

    #[test]
    fn parents_may_be_null_empty_or_missing() {
        for parents in [
            "",
            r#","parents":null"#,
            r#","parents":[]"#,
            r#","parents": [ ] "#,
        ] {
            let op = operation(
                "delete",
                &format!(r#"{{"timestamp":"t","type":"v","id":"1"{parents}}}"#),
            )
            .unwrap();
            assert!(op.object().unwrap().parents().is_empty(), "{parents}");
        }
    }

    #[test]
    fn refuses_what_is_no_operation() {
        for data in [
            "",
            "{",
            "[]",
            "null",
            r#"{"type":"v","id":"1"}"#,
            r#"{"timestamp":"t","type":"v","id":1}"#,
            r#"{"timestamp":"t","type":"v","id":"1","parents":[1]}"#,
            r#"{"timestamp":"t","type":"v","id":"1"} x"#,
            "{\"timestamp\":\"t\",\"type\":\"v\",\"id\":\"\n\"}x",
        ] {
            assert!(operation("update", data).is_err(), "{data}");
        }
    }

    #[test]
    fn unknown_events_may_carry_any_json() {
        assert!(operation("noted", "[1]").unwrap().object().is_none());
        assert!(operation("noted", "").unwrap().object().is_none());
        assert!(
            operation("noted", r#"{"timestamp":"t","type":"v","id":"1"}"#)
                .unwrap()
                .object()
                .is_some()
        );
        assert!(operation("noted", "nonsense").is_err());
    }

    #[test]
    fn data_over_several_lines_becomes_one() {
        let op = operation(
            "insert",
            "{\"timestamp\":\"t\",\n\"type\":\"v\",\"id\":\"1\"}",
        )
        .unwrap();
        assert_eq!(
            op.data(),
            "{\"timestamp\":\"t\", \"type\":\"v\",\"id\":\"1\"}"
        );
    }

    proptest! {
        #[test]
        fn any_data_is_decoded_or_refused(event in "[a-z]{0,6}", data in any::<String>()) {
            if let Ok(op) = operation(&event, &data) {
                prop_assert!(!op.data().contains('\n'));
            }
        }
    }
}
