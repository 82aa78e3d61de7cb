//! Finds the fields of an object without a general JSON parser, which takes a quarter of the time
//! that an operation takes in all.
//!
//! Servers write an object in one way: no spaces, every value a string or an array of strings,
//! hardly ever an escape. Data of this form is recognised here, strictly; of any other form
//! nothing is said, and the general parser decides.

use std::ops::Range;

/// Where the fields stand in the data.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) timestamp: Range<usize>,
    pub(super) kind: Range<usize>,
    pub(super) id: Range<usize>,
    pub(super) reference: Option<Range<usize>>,
    /// The whole array, brackets included.
    pub(super) parents: Option<Range<usize>>,
}

/// The fields, if the data is an object that has `timestamp`, `type` and `id`, perhaps `ref` and
/// `parents`, each once and nothing else, in any order, without white space and escapes.
pub(super) fn scan(data: &str) -> Option<Fields> {
    let mut scanner = Scanner {
        bytes: data.as_bytes(),
        at: 0,
    };
    let [mut timestamp, mut kind, mut id, mut reference, mut parents] = [const { None }; 5];
    scanner.expect(b"{\"")?;
    loop {
        let (field, value) = if scanner.skip(b"timestamp\":") {
            (&mut timestamp, scanner.string()?)
        } else if scanner.skip(b"parents\":") {
            (&mut parents, scanner.array()?)
        } else if scanner.skip(b"type\":") {
            (&mut kind, scanner.string()?)
        } else if scanner.skip(b"id\":") {
            (&mut id, scanner.string()?)
        } else if scanner.skip(b"ref\":") {
            (&mut reference, scanner.string()?)
        } else {
            return None;
        };
        if field.replace(value).is_some() {
            // Twice: not for this to decide.
            return None;
        }
        if !scanner.skip(b",\"") {
            break;
        }
    }
    scanner.expect(b"}")?;
    (scanner.at == data.len()).then_some(())?;
    Some(Fields {
        timestamp: timestamp?,
        kind: kind?,
        id: id?,
        reference,
        parents,
    })
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn skip(&mut self, expected: &[u8]) -> bool {
        let found = self.bytes[self.at..].starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn expect(&mut self, expected: &[u8]) -> Option<()> {
        self.skip(expected).then_some(())
    }

    /// A string; where it stands, without its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        self.expect(b"\"")?;
        let start = self.at;
        let rest = &self.bytes[start..];
        let end = start + first_special(rest)?;
        self.at = end;
        // The other special bytes are no part of a string as it is.
        self.expect(b"\"")?;
        Some(start..end)
    }

    /// An array of strings; where it stands, with its brackets.
    fn array(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.expect(b"[")?;
        if !self.skip(b"]") {
            loop {
                self.string()?;
                if !self.skip(b",") {
                    break;
                }
            }
            self.expect(b"]")?;
        }
        Some(start..self.at)
    }
}

/// Where the first quote, backslash or control character stands.
fn first_special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES << 7;
    // The highest bit of each byte that is below `limit`. A borrow can set it wrongly, but only
    // above a byte for which it is rightly set, and the lowest is the first.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, rest) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let special = below(word, b' ') | equal(word, b'"') | equal(word, b'\\');
        if special != 0 {
            return Some(number * 8 + special.trailing_zeros() as usize / 8);
        }
    }
    let special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    Some(bytes.len() - rest.len() + rest.iter().position(special)?)
}

#[cfg(test)]
mod tests {
    use super::super::ObjectSpans;
    use super::*;
    use proptest::prelude::*;

    /// What the general parser makes of it.
    fn parsed(data: &str) -> Option<ObjectSpans> {
        ObjectSpans::parse_any(data).ok()
    }

    fn scanned(data: &str) -> Option<ObjectSpans> {
        scan(data).map(ObjectSpans::from)
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
            r#"{"timestamp":"t","type":"v","id":"1","ref":null}"#,
            "{\"timestamp\":\"t\",\"type\":\"v\",\"id\":\"a tab:\t\"}",
        ] {
            assert_eq!(scan(data), None, "{data}");
        }
    }

    #[test]
    fn finds_the_first_special_byte_anywhere() {
        for special in (0..b' ').chain([b'"', b'\\']) {
            for place in 0..20 {
                let mut bytes = *b" !#[]~\x7f\x80\xff\xa0\xa2\xdc aaaaaaa";
                assert_eq!(first_special(&bytes), None);
                bytes[place..].fill(b'"');
                bytes[place] = special;
                assert_eq!(first_special(&bytes), Some(place), "{special:#x}");
            }
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
            "1",
            "\"timestamp\":",
            "\"type\":",
            "\"id\":",
            "\"ref\":",
            "\"parents\":",
            "\"\"",
            "[]",
        ];
        prop_oneof![
            proptest::sample::select(FIXED).prop_map(str::to_owned),
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]
        /// What this takes, the general parser takes, and finds the same in it: for sound data of
        /// any content with a piece of it replaced by another.
        #[test]
        fn agrees_with_the_general_parser(
            values in proptest::array::uniform4("[^\"\\\\]{0,20}"),
            parents in proptest::collection::vec("[a-z/é]{0,9}", 0..3),
            at in any::<proptest::sample::Index>(),
            length in 0..12_usize,
            put in proptest::option::of(piece()),
        ) {
            let [timestamp, kind, id, reference] = values;
            let parents = parents.iter().map(|parent| format!("\"{parent}\"")).collect::<Vec<_>>().join(",");
            let mut data = format!(
                r#"{{"timestamp":"{timestamp}","parents":[{parents}],"type":"{kind}","id":"{id}","ref":"{reference}"}}"#
            );
            if let Some(put) = put {
                let start = data.floor_char_boundary(at.index(data.len()));
                let end = data.ceil_char_boundary((start + length).min(data.len()));
                data.replace_range(start..end, &put);
            }
            if let Some(fields) = scanned(&data) {
                prop_assert_eq!(Some(fields), parsed(&data));
            }
        }
    }
}
