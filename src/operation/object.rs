//! What an operation says about its object.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::scan::scan;
use super::span::Span;

/// What an operation says about its object, borrowed from the operation.
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
    /// The JSON array as it stands in the data; empty where that is, for `null`, and without one.
    parents: &'a str,
    /// All of the data is printable ASCII, and there are no escapes in it.
    pub is_simple: bool,
}

impl<'a> Object<'a> {
    /// An object; `parents` is a JSON array of strings.
    pub(super) fn new(
        [timestamp, kind, id]: [&'a str; 3],
        reference: Option<&'a str>,
        parents: Option<&'a str>,
        is_simple: bool,
    ) -> Self {
        let parents = parents.filter(|array| *array != "[]");
        Self {
            timestamp,
            kind,
            id,
            reference,
            parents: parents.unwrap_or_default(),
            is_simple,
        }
    }

    /// The parents, such as `user/u1`; empty where the server sent `[]`, `null` or nothing.
    pub(super) fn parents(&self) -> Vec<Cow<'a, str>> {
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
        if !self.is_simple && self.parents.contains('\\') {
            self.parents().iter().for_each(|parent| visit(parent));
            return;
        }
        // An array of strings, checked when decoded: without escapes, quotes come in pairs around
        // the strings and nowhere else.
        let mut quotes = memchr::memchr_iter(b'"', self.parents.as_bytes());
        while let (Some(open), Some(close)) = (quotes.next(), quotes.next()) {
            visit(&self.parents[open + 1..close]);
        }
    }
}

/// What an operation keeps of its object: where it stands in the data, so that nothing is copied,
/// unless there are escapes to resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Places(Places),
    Resolved(Box<Resolved>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    timestamp: Span,
    kind: Span,
    id: Span,
    reference: Option<Span>,
    parents: Span,
    is_simple: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    timestamp: String,
    kind: String,
    id: String,
    reference: Option<String>,
    parents: Span,
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
    reference: Option<Piece<'a>>,
    #[serde(default, borrow)]
    parents: Option<&'a RawValue>,
}

impl Kept {
    /// Reads the object in `data`.
    ///
    /// # Errors
    /// When it is not JSON, or no object with `timestamp`, `type` and `id`.
    pub(super) fn parse(data: &str) -> Result<Self, serde_json::Error> {
        match scan(data) {
            Some(object) => Ok(Self::places(object, data)),
            None => Self::parse_any(data),
        }
    }

    /// The same without a look for the usual form first.
    pub(super) fn parse_any(data: &str) -> Result<Self, serde_json::Error> {
        let json: ObjectJson<'_> = serde_json::from_str(data)?;
        let parents = json.parents.map(RawValue::get);
        let parents = parents.filter(|parents| *parents != "null");
        if let Some(parents) = parents {
            serde_json::from_str::<Vec<Piece<'_>>>(parents)?;
        }
        let fields = [&json.timestamp, &json.kind, &json.id];
        let reference = json.reference.as_ref().map(|text| &*text.0);
        let is_simple = data
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\');
        let object = Object::new(fields.map(|text| &**text), reference, parents, is_simple);
        let is_owned = |text: &Cow<'_, str>| matches!(text, Cow::Owned(_));
        let is_resolved = fields.into_iter().any(is_owned)
            || json
                .reference
                .as_ref()
                .is_some_and(|text| is_owned(&text.0));
        Ok(if is_resolved {
            Self::Resolved(Box::new(Resolved {
                timestamp: object.timestamp.to_owned(),
                kind: object.kind.to_owned(),
                id: object.id.to_owned(),
                reference: object.reference.map(str::to_owned),
                parents: Span::of(object.parents, data),
            }))
        } else {
            Self::places(object, data)
        })
    }

    /// Where `object`, all of which stands in `data`, stands there.
    pub(super) fn places(object: Object<'_>, data: &str) -> Self {
        let place = |part| Span::of(part, data);
        Self::Places(Places {
            timestamp: place(object.timestamp),
            kind: place(object.kind),
            id: place(object.id),
            reference: object.reference.map(place),
            parents: place(object.parents),
            is_simple: object.is_simple,
        })
    }

    /// The object; `data` is what it was read from.
    pub(super) fn get<'a>(&'a self, data: &'a str) -> Object<'a> {
        match self {
            Self::Places(places) => Object {
                timestamp: places.timestamp.get(data),
                kind: places.kind.get(data),
                id: places.id.get(data),
                reference: places.reference.map(|place| place.get(data)),
                parents: places.parents.get(data),
                is_simple: places.is_simple,
            },
            Self::Resolved(resolved) => Object {
                timestamp: &resolved.timestamp,
                kind: &resolved.kind,
                id: &resolved.id,
                reference: resolved.reference.as_deref(),
                parents: resolved.parents.get(data),
                is_simple: false,
            },
        }
    }
}
