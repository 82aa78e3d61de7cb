//! The text of an error, without the error number of the system.

use std::fmt::Display;

/// The text of the error without `(os error 2)`: the words before it say the same.
pub(crate) fn in_words(error: &dyn Display) -> String {
    let text = error.to_string();
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        told + part.split_once(')').map_or(part, |(_, after)| after)
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_numbers_of_the_system_are_left_out() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(in_words(&missing), "No such file or directory");
        for (text, told) in [
            ("no room (os error 28); make some", "no room; make some"),
            ("a (os error 1): b (os error 2)", "a: b"),
            ("nothing (left)", "nothing (left)"),
            ("", ""),
        ] {
            assert_eq!(in_words(&text), told);
        }
    }
}
