//! A difference as a line.

use std::borrow::Cow;
use std::io::Write as _;

use owo_colors::Style;
use serde::Serialize;

use super::difference::Difference;
use super::ledger::Ledger;
use super::moment::Moment;
use crate::output::{Format, escaped};

/// Turns differences into lines.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    format: Format,
    color: bool,
}

/// The JSON of a difference, its keys in their order.
#[derive(Serialize)]
struct Record<'a> {
    difference: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    server: Option<String>,
    dump: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<Cow<'a, str>>,
}

impl Printer {
    /// A printer of this format; `color` matters to text only.
    pub fn new(format: Format, color: bool) -> Self {
        Self { format, color }
    }

    /// Appends exactly one line, its line feed included.
    pub fn print(self, difference: Difference, ledger: &Ledger, entry: usize, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => json(difference, ledger, entry, out),
            Format::Text => self.text(difference, ledger, entry, out),
        }
        out.push(b'\n');
    }

    fn text(self, difference: Difference, ledger: &Ledger, entry: usize, out: &mut Vec<u8>) {
        let (kind, id) = ledger.name(entry);
        let (server, dump) = (ledger.server(entry).live(), ledger.dump(entry));
        let shown = |moment: Option<Moment>| moment.map_or_else(|| "-".into(), |at| at.to_string());
        let name = self.painted(Style::new().bold(), &escaped(&format!("{kind}/{id}")));
        let times = format!("server {}  dump {}", shown(server), shown(dump));
        let times = self.painted(Style::new().dimmed(), &times);
        let difference = self.painted(style(difference), difference.name());
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{difference} {name}  {times}");
    }

    fn painted(self, style: Style, text: &str) -> String {
        if self.color {
            style.style(text).to_string()
        } else {
            text.to_owned()
        }
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

fn json(difference: Difference, ledger: &Ledger, entry: usize, out: &mut Vec<u8>) {
    let (kind, id) = ledger.name(entry);
    let shown = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
    let record = Record {
        difference: difference.name(),
        kind,
        id,
        server: shown(ledger.server(entry).live()),
        dump: shown(ledger.dump(entry)),
        reference: ledger.reference(entry),
    };
    // Neither can writing to a Vec fail, nor is there a key that is no text.
    let _ = serde_json::to_writer(out, &record);
}

#[cfg(test)]
mod tests {
    use super::super::difference::Server;
    use super::*;

    fn line(format: Format, color: bool, name: (&str, &str), reference: Option<&str>) -> String {
        let mut ledger = Ledger::default();
        let at = Moment::parse("2026-11-23T17:55:17.996Z").unwrap();
        let server = Server::Live(at);
        ledger.set_server(name, server, reference).unwrap();
        let mut out = Vec::new();
        Printer::new(format, color).print(Difference::Missing, &ledger, 0, &mut out);
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
