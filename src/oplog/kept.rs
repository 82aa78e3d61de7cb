//! The object of an operation, kept as the places of its fields in the data.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::value::RawValue;

use super::object::{Object, Piece};
use super::scan::scan;
use super::span::Span;

/// What an operation keeps of its object: where it stands in the data, so that nothing is copied.
/// Where there are escapes to resolve, it stands in a text of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    InData(Places),
    Resolved(Box<(String, Places)>),
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

impl Places {
    /// The places of what `object` says, one after the other.
    fn of(object: Object<'_>, mut place: impl FnMut(&str) -> Span) -> Self {
        Self {
            timestamp: place(object.timestamp),
            kind: place(object.kind),
            id: place(object.id),
            reference: object.reference.map(&mut place),
            parents: place(object.parents),
            is_simple: object.is_simple,
        }
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object with timestamp, type and id")]
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
            Some(object) => Ok(Self::in_data(object, data)),
            None => Self::parse_any(data),
        }
    }

    /// The same without a look for the usual form first.
    pub(super) fn parse_any(data: &str) -> Result<Self, serde_json::Error> {
        // serde takes an array of the values for an object, too.
        if !data.trim_ascii_start().starts_with('{') {
            let _: IgnoredAny = serde_json::from_str(data)?;
            return Err(serde_json::Error::custom("it is not a JSON object"));
        }
        let json: ObjectJson<'_> = serde_json::from_str(data)?;
        let parents = json.parents.map(RawValue::get);
        let parents = parents.filter(|parents| *parents != "null");
        if let Some(parents) = parents {
            serde_json::from_str::<Vec<Piece<'_>>>(parents)?;
        }
        let reference = json.reference.as_ref().map(|text| &text.0);
        let object = Object {
            timestamp: &json.timestamp,
            kind: &json.kind,
            id: &json.id,
            reference: reference.map(|text| &**text),
            parents: parents.unwrap_or_default(),
            is_simple: data
                .bytes()
                .all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\'),
        };
        let mut texts = [&json.timestamp, &json.kind, &json.id]
            .into_iter()
            .chain(reference);
        Ok(if texts.any(|text| matches!(text, Cow::Owned(_))) {
            Self::resolved(object)
        } else {
            Self::in_data(object, data)
        })
    }

    /// An object all of which stands in `data`.
    pub(super) fn in_data(object: Object<'_>, data: &str) -> Self {
        Self::InData(Places::of(object, |part| Span::of(part, data)))
    }

    fn resolved(object: Object<'_>) -> Self {
        let mut text = String::new();
        let places = Places::of(object, |part| {
            let start = text.len();
            text.push_str(part);
            (start..text.len()).into()
        });
        Self::Resolved(Box::new((text, places)))
    }

    /// The object; `data` is what it was read from.
    pub(super) fn get<'a>(&'a self, data: &'a str) -> Object<'a> {
        let (places, text) = match self {
            Self::InData(places) => (places, data),
            Self::Resolved(resolved) => (&resolved.1, &*resolved.0),
        };
        Object {
            timestamp: places.timestamp.get(text),
            kind: places.kind.get(text),
            id: places.id.get(text),
            reference: places.reference.map(|place| place.get(text)),
            parents: places.parents.get(text),
            is_simple: places.is_simple,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the general parser makes of it.
    fn parsed(data: &str) -> Option<Kept> {
        Kept::parse_any(data).ok()
    }

    fn scanned(data: &str) -> Option<Kept> {
        scan(data).map(|object| Kept::in_data(object, data))
    }

    #[test]
    fn takes_what_a_server_sends() {
        for data in [
            r#"{"timestamp":"2026-11-23T17:55:17.996Z","parents":["user/u1"],"type":"video","id":"v1","ref":"http://api.example.com/video/v1"}"#,
            r#"{"id":"été ☃","type":"video","timestamp":"t","parents":[]}"#,
            r#"{"timestamp":"","type":"","id":"","parents":["a","","]"]}"#,
            r#"{"timestamp":"t","type":"v","id":"1"}"#,
        ] {
            assert!(scan(data).is_some(), "{data}");
            assert_eq!(scanned(data), parsed(data), "{data}");
        }
    }

    #[test]
    fn leaves_everything_else_to_the_general_parser() {
        for data in [
            "",
            "{",
            "{}",
            r#"{"timestamp":"t","type":"v","id":"1""#,
            r#"{"timestamp":"t","type":"v","id":"1"} "#,
            r#"{"timestamp":"t","type":"v","id":"1"}}"#,
            r#"{"timestamp":"t","type":"v","id":"1",}"#,
            r#"{"timestamp":"t","type":"v"}"#,
            r#"{"timestamp":"t","type":"v","id":"1","id":"1"}"#,
            r#"{"timestamp":"t","type":"v","id":"1","more":"1"}"#,
            r#"{"timestamp":"t", "type":"v","id":"1"}"#,
            r#"{"timestamp":"t","type":"v","id":"\u0031"}"#,
            r#"{"timestamp":"t","type":"v","id":"1","parents":null}"#,
            r#"{"timestamp":"t","type":"v","id":"1","parents":["a",]}"#,
            r#"{"timestamp":"t","type":"v","id":"1","parents":[1]}"#,
            r#"{"timestamp":"t","type":"v","id":"1","parents":["\n"]}"#,
            r#"{"timestamp":"t","type":"v","id":"1","ref":null}"#,
            "{\"timestamp\":\"t\",\"type\":\"v\",\"id\":\"a tab:\t\"}",
        ] {
            assert!(scan(data).is_none(), "{data}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        const FIXED: &[&str] = &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            " ",
            "null",
            "\\",
            "\\n",
            "\n",
            "\u{1f}",
            "1",
            "\"\"",
            "[]",
            "\"id\":",
            "\"ref\":",
            "\"parents\":",
        ];
        prop_oneof![
            proptest::sample::select(FIXED).prop_map(str::to_owned),
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]
        /// What this takes, the general parser takes, and finds the same in it: for sound data of
        /// any content, some of it replaced by something else.
        #[test]
        fn agrees_with_the_general_parser(
            [timestamp, kind, id, reference] in proptest::array::uniform4("[^\"\\\\\u{0}-\u{1f}]{0,20}"),
            parents in proptest::collection::vec("[a-z/é]{0,9}", 0..3),
            at in any::<proptest::sample::Index>(),
            length in 0_usize..3,
            piece in piece(),
        ) {
            let parents = serde_json::to_string(&parents).unwrap();
            let sound = format!(
                r#"{{"timestamp":"{timestamp}","parents":{parents},"type":"{kind}","id":"{id}","ref":"{reference}"}}"#
            );
            prop_assert!(scan(&sound).is_some());
            prop_assert_eq!(scanned(&sound), parsed(&sound));
            let mut changed: Vec<char> = sound.chars().collect();
            let at = at.index(changed.len());
            let end = changed.len().min(at + length);
            changed.splice(at..end, piece.chars());
            let changed: String = changed.into_iter().collect();
            if let Some(found) = scanned(&changed) {
                prop_assert_eq!(Some(found), parsed(&changed));
            }
        }
    }
}
