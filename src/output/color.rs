//! The colours of text lines, and when to use them.

use owo_colors::Style;

use crate::oplog::Event;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Whether to use colours: the flag, then `NO_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR=0`, then
/// whether this is a terminal that knows colours.
///
/// `env` looks up an environment variable.
pub fn choose(flag: ColorChoice, is_terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
    let non_empty = |name| env(name).filter(|value| !value.is_empty());
    match flag {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if non_empty("NO_COLOR").is_some() => false,
        ColorChoice::Auto if non_empty("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorChoice::Auto if env("CLICOLOR").is_some_and(|value| value == "0") => false,
        ColorChoice::Auto => is_terminal && env("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// The escape sequences before and after a part of a line; empty by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Paint {
    prefix: Box<[u8]>,
    suffix: Box<[u8]>,
}

impl Paint {
    fn new(style: Style) -> Self {
        let bytes = |text: String| text.into_bytes().into_boxed_slice();
        Self {
            prefix: bytes(style.prefix_formatter().to_string()),
            suffix: bytes(style.suffix_formatter().to_string()),
        }
    }

    /// Appends what `write` appends, painted.
    pub(super) fn around(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.prefix);
        write(out);
        out.extend_from_slice(&self.suffix);
    }
}

/// The paint of each part of a line; none by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Palette {
    pub(super) timestamp: Paint,
    pub(super) id: Paint,
    pub(super) object: Paint,
    pub(super) parents: Paint,
    pub(super) lag: Paint,
    pub(super) reset: Paint,
    pub(super) live: Paint,
    insert: Paint,
    update: Paint,
    delete: Paint,
    other: Paint,
}

impl Palette {
    /// The object is bold; the parts that are rarely read are dimmed. Events differ without their hue
    /// too, for people who do not see red or green: an update, the most frequent, is plain, an insert
    /// is bold, a delete and a reset are reversed. The markers have a hue of their own.
    ///
    /// Only red, magenta and bold blue are used. Green, yellow, cyan and white cannot be read on a
    /// light background, thin blue not on a dark one.
    pub(super) fn colored() -> Self {
        let dimmed = Paint::new(Style::new().dimmed());
        Self {
            timestamp: dimmed.clone(),
            id: dimmed.clone(),
            object: Paint::new(Style::new().bold()),
            parents: dimmed.clone(),
            lag: dimmed,
            reset: Paint::new(Style::new().magenta().bold().reversed()),
            live: Paint::new(Style::new().magenta().bold()),
            insert: Paint::new(Style::new().blue().bold()),
            update: Paint::default(),
            delete: Paint::new(Style::new().red().reversed()),
            other: Paint::new(Style::new().underline()),
        }
    }

    /// The paint of an event's name.
    pub(super) fn event(&self, event: &Event) -> &Paint {
        match event {
            Event::Insert | Event::Create => &self.insert,
            Event::Update => &self.update,
            Event::Delete => &self.delete,
            Event::Reset => &self.reset,
            Event::Live => &self.live,
            Event::Other(_) => &self.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(flag: ColorChoice, is_terminal: bool, env: &[(&str, &str)]) -> bool {
        choose(flag, is_terminal, |name| {
            let found = env.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
    }

    /// What a paint does besides its hue: weight, reversal and the like.
    fn without_hue(paint: &Paint) -> Vec<u8> {
        let prefix = String::from_utf8(paint.prefix.to_vec()).unwrap();
        let codes = prefix.split(['\u{1b}', '[', ';', 'm']);
        let codes = codes.filter_map(|code| code.parse().ok());
        let mut codes: Vec<u8> = codes.filter(|code| !(30..=37).contains(code)).collect();
        codes.sort_unstable();
        codes
    }

    /// `live` is told from an operation by its two stars; everything else by its paint alone.
    #[test]
    fn events_differ_without_any_hue() {
        const BOLD: u8 = 1;
        const REVERSED: u8 = 7;
        let palette = Palette::colored();
        assert_eq!(without_hue(palette.event(&Event::Insert)), [BOLD]);
        assert_eq!(without_hue(palette.event(&Event::Create)), [BOLD]);
        assert_eq!(without_hue(palette.event(&Event::Update)), [0_u8; 0]);
        assert_eq!(without_hue(palette.event(&Event::Delete)), [REVERSED]);
        assert_eq!(without_hue(palette.event(&Event::Reset)), [BOLD, REVERSED]);
        assert_eq!(without_hue(palette.event(&Event::Live)), [BOLD]);
    }

    #[test]
    fn what_is_rarely_read_steps_back_and_the_object_stands_out() {
        const BOLD: u8 = 1;
        const DIMMED: u8 = 2;
        let palette = Palette::colored();
        for quiet in [
            &palette.timestamp,
            &palette.id,
            &palette.parents,
            &palette.lag,
        ] {
            assert_eq!(without_hue(quiet), [DIMMED]);
        }
        assert_eq!(without_hue(&palette.object), [BOLD]);
    }

    #[test]
    fn the_flag_wins() {
        let against = [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")];
        assert!(chosen(ColorChoice::Always, false, &against));
        let in_favour = [("CLICOLOR_FORCE", "1"), ("TERM", "xterm")];
        assert!(!chosen(ColorChoice::Never, true, &in_favour));
    }

    #[test]
    fn then_the_environment_in_its_order_then_the_terminal() {
        for (env, on_terminal, elsewhere) in [
            (&[][..], true, false),
            (&[("TERM", "xterm")], true, false),
            (&[("TERM", "dumb")], false, false),
            (&[("NO_COLOR", "1")], false, false),
            (&[("NO_COLOR", "")], true, false),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false, false),
            (&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")], true, true),
            (&[("CLICOLOR_FORCE", "0")], true, false),
            (&[("CLICOLOR_FORCE", "")], true, false),
            (&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], true, true),
            (&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true, true),
            (&[("CLICOLOR", "0")], false, false),
            (&[("CLICOLOR", "1")], true, false),
        ] {
            assert_eq!(chosen(ColorChoice::Auto, true, env), on_terminal, "{env:?}");
            assert_eq!(chosen(ColorChoice::Auto, false, env), elsewhere, "{env:?}");
        }
    }
}
