//! Helpers of the printers for bytes.

/// True if `is_good` holds for every byte. Without an early exit the processor takes many bytes at
/// once; texts are short and nearly always good.
pub(super) fn all_bytes(text: &str, is_good: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |good, byte| good & is_good(byte))
}

/// Writes a value by its `Display`.
pub(super) fn push_display(out: &mut Vec<u8>, value: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(value);
}
