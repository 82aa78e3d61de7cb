//! JSON lines: `{"id":"…","event":"…","data":…}`, the data byte for byte as the server sent it.

use jiff::Timestamp;

use super::bytes::{all_bytes, push_display};
use super::lag::lag_ms;
use crate::oplog::{Event, Operation};

/// Appends the object, without a line feed.
pub(super) fn print(operation: &Operation, received: Option<Timestamp>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"id":""#);
    push_escaped(operation.id(), out);
    out.extend_from_slice(br#"","event":""#);
    match operation.event() {
        Event::Other(name) => push_escaped(name, out),
        known => out.extend_from_slice(known.name().as_bytes()),
    }
    out.push(b'"');
    if !operation.data().is_empty() {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(operation.data().as_bytes());
    }
    if let Some(received) = received {
        push_display(out, format_args!(r#","received":"{received:.3}""#));
        if !operation.event().is_marker() {
            match lag_ms(operation, received) {
                Some(lag) => push_display(out, format_args!(r#","lag_ms":{lag}"#)),
                None => out.extend_from_slice(br#","lag_ms":null"#),
            }
        }
    }
    out.push(b'}');
}

/// Appends the text as it stands inside a JSON string.
fn push_escaped(text: &str, out: &mut Vec<u8>) {
    if all_bytes(text, |byte| !needs_escape(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ if needs_escape(byte) => push_display(out, format_args!("\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
}

fn needs_escape(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oplog::Record;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    const DATA: &str = r#"{"timestamp":"2014-11-06T03:04:39.041-08:00","parents":["x3kd2"],"type":"video","id":"xekw"}"#;

    #[derive(Deserialize)]
    struct Line<'a> {
        id: String,
        event: String,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
        received: Option<String>,
        lag_ms: Option<i64>,
    }

    fn line(id: &str, event: &str, data: &str, received: Option<&str>) -> String {
        let operation = Operation::new(Record::new(id, event, data)).unwrap();
        let received = received.map(|received| received.parse().unwrap());
        let mut out = Vec::new();
        print(&operation, received, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prints_the_data_as_it_came() {
        assert_eq!(
            line("545b55c7f095528dd0f3863c", "insert", DATA, None),
            format!(r#"{{"id":"545b55c7f095528dd0f3863c","event":"insert","data":{DATA}}}"#)
        );
    }

    #[test]
    fn markers_have_no_data() {
        assert_eq!(
            line("1", "reset", "", None),
            r#"{"id":"1","event":"reset"}"#
        );
        assert_eq!(line("", "live", "", None), r#"{"id":"","event":"live"}"#);
        assert_eq!(
            line("", "live", "", Some("2026-11-23T17:55:18.12Z")),
            r#"{"id":"","event":"live","received":"2026-11-23T17:55:18.120Z"}"#
        );
    }

    #[test]
    fn lag_comes_after_the_data() {
        for (received, added) in [
            (
                "2014-11-06T11:04:39.157Z",
                r#","received":"2014-11-06T11:04:39.157Z","lag_ms":116}"#,
            ),
            (
                "2014-11-06T11:04:38.791Z",
                r#","received":"2014-11-06T11:04:38.791Z","lag_ms":-250}"#,
            ),
        ] {
            let line = line("1", "insert", DATA, Some(received));
            assert!(line.ends_with(added), "{line}");
        }
        let unknown = line("1", "noted", "", Some("2014-11-06T11:04:39Z"));
        assert!(unknown.ends_with(r#","lag_ms":null}"#), "{unknown}");
    }

    #[test]
    fn escapes_ids_and_unknown_names() {
        assert_eq!(
            line("a\"\\\u{1}é", "x\ty", "[1]", None),
            r#"{"id":"a\"\\\u0001é","event":"x\u0009y","data":[1]}"#
        );
    }

    proptest! {
        #[test]
        fn every_line_is_json_with_the_data_in_it(
            id in any::<String>(), event in any::<String>(), value in any::<String>(), lag in any::<bool>(),
        ) {
            let data = serde_json::to_string(&[value]).unwrap();
            let event = format!("x{event}");
            let printed = line(&id, &event, &data, lag.then_some("2014-11-06T11:04:39Z"));
            prop_assert!(!printed.contains('\n'));
            let read: Line<'_> = serde_json::from_str(&printed).unwrap();
            prop_assert_eq!((read.id, read.event), (id, event));
            prop_assert_eq!(read.data.map(RawValue::get), Some(data.as_str()));
            prop_assert_eq!(read.received.is_some(), lag);
            prop_assert_eq!(read.lag_ms, None);
        }
    }
}
