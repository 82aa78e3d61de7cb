//! The place of a part in a text.

use std::ops::Range;

/// A range of bytes in a text that is shorter than 4 GiB; no event is as long. Half the size of a
/// [`Range<usize>`], because records are moved a lot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The place of `part`, which is a slice of `whole` or empty.
    pub(super) fn of(part: &str, whole: &str) -> Self {
        if part.is_empty() {
            return Self::default();
        }
        let start = part.as_ptr() as usize - whole.as_ptr() as usize;
        (start..start + part.len()).into()
    }

    /// Whether it is the place of an empty text.
    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The text at this place.
    ///
    /// # Panics
    /// When it is no place in `text`.
    pub(super) fn get(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        let [start, end] =
            [range.start, range.end].map(|place| u32::try_from(place).expect("no event has 4 GiB"));
        Self { start, end }
    }
}
