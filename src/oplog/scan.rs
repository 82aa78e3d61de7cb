//! Finds the fields of an object without a general JSON parser. The parser would take half of the
//! time of an operation.
//!
//! Servers write objects in one form: no spaces, every value a string or an array of strings, hardly
//! ever an escape. Only this form is recognised here. The general parser decides about all others.

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
    Some(Object {
        timestamp: timestamp?,
        kind: kind?,
        id: id?,
        reference,
        parents: parents.unwrap_or_default(),
        is_simple: most <= b'~',
    })
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
