//! The man page and the completion scripts. They are made from the definition of the command line,
//! so they always match it.

use std::io::{self, Write};

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, Generate};
use crate::exit::ExitStatus;

/// The date of the man page: of the release whose version it shows.
const RELEASED: &str = "2026-11-24";

/// The maximum length of a line of the man page, in bytes, unless a single word is longer.
const LINE_BYTES: usize = 78;

/// What the man page says between its name and its options.
const DESCRIPTION: &str = include_str!("generate/description.roff");

/// What the man page says after the exit statuses, in this order.
const REST: [&str; 5] = [
    include_str!("generate/environment.roff"),
    include_str!("generate/output.roff"),
    include_str!("generate/modes.roff"),
    include_str!("generate/positions.roff"),
    include_str!("generate/protocol.roff"),
];

/// Every document with the file of the repository that holds exactly what [`write()`] makes of it.
pub const FILES: [(Generate, &str); 5] = [
    (Generate::Man, "man/oplog-tail.1"),
    (Generate::CompleteBash, "completions/oplog-tail.bash"),
    (Generate::CompleteZsh, "completions/_oplog-tail"),
    (Generate::CompleteFish, "completions/oplog-tail.fish"),
    (Generate::CompletePowerShell, "completions/_oplog-tail.ps1"),
];

/// Writes the document.
///
/// # Errors
/// Those of `out`.
pub fn write(what: Generate, out: &mut dyn Write) -> io::Result<()> {
    let shell = match what {
        Generate::Man => return man(out),
        Generate::CompleteBash => Shell::Bash,
        Generate::CompleteZsh => Shell::Zsh,
        Generate::CompleteFish => Shell::Fish,
        Generate::CompletePowerShell => Shell::PowerShell,
    };
    // clap_complete panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "oplog-tail", &mut script);
    if shell == Shell::Bash {
        script = with_joined_values(&String::from_utf8_lossy(&script)).into_bytes();
    }
    out.write_all(&script)
}

/// Makes the script for bash complete `--color=al` too. For bash these are three words: `--color`, `=`
/// and `al`.
fn with_joined_values(script: &str) -> String {
    const PREVIOUS: &str = "    prev=\"$3\"\n";
    let joined = "    if [[ \"${cur}\" == \"=\" ]]; then\n        cur=\"\"\n    \
        elif [[ \"${prev}\" == \"=\" ]]; then\n        \
        prev=\"${COMP_WORDS[COMP_CWORD-2]}\"\n    fi\n";
    script.replacen(PREVIOUS, &format!("{PREVIOUS}{joined}"), 1)
}

fn man(out: &mut dyn Write) -> io::Result<()> {
    let command = Cli::command();
    let version = command.get_version().unwrap_or_default().to_owned();
    writeln!(
        out,
        ".TH OPLOG\\-TAIL 1 {RELEASED} \"oplog\\-tail {version}\" \"User Commands\""
    )?;
    out.write_all(DESCRIPTION.as_bytes())?;
    options(command, out)?;
    exit_status(out)?;
    out.write_all(REST.concat().as_bytes())
}

/// The options, their groups as subsections.
fn options(command: Command, out: &mut dyn Write) -> io::Result<()> {
    let mut rendered = Vec::new();
    Man::new(command.mut_args(with_aliases)).render_options_section(&mut rendered)?;
    let rendered = String::from_utf8_lossy(&rendered);
    writeln!(out, ".SH OPTIONS")?;
    for line in rendered.lines() {
        if let Some(group) = line.strip_prefix(".SH ") {
            if group != "OPTIONS" {
                writeln!(out, ".SS {}", title(group.trim_matches('"')))?;
            }
        } else {
            wrapped(line, out)?;
        }
    }
    Ok(())
}

/// The argument with its other names in its text: `clap_mangen` leaves them out.
fn with_aliases(arg: Arg) -> Arg {
    let (Some(aliases), Some(help)) = (arg.get_visible_aliases(), arg.get_long_help()) else {
        return arg;
    };
    let aliases: Vec<_> = aliases.iter().map(|alias| format!("--{alias}")).collect();
    let help = format!("{help}\n\nAlias: {}.", aliases.join(", "));
    arg.long_help(help)
}

/// Writes the text over as many lines as it takes. A macro stays as it is.
fn wrapped(text: &str, out: &mut dyn Write) -> io::Result<()> {
    if text.starts_with('.') || text.len() <= LINE_BYTES {
        return writeln!(out, "{text}");
    }
    let mut length = 0;
    for word in text.split(' ') {
        if length > 0 && length + word.len() >= LINE_BYTES {
            writeln!(out)?;
            length = 0;
        } else if length > 0 {
            write!(out, " ")?;
            length += 1;
        }
        if length == 0 && word.starts_with(['.', '\'']) {
            // At the beginning of a line these would make it a macro.
            write!(out, "\\&")?;
        }
        write!(out, "{word}")?;
        length += word.len();
    }
    writeln!(out)
}

/// The heading with capitals only at its beginning.
fn title(heading: &str) -> String {
    let (first, rest) = heading.split_at(1.min(heading.len()));
    format!("{first}{}", rest.to_lowercase())
}

fn exit_status(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ".SH EXIT STATUS")?;
    for (code, meaning) in ExitStatus::TABLE {
        writeln!(out, ".TP\n.B {code}")?;
        wrapped(&meaning.replace('-', "\\-"), out)?;
    }
    writeln!(
        out,
        ".TP\n.B 128+n\nsignal n came before the stop condition was met"
    )
}
