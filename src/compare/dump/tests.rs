use reqwest::Url;

use super::*;

const X: &str = r#"{"timestamp":"2026-11-23T17:55:17.996Z","type":"video","id":"x"}"#;
const Y: &str = r#"{"id":"y","more":[1],"type":"user","timestamp":"2026-11-23T10:00:00-08:00"}"#;

fn filtered(dump: impl AsRef<[u8]>, query: &str) -> Result<Dump, String> {
    let url = Url::parse(&format!("http://h/?{query}")).unwrap();
    read(&mut dump.as_ref(), &Filter::of(&url)).map_err(|error| error.to_string())
}

/// `type/id timestamp` of each object.
fn objects(dump: &Dump) -> Vec<String> {
    let ledger = &dump.ledger;
    let line = |entry| {
        let (kind, id) = ledger.name(entry);
        format!("{kind}/{id} {}", ledger.dump(entry).unwrap())
    };
    (0..).take(ledger.len()).map(line).collect()
}

#[test]
fn reads_objects_with_their_keys_in_any_order() {
    let dump = filtered(format!("{X}\n{Y}\n"), "").unwrap();
    assert_eq!(
        objects(&dump),
        [
            "video/x 2026-11-23T17:55:17.996Z",
            "user/y 2026-11-23T18:00:00.000Z"
        ]
    );
    assert_eq!(dump.newest, Moment::parse("2026-11-23T18:00:00Z"));
}

#[test]
fn passes_over_what_editors_and_jq_leave() {
    for text in [
        format!("\u{feff}{X}\r\n{Y}\r\n"),
        format!("{X}\n\n{Y}"),
        format!("null\n{X}\n{Y}\nnull\n"),
        format!(" {X} \n\t{Y}\n\n \r\n"),
    ] {
        assert_eq!(objects(&filtered(&text, "").unwrap()).len(), 2, "{text:?}");
    }
}

#[test]
fn an_empty_dump_is_legal() {
    for text in ["", "\n", "\u{feff}", "\r\n\r\n", "null\n"] {
        let dump = filtered(text, "").unwrap();
        assert_eq!((objects(&dump).len(), dump.newest), (0, None), "{text:?}");
    }
}

#[test]
fn the_later_line_counts() {
    let earlier = X.replace("17:55", "03:00");
    let dump = filtered(format!("{X}\n{earlier}\n"), "").unwrap();
    assert_eq!(objects(&dump), ["video/x 2026-11-23T03:00:17.996Z"]);
    assert_eq!(dump.newest, Moment::parse("2026-11-23T17:55:17.996Z"));
}

#[test]
fn filters_leave_the_newest_timestamp_as_it_is() {
    let dump = filtered(format!("{X}\n{Y}\n"), "types=video").unwrap();
    assert_eq!(objects(&dump), ["video/x 2026-11-23T17:55:17.996Z"]);
    assert_eq!(dump.newest, Moment::parse("2026-11-23T18:00:00Z"));
    let child = X.replace('}', r#","parents":["user/y"]}"#);
    let dump = filtered(format!("{child}\n{Y}\n"), "parents=user%2Fy").unwrap();
    assert_eq!(objects(&dump).len(), 1);
}

#[test]
fn names_the_line_and_what_is_wrong_with_it() {
    let without = |key: &str| X.replace(key, "other");
    for (bad, problem) in [
        ("not json", "expected"),
        ("[1]", "it is not a JSON object"),
        ("1", "it is not a JSON object"),
        (r#""video/x""#, "it is not a JSON object"),
        ("{}", "missing field"),
        (&without("timestamp"), "missing field `timestamp`"),
        (&without("type"), "missing field `type`"),
        (&without("id"), "missing field `id`"),
        (&X[..X.len() - 1], "EOF while parsing"),
        (&format!("{X}{Y}"), "trailing characters"),
        (
            &X.replace(r#""x""#, "7"),
            "invalid type: integer `7`, expected",
        ),
        (&X.replace(r#""x""#, r#""""#), r#""id" is empty"#),
        (&X.replace("video", ""), r#""type" is empty"#),
        (&X.replace("17.996Z", "17.996"), "is not an RFC 3339 time"),
        (&X.replace("2026-", "2026/"), "is not an RFC 3339 time"),
    ] {
        let error = filtered(format!("{Y}\n\n{bad}\n{Y}\n"), "types=none").unwrap_err();
        let begin = "line 3: ";
        assert!(
            error.starts_with(begin) && error.contains(problem),
            "{error}"
        );
        assert!(
            !error.contains("line 1") && !error.contains('\n'),
            "{error}"
        );
    }
    let binary = [Y.as_bytes(), b"\n\xff\xfe\n"].concat();
    assert_eq!(filtered(binary, "").unwrap_err(), "line 2: not UTF-8");
}

#[test]
fn a_line_is_shown_in_part_and_escaped() {
    let bad = format!("\u{1b}[31m{}", "x".repeat(100_000));
    let error = filtered(&bad, "").unwrap_err();
    assert!(
        error.contains("\\u{1b}[31mxxx") && error.len() < 300,
        "{error}"
    );
}

#[test]
fn a_line_without_end_takes_no_more_than_its_share() {
    struct Endless;
    impl io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b' ');
            Ok(buffer.len())
        }
    }
    let mut input = BufReader::new(Endless);
    let error = read(&mut input, &Filter::default()).unwrap_err();
    assert_eq!(error.to_string(), "line 1: longer than 16 MiB");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let path = Path::new("/no/such/dump");
    let error = open(path, &Filter::default()).unwrap_err().to_string();
    assert!(error.starts_with("--compare /no/such/dump: "), "{error}");
    let error = open(Path::new("/"), &Filter::default()).unwrap_err();
    assert!(matches!(error.problem, Problem::Unreadable(_)), "{error}");
}
