//! Finds the fields of an object without a general JSON parser, which would take half of the time
//! that an operation costs in all.
//!
//! Servers write an object in one way: no spaces, every value a string or an array of strings,
//! hardly ever an escape. Data of this form is recognised here, strictly; of any other form
//! nothing is said, and the general parser decides.

use super::object::Object;

/// The object, if the data is one that has `timestamp`, `type` and `id`, perhaps `ref` and
/// `parents`, each once and nothing else, in any order, without white space and escapes.
pub(super) fn scan(data: &str) -> Option<Object<'_>> {
    // No string may hold a control character, and nothing else has any here. Looks at all bytes,
    // because without an early end the processor takes many at once.
    let least_and_most = |(least, most): (u8, u8), byte: u8| (least.min(byte), most.max(byte));
    let (least, most) = data.bytes().fold((u8::MAX, 0), least_and_most);
    if least < b' ' {
        return None;
    }
    let mut scanner = Scanner { rest: data };
    let [mut timestamp, mut kind, mut id, mut reference, mut parents] = [None; 5];
    scanner.expect("{\"")?;
    loop {
        let (field, value) = if scanner.skip("timestamp\":") {
            (&mut timestamp, scanner.string()?)
        } else if scanner.skip("parents\":") {
            (&mut parents, scanner.array()?)
        } else if scanner.skip("type\":") {
            (&mut kind, scanner.string()?)
        } else if scanner.skip("id\":") {
            (&mut id, scanner.string()?)
        } else if scanner.skip("ref\":") {
            (&mut reference, scanner.string()?)
        } else {
            return None;
        };
        if field.replace(value).is_some() {
            // Twice: not for this to decide.
            return None;
        }
        if !scanner.skip(",\"") {
            break;
        }
    }
    scanner.expect("}")?;
    scanner.rest.is_empty().then_some(())?;
    let is_simple = most <= b'~';
    Some(Object::new(
        [timestamp?, kind?, id?],
        reference,
        parents,
        is_simple,
    ))
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    #[inline]
    fn skip(&mut self, expected: &str) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, expected: &str) -> Option<()> {
        self.skip(expected).then_some(())
    }

    /// What a string without escapes says.
    fn string(&mut self) -> Option<&'a str> {
        self.expect("\"")?;
        let end = memchr::memchr2(b'"', b'\\', self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.expect("\"")?;
        Some(text)
    }

    /// An array of strings without escapes.
    fn array(&mut self) -> Option<&'a str> {
        let start = self.rest;
        self.expect("[")?;
        if !self.skip("]") {
            loop {
                self.string()?;
                if !self.skip(",") {
                    break;
                }
            }
            self.expect("]")?;
        }
        Some(&start[..start.len() - self.rest.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Kept;
    use super::*;
    use proptest::prelude::*;

    /// What the general parser makes of it.
    fn parsed(data: &str) -> Option<Kept> {
        Kept::parse_any(data).ok()
    }

    fn scanned(data: &str) -> Option<Kept> {
        scan(data).map(|object| Kept::places(object, data))
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
