//! What a capture of the server should be printed as, worked out without the program.
//!
//! Deliberately naive: the whole body at once, one string operation after the other.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::Left;

/// One event of a body.
#[derive(Debug, Default)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Option<String>,
}

/// A capture, byte for byte.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The body with other line ends than line feeds.
pub fn with_line_ends(body: &[u8], end: &str) -> Vec<u8> {
    text(body).replace('\n', end).into_bytes()
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).expect("a capture is UTF-8")
}

/// The events of a body.
pub fn events(body: &[u8]) -> Vec<Event> {
    let body = text(body).replace("\r\n", "\n").replace('\r', "\n");
    let body = body.strip_prefix('\u{feff}').unwrap_or(&body);
    let without_comments: String = body
        .split_inclusive('\n')
        .filter(|line| !line.starts_with(':'))
        .collect();
    let mut blocks: Vec<&str> = without_comments.split("\n\n").collect();
    // What comes after the last empty line is not finished.
    blocks.pop();
    let mut events = Vec::new();
    for block in blocks {
        let mut event = Event::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "id" => event.id = value,
                "event" => event.name = value,
                "data" => event.data = Some(value),
                _ => {}
            }
        }
        if !event.name.is_empty() {
            events.push(event);
        }
    }
    events
}

/// How many lines the program prints for a body.
pub fn record_count(body: &[u8]) -> usize {
    events(body).len()
}

/// What a run leaves incomplete that ends with this body: a replication without its `live`, or one
/// with it and no operation that is young enough to fetch the rest by.
pub fn left_by(body: &[u8]) -> Option<Left> {
    let mut left = None;
    for Event { id, name, .. } in events(body) {
        if name == "live" {
            left = Some(Left::Repair);
        } else if id.parse::<u64>().is_ok() && left.is_none() {
            left = Some(Left::Replication);
        }
    }
    left
}

/// The JSON lines for a body.
pub fn expected_json(body: &[u8]) -> Vec<String> {
    events(body)
        .into_iter()
        .map(|event| {
            let mut line = format!(r#"{{"id":"{}","event":"{}""#, event.id, event.name);
            if let Some(data) = event.data {
                let _ = write!(line, r#","data":{data}"#);
            }
            line + "}"
        })
        .collect()
}

/// The text lines for a body whose data holds nothing to be escaped.
pub fn expected_text(body: &[u8]) -> Vec<String> {
    events(body)
        .into_iter()
        .map(|Event { id, name, data }| {
            let Some(data) = data else {
                return format!("** {name}");
            };
            let data: Value = serde_json::from_str(&data).expect("JSON");
            let field = |name: &str| data[name].as_str().expect("a string").to_owned();
            let object = match data.get("ref") {
                Some(_) => field("ref"),
                None => format!("{}/{}", field("type"), field("id")),
            };
            let parents: Vec<&str> = data["parents"]
                .as_array()
                .map(|parents| parents.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            let timestamp = field("timestamp");
            format!(
                "{timestamp}: {name} #{id} {object} ({})",
                parents.join(", ")
            )
        })
        .collect()
}
