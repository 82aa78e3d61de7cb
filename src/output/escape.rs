//! Escapes text of the server, so that it cannot affect the terminal.

/// The maximum length of a field in a text line, in characters. A longer one is cut and ends in `…`.
pub const MAX_FIELD_CHARS: usize = 4096;

/// How many characters may still be written to a field.
pub(super) struct Room {
    left: usize,
    cut: bool,
    is_harmless: bool,
}

impl Room {
    /// The room of one field.
    pub(super) fn for_field() -> Self {
        Self {
            left: MAX_FIELD_CHARS,
            cut: false,
            is_harmless: false,
        }
    }

    /// The room of one field. `is_harmless`: all its texts fit and need no escape.
    pub(super) fn for_field_of(is_harmless: bool) -> Self {
        Self {
            is_harmless,
            ..Self::for_field()
        }
    }

    /// Appends the escaped text, as far as there is room. The first text that does not fit ends in
    /// `…`; nothing is written after it.
    ///
    /// Returns true if all of it fitted.
    #[inline]
    pub(super) fn push(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        if self.is_harmless {
            out.extend_from_slice(text.as_bytes());
            return true;
        }
        self.push_unknown(text, out)
    }

    fn push_unknown(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        if !self.cut
            && text.len() <= self.left
            && super::bytes::all_bytes(text, |byte| matches!(byte, b' '..=b'~'))
        {
            out.extend_from_slice(text.as_bytes());
            self.left -= text.len();
            return true;
        }
        self.push_chars(text, out)
    }

    #[cold]
    fn push_chars(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        if self.cut {
            return false;
        }
        for c in text.chars() {
            let mut buffer = [0; 4];
            let start = out.len();
            let width = if is_unsafe(c) {
                super::bytes::push_display(out, format_args!("{}", c.escape_unicode()));
                out.len() - start
            } else {
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                1
            };
            if width > self.left {
                out.truncate(start);
                out.extend_from_slice("…".as_bytes());
                self.cut = true;
                return false;
            }
            self.left -= width;
        }
        true
    }
}

/// The text with control characters written as `\u{1b}`, cut to [`MAX_FIELD_CHARS`]: safe to show in
/// a message.
pub fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    Room::for_field().push(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// True if a terminal would act on this character or show nothing for it: control characters, line
/// separators, bidirectional controls and other invisible formatting. Different ids must look
/// different, and no id may move the cursor or reverse the line.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{34f}' // combining grapheme joiner
            | '\u{61c}' // Arabic letter mark
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{17b4}' | '\u{17b5}' // inherent Khmer vowels
            | '\u{180b}'..='\u{180f}' // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separator, embeddings, overrides
            | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, isolates
            | '\u{feff}' // byte order mark
            | '\u{fff0}'..='\u{fffb}' // interlinear annotation
            | '\u{110bd}' | '\u{110cd}' // Kaithi number signs
            | '\u{13430}'..='\u{1343f}' // hieroglyph format controls
            | '\u{1bca0}'..='\u{1bca3}' // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}' // musical format controls
            | '\u{e0000}'..='\u{e0fff}' // tags, variation selectors
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_a_terminal_acts_on() {
        for (text, shown) in [
            ("plain é 漢 🎬", "plain é 漢 🎬"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"),
            ("\0\u{7f}\u{9b}", "\\u{0}\\u{7f}\\u{9b}"),
            ("\u{202e}gpj", "\\u{202e}gpj"),
            ("\u{61c}\u{200e}\u{200f}", "\\u{61c}\\u{200e}\\u{200f}"),
            ("\u{2066}\u{2069}", "\\u{2066}\\u{2069}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            ("\u{feff}\u{200b}\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"),
            (r"back\slash", r"back\slash"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn cuts_what_would_flood_the_terminal() {
        let fits = "x".repeat(MAX_FIELD_CHARS);
        assert_eq!(escaped(&fits), fits);
        assert_eq!(escaped(&format!("{fits}x")), format!("{fits}…"));
        let wide = "é".repeat(MAX_FIELD_CHARS);
        assert_eq!(escaped(&wide), wide);
        // An escape is left out as a whole.
        let tail = "x".repeat(MAX_FIELD_CHARS - 3);
        assert_eq!(escaped(&format!("{tail}\u{1b}x")), format!("{tail}…"));
    }

    #[test]
    fn a_full_field_stays_full() {
        let mut out = Vec::new();
        let mut room = Room {
            left: 3,
            ..Room::for_field()
        };
        assert!(room.push("abc", &mut out));
        assert!(room.push("", &mut out));
        assert!(!room.push("d", &mut out));
        assert!(!room.push("e", &mut out));
        assert!(!room.push("", &mut out));
        assert_eq!(String::from_utf8(out).unwrap(), "abc…");
    }

    proptest! {
        #[test]
        fn never_lets_a_control_character_through(text in any::<String>()) {
            let shown = escaped(&text);
            prop_assert!(!shown.chars().any(is_unsafe));
            prop_assert!(shown.chars().count() <= MAX_FIELD_CHARS + 1);
        }
    }
}
