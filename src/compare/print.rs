//! A difference as a line.

use std::io::Write as _;

use owo_colors::Style;
use serde::Serialize;

use super::difference::Difference;
use super::moment::Moment;
use crate::output::{Format, escaped};

/// A difference. As JSON it has these keys in this order.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    pub difference: Difference,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub id: &'a str,
    pub server: Option<Moment>,
    pub dump: Option<Moment>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Record<'_> {
    /// Appends exactly one line, its line feed included. `color` matters to text only.
    pub(super) fn print(&self, format: Format, color: bool, out: &mut Vec<u8>) {
        // Neither can writing to a Vec fail, nor is there a key that is no text.
        let _ = match format {
            Format::Json => serde_json::to_writer(&mut *out, self).map_err(Into::into),
            Format::Text => self.text(color, out),
        };
        out.push(b'\n');
    }

    fn text(&self, color: bool, out: &mut Vec<u8>) -> std::io::Result<()> {
        let painted = |style: Style, text: &str| {
            let style = if color { style } else { Style::new() };
            style.style(text).to_string()
        };
        let shown = |moment: Option<Moment>| moment.map_or_else(|| "-".into(), |at| at.to_string());
        let times = format!("server {}  dump {}", shown(self.server), shown(self.dump));
        let name = escaped(&format!("{}/{}", self.kind, self.id));
        write!(
            out,
            "{} {}  {}",
            painted(style(self.difference), self.difference.name()),
            painted(Style::new().bold(), &name),
            painted(Style::new().dimmed(), &times)
        )
    }
}

/// Weight and reversal tell the kinds apart before the hue does, as in the lines of operations: what
/// is missing stands out most.
fn style(difference: Difference) -> Style {
    match difference {
        Difference::Missing => Style::new().red().reversed(),
        Difference::Older | Difference::Newer => Style::new().magenta(),
        Difference::Extra => Style::new().blue().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: Format, color: bool, name: (&str, &str), reference: Option<&str>) -> String {
        let record = Record {
            difference: Difference::Missing,
            kind: name.0,
            id: name.1,
            server: Moment::parse("2026-11-23T17:55:17.996Z"),
            dump: None,
            reference: reference.map(str::to_owned),
        };
        let mut out = Vec::new();
        record.print(format, color, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prints_a_difference() {
        assert_eq!(
            line(Format::Text, false, ("video", "x1"), Some("http://api/x1")),
            "missing video/x1  server 2026-11-23T17:55:17.996Z  dump -\n"
        );
        assert_eq!(
            line(Format::Json, true, ("video", "x1"), Some("http://api/x1")),
            concat!(
                r#"{"difference":"missing","type":"video","id":"x1","#,
                r#""server":"2026-11-23T17:55:17.996Z","dump":null,"ref":"http://api/x1"}"#,
                "\n"
            )
        );
        let without = line(Format::Json, false, ("video", "x1"), None);
        assert!(without.ends_with("\"dump\":null}\n"), "{without}");
    }

    #[test]
    fn nothing_drives_the_terminal() {
        let name = ("v\u{1b}[31m", "x\n\u{202e}");
        let text = line(Format::Text, false, name, None);
        assert!(
            text.starts_with(r"missing v\u{1b}[31m/x\u{a}\u{202e}  server "),
            "{text}"
        );
        let json = line(Format::Json, false, name, None);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&read["type"], &read["id"]),
            (&name.0.into(), &name.1.into())
        );
    }

    #[test]
    fn colors_are_there_when_asked_for() {
        let colored = line(Format::Text, true, ("video", "x1"), None);
        let plain = line(Format::Text, false, ("video", "x1"), None);
        let mut parts = colored.split("\u{1b}[");
        let mut stripped = parts.next().unwrap().to_owned();
        for part in parts {
            stripped += part.split_once('m').unwrap().1;
        }
        assert_ne!(colored, plain);
        assert_eq!(stripped, plain);
    }
}
