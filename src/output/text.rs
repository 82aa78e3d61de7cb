//! Text lines for people: `TIMESTAMP: EVENT #ID OBJECT (PARENT, PARENT)`.

use jiff::Timestamp;

use super::bytes::push_display;
use super::color::Palette;
use super::escape::{MAX_FIELD_CHARS, Room};
use super::lag::lag_ms;
use crate::oplog::{Event, Object, Operation};

/// Appends the line, without a line feed.
pub(super) fn print(
    operation: &Operation,
    received: Option<Timestamp>,
    palette: &Palette,
    out: &mut Vec<u8>,
) {
    match operation.event() {
        Event::Reset => palette.reset.around(out, |out| out.extend(b"** reset")),
        Event::Live => palette.live.around(out, |out| out.extend(b"** live")),
        event => {
            let object = operation.object();
            // What is simple needs no look at each of its fields.
            let fits = operation.data().len() <= MAX_FIELD_CHARS;
            let is_harmless = fits && object.is_some_and(|object| object.is_simple);
            if let Some(object) = object {
                palette.timestamp.around(out, |out| {
                    Room::for_field_of(is_harmless).push(object.timestamp, out);
                    out.push(b':');
                });
                out.push(b' ');
            }
            palette.event(event).around(out, |out| match event {
                Event::Other(name) => {
                    Room::for_field().push(name, out);
                }
                known => out.extend_from_slice(known.name().as_bytes()),
            });
            out.push(b' ');
            palette.id.around(out, |out| {
                out.push(b'#');
                Room::for_field().push(operation.id(), out);
            });
            match object {
                Some(object) => push_object(object, is_harmless, palette, out),
                None if operation.data().is_empty() => {}
                None => {
                    out.push(b' ');
                    Room::for_field().push(operation.data(), out);
                }
            }
            let lag = received.and_then(|received| lag_ms(operation, received));
            if let Some(lag) = lag {
                palette.lag.around(out, |out| push_lag(lag, out));
            }
        }
    }
}

/// Appends ` OBJECT (PARENT, PARENT)`.
fn push_object(object: Object<'_>, is_harmless: bool, palette: &Palette, out: &mut Vec<u8>) {
    out.push(b' ');
    palette.object.around(out, |out| {
        let mut room = Room::for_field_of(is_harmless);
        if let Some(reference) = object.reference {
            room.push(reference, out);
        } else {
            let _ = room.push(object.kind, out) && room.push("/", out) && room.push(object.id, out);
        }
    });
    out.push(b' ');
    palette.parents.around(out, |out| {
        push_parents(object, Room::for_field_of(is_harmless), out);
    });
}

/// Appends `(PARENT, PARENT)`; all parents share the room of one field.
fn push_parents(object: Object<'_>, mut room: Room, out: &mut Vec<u8>) {
    let (mut first, mut fits) = (true, true);
    out.push(b'(');
    object.for_each_parent(|parent| {
        fits = fits && (first || room.push(", ", out)) && room.push(parent, out);
        first = false;
    });
    out.push(b')');
}

/// Appends ` +0.116s`.
fn push_lag(lag_ms: i64, out: &mut Vec<u8>) {
    let sign = if lag_ms < 0 { '-' } else { '+' };
    let lag = lag_ms.unsigned_abs();
    push_display(
        out,
        format_args!(" {sign}{}.{:03}s", lag / 1000, lag % 1000),
    );
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Printer};
    use super::*;
    use crate::oplog::Record;
    use proptest::prelude::*;

    fn operation(event: &str, data: &str) -> Operation {
        Operation::new(Record::new("545b55c7f095528dd0f3863c", event, data)).unwrap()
    }

    fn line(operation: &Operation, color: bool, received: Option<&str>) -> String {
        let received = received.map(|received| received.parse().unwrap());
        let mut out = Vec::new();
        Printer::new(Format::Text, color, true).print(operation, received, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn plain(event: &str, data: &str) -> String {
        line(&operation(event, data), false, None)
    }

    /// The text without the escape sequences that colours are made of.
    fn stripped(text: &str) -> String {
        let mut parts = text.split("\u{1b}[");
        let mut plain = parts.next().unwrap().to_owned();
        for part in parts {
            plain += part.split_once('m').unwrap().1;
        }
        plain
    }

    #[test]
    fn prints_an_operation() {
        assert_eq!(
            plain(
                "insert",
                r#"{"timestamp":"2014-11-06T03:04:39.041-08:00","parents":["x3kd2"],"type":"video","id":"xekw"}"#
            ),
            "2014-11-06T03:04:39.041-08:00: insert #545b55c7f095528dd0f3863c video/xekw (x3kd2)\n"
        );
    }

    #[test]
    fn the_reference_replaces_type_and_id() {
        assert_eq!(
            plain(
                "delete",
                r#"{"timestamp":"t","parents":["user/1","a\"b"],"type":"video","id":"x","ref":"http://api/video/x"}"#
            ),
            "t: delete #545b55c7f095528dd0f3863c http://api/video/x (user/1, a\"b)\n"
        );
    }

    #[test]
    fn no_parents_are_empty_parentheses() {
        for parents in ["null", "[]", "[ ]"] {
            let data = format!(r#"{{"timestamp":"t","type":"v","id":"1","parents":{parents}}}"#);
            assert_eq!(
                plain("update", &data),
                "t: update #545b55c7f095528dd0f3863c v/1 ()\n"
            );
        }
    }

    #[test]
    fn markers_and_unknown_events() {
        assert_eq!(plain("reset", ""), "** reset\n");
        assert_eq!(plain("live", ""), "** live\n");
        let id = "545b55c7f095528dd0f3863c";
        assert_eq!(plain("noted", ""), format!("noted #{id}\n"));
        assert_eq!(
            plain("no\u{1b}ted", "[1]"),
            format!("no\\u{{1b}}ted #{id} [1]\n")
        );
        assert_eq!(
            plain("noted", r#"{"timestamp":"t","type":"v","id":"1"}"#),
            format!("t: noted #{id} v/1 ()\n")
        );
    }

    #[test]
    fn lag_ends_the_line_of_an_operation() {
        let op = operation(
            "insert",
            r#"{"timestamp":"2014-11-06T03:04:39.041-08:00","type":"v","id":"1"}"#,
        );
        for (received, lag) in [
            ("2014-11-06T11:04:39.157Z", " () +0.116s\n"),
            ("2014-11-06T11:04:38.791Z", " () -0.250s\n"),
            ("2014-11-06T11:06:40.041Z", " () +121.000s\n"),
        ] {
            let line = line(&op, false, Some(received));
            assert!(line.ends_with(lag), "{line}");
        }
        let undated = operation("insert", r#"{"timestamp":"t","type":"v","id":"1"}"#);
        assert!(line(&undated, false, Some("2014-11-06T11:04:39Z")).ends_with(" ()\n"));
        assert_eq!(
            line(&operation("live", ""), false, Some("2014-11-06T11:04:39Z")),
            "** live\n"
        );
    }

    #[test]
    fn long_fields_are_cut() {
        let long = "x".repeat(100_000);
        let many = vec!["user/1"; 100_000].join("\",\"");
        let data = format!(
            r#"{{"timestamp":"{long}","type":"{long}","id":"{long}","parents":["{many}"]}}"#
        );
        let line = plain("insert", &data);
        assert!(
            line.len() < 3 * (super::super::MAX_FIELD_CHARS + 40),
            "{}",
            line.len()
        );
        assert!(line.ends_with("…)\n"));
    }

    #[test]
    fn colors_are_there_when_asked_for() {
        let op = operation("delete", r#"{"timestamp":"t","type":"v","id":"1"}"#);
        assert_ne!(line(&op, true, None), line(&op, false, None));
        assert_ne!(line(&operation("reset", ""), true, None), "** reset\n");
    }

    proptest! {
        /// What is known to need no escape comes out as what is looked at piece by piece: here the
        /// same with a field that is not printed and makes it not simple.
        #[test]
        fn what_is_simple_is_printed_like_anything_else(
            fields in proptest::array::uniform4("[ -~]{0,12}|x{2000}"),
            parents in proptest::collection::vec("[ -~]{0,12}", 0..3),
        ) {
            let [timestamp, kind, id, reference] = fields;
            let mut data = serde_json::json!({
                "timestamp": timestamp, "type": kind, "id": id, "ref": reference, "parents": parents,
            });
            let simple = operation("insert", &data.to_string());
            data["more"] = "é".into();
            let other = operation("insert", &data.to_string());
            prop_assert!(!other.object().unwrap().is_simple);
            prop_assert_eq!(line(&simple, false, None), line(&other, false, None));
        }
    }

    proptest! {
        #[test]
        fn no_operation_can_drive_the_terminal(
            event in any::<String>(), id in any::<String>(), fields in any::<[String; 4]>(),
            parents in any::<Vec<String>>(), with_ref in any::<bool>(), unknown in any::<bool>(),
        ) {
            let mut data = serde_json::json!({
                "timestamp": fields[0], "type": fields[1], "id": fields[2], "parents": parents,
            });
            if with_ref {
                data["ref"] = fields[3].clone().into();
            }
            let data = if unknown { serde_json::to_string(&fields).unwrap() } else { data.to_string() };
            let op = Operation::new(Record::new(&id, &format!("x{event}"), &data)).unwrap();
            let plain = line(&op, false, Some("2014-11-06T11:04:39Z"));
            let body = plain.strip_suffix('\n').unwrap();
            prop_assert!(!body.chars().any(char::is_control));
            let colored = line(&op, true, Some("2014-11-06T11:04:39Z"));
            prop_assert_eq!(stripped(&colored), plain);
        }
    }
}
