use crate::support::*;

#[test]
fn a_screen_is_what_is_left() {
    assert_eq!(seen("a\r\nb\r\n"), ["a", "b"]);
    assert_eq!(
        seen("status\r\r\u{1b}[J\rline\r\nstatus\r"),
        ["line", "status"]
    );
    assert_eq!(seen("status\r\r\u{1b}[J\r"), [""; 0]);
    assert_eq!(seen("status\r\u{1b}[Knew\u{1b}[J\r"), ["new"]);
    assert_eq!(seen("\u{1b}[1mbold\u{1b}[0m"), ["bold"]);
}

#[test]
fn a_terminal_shows_what_is_written() {
    let terminal = Terminal::with_columns(80);
    Tail::of("/bin/sh")
        .args(["-c", "test -t 2 && echo yes >&2"])
        .stderr_to(terminal.stdio())
        .run()
        .exit(0);
    assert_eq!(terminal.screen(), ["yes"]);
}
