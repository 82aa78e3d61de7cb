//! Draws coloured text as a picture.

use std::fmt::Write as _;

/// Of a character, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: usize = 19;
/// Around the text.
const MARGIN: usize = 16;
/// Of characters that take two columns: the first of each range and the one after its last.
const WIDE: [(char, char); 3] = [
    ('\u{1100}', '\u{1160}'),
    ('\u{2e80}', '\u{a4d0}'),
    ('\u{ac00}', '\u{d7a4}'),
];

/// The colours of text are classes, so that one picture serves both kinds of background.
const STYLE: &str = "\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#24292f}\
.page{fill:#ffffff;stroke:#d0d7de}.dim{fill:#6e7781}.bold{font-weight:bold}.under{text-decoration:underline}\
.red{fill:#cf222e}.magenta{fill:#9a2bb0}.blue{fill:#0550ae}text.reversed{fill:#ffffff}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117;stroke:#30363d}.dim{fill:#8b949e}\
.red{fill:#ff7b72}.magenta{fill:#d2a8ff}.blue{fill:#79c0ff}text.reversed{fill:#0d1117}}";

/// How text looks: what the codes so far add up to.
#[derive(Clone, Copy, Default, PartialEq)]
struct Look {
    /// Bold or dim.
    weight: Option<&'static str>,
    underlined: bool,
    reversed: bool,
    color: Option<&'static str>,
}

impl Look {
    /// Takes in one code of an escape sequence.
    ///
    /// # Panics
    /// At a code that the program had no use for when this was written.
    fn apply(&mut self, code: &str) {
        match code {
            "" | "0" => *self = Self::default(),
            "1" => self.weight = Some("bold"),
            "2" => self.weight = Some("dim"),
            "4" => self.underlined = true,
            "7" => self.reversed = true,
            "31" => self.color = Some("red"),
            "34" => self.color = Some("blue"),
            "35" => self.color = Some("magenta"),
            "39" => self.color = None,
            other => panic!("what does code {other} look like?"),
        }
    }

    fn classes(self) -> String {
        let color = self.color.filter(|_| !self.reversed);
        let attributes = [
            self.underlined.then_some("under"),
            self.reversed.then_some("reversed"),
        ];
        let classes = [self.weight, color].into_iter().chain(attributes);
        let classes: Vec<_> = classes.flatten().collect();
        classes.join(" ")
    }
}

/// The picture of a terminal on which `command` printed `text`.
pub fn draw(command: &str, text: &str) -> String {
    let mut body = String::new();
    let prompt = [(Look::default(), format!("$ {command}"))];
    let lines: Vec<Vec<(Look, String)>> = text.lines().map(spans).collect();
    let mut columns = 0;
    let all = std::iter::once(prompt.as_slice()).chain(lines.iter().map(Vec::as_slice));
    for (row, spans) in all.enumerate() {
        let mut column = 0;
        for (look, text) in spans {
            draw_span(*look, text, column, row, &mut body);
            column += text.chars().map(columns_of).sum::<usize>();
        }
        columns = columns.max(column);
    }
    let width = x_of(columns) + f64::from(u32::try_from(MARGIN).unwrap_or(0));
    let height = (lines.len() + 1) * HEIGHT + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" \
         width=\"{width:.0}\" height=\"{height}\" role=\"img\">\n\
         <title>What {command} prints</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n{body}</svg>\n"
    )
}

fn draw_span(look: Look, text: &str, column: usize, row: usize, out: &mut String) {
    // Drawing programs disagree on what becomes of spaces at the ends.
    let column = column + text.len() - text.trim_start_matches(' ').len();
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return;
    }
    let (x, top) = (x_of(column), MARGIN + row * HEIGHT);
    let columns: usize = text.chars().map(columns_of).sum();
    // Whatever font there is, the columns stay columns.
    let length = x_of(column + columns) - x;
    if look.reversed {
        let color = look.color.unwrap_or("dim");
        let _ = writeln!(
            out,
            "<rect class=\"{color}\" x=\"{x:.1}\" y=\"{top}\" width=\"{length:.1}\" height=\"{HEIGHT}\"/>"
        );
    }
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let classes = look.classes();
    let _ = writeln!(
        out,
        "<text class=\"{classes}\" x=\"{x:.1}\" y=\"{}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\">{escaped}</text>",
        top + HEIGHT - 5
    );
}

fn x_of(column: usize) -> f64 {
    let columns = u32::try_from(column).unwrap_or(u32::MAX);
    f64::from(columns) * WIDTH + f64::from(u32::try_from(MARGIN).unwrap_or(0))
}

fn columns_of(c: char) -> usize {
    let is_wide = WIDE
        .iter()
        .any(|(first, after)| (*first..*after).contains(&c));
    1 + usize::from(is_wide)
}

/// The parts of a line that look the same.
fn spans(line: &str) -> Vec<(Look, String)> {
    let mut look = Look::default();
    let mut parts = line.split("\u{1b}[");
    let mut spans = vec![(look, parts.next().unwrap_or_default().to_owned())];
    for part in parts {
        let (codes, text) = part.split_once('m').expect("a colour code ends in m");
        codes.split(';').for_each(|code| look.apply(code));
        spans.push((look, text.to_owned()));
    }
    spans
}
