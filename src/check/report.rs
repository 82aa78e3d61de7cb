//! Prints the records: as JSON, or as text with one line for each finding, what is fine in a dim
//! colour.

use std::fmt::Write as _;
use std::io::Write as _;

use owo_colors::Style;
use serde::Serialize;

use super::findings::Findings;
use crate::exit::ExitStatus;
use crate::output::{self, Format, escaped};

/// How a finding is told: its word, and its style. Told apart by weight and reversal before hue, as
/// the events of the log are.
type Level = (&'static str, Style);
const FINE: Level = ("ok", Style::new().dimmed());
const WARNING: Level = ("warning", Style::new().magenta().bold());
const PROBLEM: Level = ("problem", Style::new().red().reversed());

/// What is found, and what of it is printed.
pub(super) struct Report {
    format: Format,
    is_colored: bool,
    /// Not printed yet.
    lines: String,
    /// How many problems there are, and how many warnings.
    counts: [usize; 2],
    /// The exit status of a run that meets the first problem.
    status: Option<ExitStatus>,
}

impl Report {
    /// A report in this format; text in colours or without.
    pub(super) fn new(format: Format, is_colored: bool) -> Self {
        Self {
            format,
            is_colored,
            lines: String::new(),
            counts: [0; 2],
            status: None,
        }
    }

    /// Adds the record of a subject of this kind.
    pub(super) fn add(
        &mut self,
        kind: &str,
        subject: &str,
        findings: &Findings,
        record: &impl Serialize,
    ) {
        self.status = self.status.or(findings.status);
        self.counts[0] += findings.problems.len();
        self.counts[1] += findings.warnings.len();
        if self.format == Format::Json {
            // It holds nothing that JSON cannot.
            let json = serde_json::to_string(record).unwrap_or_default();
            let _ = writeln!(self.lines, "{json}");
            return;
        }
        let head = self.styled(&format!("{kind} {}", escaped(subject)), Style::new().bold());
        let _ = writeln!(self.lines, "{head}");
        for fine in &findings.fine {
            let line = self.styled(&format!("{:<7}  {}", FINE.0, escaped(fine)), FINE.1);
            let _ = writeln!(self.lines, "  {line}");
        }
        let warnings = findings.warnings.iter().map(|text| (WARNING, text));
        let problems = findings.problems.iter().map(|text| (PROBLEM, text));
        for ((word, style), text) in warnings.chain(problems) {
            let word = self.styled(&format!("{word:<7}"), style);
            let _ = writeln!(self.lines, "  {word}  {}", escaped(text));
        }
    }

    /// Prints what has been added since the last time.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn print(&mut self) -> std::io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        output::print(|| std::io::stdout().write_all(lines.as_bytes()))
    }

    /// Prints the rest, and tells how a run would end.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn end(mut self) -> std::io::Result<ExitStatus> {
        if self.format == Format::Text {
            let counts = self.counts.into_iter().zip([PROBLEM, WARNING]);
            let mut counts = counts.filter(|(count, _)| *count > 0).peekable();
            let style = counts.peek().map_or(FINE.1, |(_, level)| level.1);
            let counts = counts.map(|(count, (word, _))| {
                let plural = if count == 1 { "" } else { "s" };
                format!("{count} {word}{plural}")
            });
            let mut summary = counts.collect::<Vec<_>>().join(", ");
            if summary.is_empty() {
                summary = "everything is fine".into();
            }
            summary = self.styled(&summary, style);
            let _ = writeln!(self.lines, "{summary}");
        }
        self.print()?;
        Ok(self.status.unwrap_or(ExitStatus::Success))
    }

    fn styled(&self, text: &str, style: Style) -> String {
        if self.is_colored {
            style.style(text).to_string()
        } else {
            text.to_owned()
        }
    }
}
