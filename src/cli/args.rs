//! The flags, grouped as the help shows them. The first paragraph of each comment is its line in
//! `-h`, all of it its text in `--help` and in the man page.

#![expect(clippy::doc_markdown, reason = "the help is plain text")]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueHint};

use super::values::{Ack, OnInvalid, OutputFormat, Secret, number};
use crate::consumer::OnResumeFailed;
use crate::duration;
use crate::output::color::ColorChoice;

/// Where the operations come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Source")]
pub struct Source {
    /// The server; repeat it for several agents
    ///
    /// http or https. The flag itself can be left out: oplog-tail URL. If several agents serve one
    /// oplog, give the URL of each: when one fails, the next is tried. A query in the URL is kept,
    /// and filters are added to it. Default: the environment variable OPLOG_TAIL_URL. Example: --url
    /// https://oplog.example.com/
    #[arg(short, long = "url", value_name = "URL", value_hint = ValueHint::Url)]
    pub urls: Vec<Secret>,

    /// The same as --url
    #[arg(value_name = "URL", value_hint = ValueHint::Url, hide = true)]
    pub url_arguments: Vec<Secret>,

    /// Only objects of these types
    ///
    /// The server filters. Separate several with commas, or repeat the flag. Default: every type.
    /// Example: --types video,user
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub types: Vec<String>,

    /// Only objects with one of these parents
    ///
    /// The server filters. Separate several with commas, or repeat the flag. Default: objects with
    /// any parent or none. Example: --parents video/xk32jd,user/xkjdi
    #[arg(long, value_name = "TYPE/ID,…", value_delimiter = ',', value_hint = ValueHint::Other)]
    pub parents: Vec<String>,

    /// Try it on a sample server inside this program
    ///
    /// The sample server listens on a loopback port for as long as this program runs. It has a few
    /// objects and changes them a few times per second. The run starts with a replication, unless
    /// --start-id or --since is given. --url and --proxy are not allowed; every other flag works.
    /// Default: off.
    /// Example: --demo --start-id 0 -n 20
    #[arg(long)]
    pub demo: bool,
}

/// Where the run starts, and when its position advances.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Position")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Position {
    /// Keep the position in FILE
    ///
    /// The next run continues after the last acknowledged operation. The file holds the bare id, as
    /// the Go client writes it. Only one process at a time can use it. Each save replaces the file,
    /// so in a container mount its folder, not the file. Default: no position is kept. Example:
    /// --state /var/lib/oplog-tail/position
    #[arg(
        short,
        long = "state",
        visible_alias = "state-file",
        value_name = "FILE",
        value_hint = ValueHint::FilePath
    )]
    pub state_file: Option<PathBuf>,

    /// Start here: now, 0 or an id [default: now]
    ///
    /// now: operations from now on. 0: a full replication, which prints every object first. 24
    /// hexadecimal digits: after the operation with this id. Any other number: from this UNIX time
    /// in milliseconds. The id is sent unchanged. A saved position wins over it, unless --rewind is
    /// given. Example: --start-id 545b55c7f095528dd0f3863c
    #[arg(
        long,
        value_name = "ID",
        value_hint = ValueHint::Other,
        allow_negative_numbers = true,
        conflicts_with_all = ["since", "allow_replication"]
    )]
    pub start_id: Option<String>,

    /// First print the objects changed since WHEN (2h, 10:00)
    ///
    /// Prints the latest state of each object changed since WHEN, deletions included; not each
    /// change, because the log has no history by time. Then operations follow as they happen. WHEN is
    /// how long ago (2h, 1d12h, 2w, 2 hours ago), a time (2026-11-23T10:00:00Z, 2026-11-23 10:00,
    /// 10:00, yesterday 10:00) or a date (2026-11-23, yesterday), which means its first second. A
    /// time without an offset is local. A saved position wins over it, unless --rewind is given.
    /// Default: start where --start-id says. Example: --since 2h
    #[arg(
        long,
        value_name = "WHEN",
        value_hint = ValueHint::Other,
        allow_hyphen_values = true,
        conflicts_with = "allow_replication"
    )]
    pub since: Option<String>,

    /// Same as --start-id 0
    ///
    /// The name that the Go tool has for it. Default: off.
    #[arg(long, hide_short_help = true)]
    pub allow_replication: bool,

    /// Ignore the saved position
    ///
    /// Needs --start-id, --since or --allow-replication, and starts there. Saves the new position to
    /// --state as usual. Default: the saved position wins. Example: --state st --since 1d --rewind
    #[arg(long)]
    pub rewind: bool,

    /// Resume from a time as the Go client does
    ///
    /// If the position is a time, deletions since then are not reported. Default: they are reported,
    /// and some objects may be printed twice.
    #[arg(long, hide_short_help = true)]
    pub exact_resume: bool,

    /// Do not fetch objects that a replication misses
    ///
    /// A replication misses the objects that changed in the second of the newest operation. With this
    /// flag, or if the second connection is refused (a warning says so), they stay missing. Default:
    /// they are fetched over a second connection, once an operation comes that is at least 5 seconds
    /// later than live. Until then the saved position stays before them, so a run that ends early
    /// repeats some objects but loses none. Some objects may be printed twice.
    #[arg(long, hide_short_help = true)]
    pub no_repair: bool,

    /// continue, replicate or exit [default: continue]
    ///
    /// What to do when the server no longer has the operation to resume after. continue: warn, and
    /// print the latest state of each object changed since. replicate: print every object. exit:
    /// print nothing, exit 6. Example: --on-resume-failed replicate
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "continue",
        hide_default_value = true,
        hide_short_help = true
    )]
    pub on_resume_failed: OnResumeFailed,

    /// Acknowledge: auto, stdin or none [default: auto]
    ///
    /// The saved position moves past an operation once it is acknowledged. auto: once its line has
    /// been written to stdout. stdin: once the consumer has written its id to stdin, one id per
    /// line, in any order; the run ends when stdin ends. none: never; the state file must hold a
    /// position, and is neither written nor locked. Example: --ack stdin
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        hide_default_value = true
    )]
    pub ack: Ack,

    /// Maximum unacknowledged lines [default: 1000]
    ///
    /// Needs --ack stdin. When N lines are unacknowledged, printing waits until one is acknowledged.
    /// Example:
    /// --ack stdin --max-in-flight 1
    #[arg(
        long,
        value_name = "N",
        value_hint = ValueHint::Other,
        value_parser = number::<NonZeroUsize>,
        hide_short_help = true
    )]
    pub max_in_flight: Option<NonZeroUsize>,
}

/// When the run ends.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Stopping")]
pub struct Stopping {
    /// Stop after N lines
    ///
    /// reset and live count too. Default: follow forever. Example: -n 10
    #[arg(short = 'n', long, value_name = "N", value_hint = ValueHint::Other, value_parser = number::<NonZeroU64>)]
    pub count: Option<NonZeroU64>,

    /// Stop at live, the end of the replication
    ///
    /// Prints live and stops. Objects that changed in the second before the replication may be
    /// missing then, and a line on stderr says so; --until-complete waits for them. Default: follow
    /// forever. Example: --start-id 0 --until-live
    #[arg(long)]
    pub until_live: bool,

    /// Stop once the replication is complete
    ///
    /// Continues after live until the objects that a replication misses have been printed too. They
    /// can be fetched once an operation comes that is at least 5 seconds later than live. On an
    /// idle log none comes: add --timeout. Default: follow forever. Example: --start-id 0 --until-complete
    /// --timeout 1m
    #[arg(long, conflicts_with = "no_repair")]
    pub until_complete: bool,

    /// Stop when all before WHEN is printed
    ///
    /// For cron jobs, also on a log that is never idle. WHEN is now, or a time as in --since. The
    /// first operation after WHEN ends the run; it is not printed, so the next run begins with it.
    /// If none comes, the run ends when WHEN is past and nothing has come for 2 seconds. Clocks may
    /// differ by 5 seconds: on a busy log, --until now takes 6 seconds and also prints the
    /// operations of that time. See "Until a point in time" in the man page. Default: follow forever. Example: --state st
    /// --until now
    #[arg(
        long,
        value_name = "WHEN",
        value_hint = ValueHint::Other,
        allow_hyphen_values = true
    )]
    pub until: Option<String>,

    /// Stop after DUR (5s, 1h30m) without an operation
    ///
    /// The time counts only while connected; heartbeats are not operations. If the run is fetching
    /// objects that a replication missed, it finishes that first. Default: follow forever. Example:
    /// --until-idle 5s
    #[arg(long, value_name = "DUR", value_hint = ValueHint::Other, value_parser = duration::parse_positive)]
    pub until_idle: Option<Duration>,

    /// Stop after DUR in any case
    ///
    /// Exits 7 if -n or another stop condition was given and is not met, else 0. With --check: the
    /// time limit, 30s by default. With --compare: how long it waits for the next object, 1m by
    /// default, and after the last object for another operation, 10s by default. Default: follow
    /// forever. Example: --timeout 5m
    #[arg(long, value_name = "DUR", value_hint = ValueHint::Other, value_parser = duration::parse_positive)]
    pub timeout: Option<Duration>,
}

impl Stopping {
    /// True if a stop condition was given: to end before it is met is a failure.
    pub fn any_asked_for(&self) -> bool {
        self.count.is_some()
            || self.until_live
            || self.until_complete
            || self.until.is_some()
            || self.until_idle.is_some()
    }
}

/// What lines look like, and what is said on stderr.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Format: auto, text or json [default: auto]
    ///
    /// text: for people; control characters are escaped. json: one JSON object per line, the data
    /// byte for byte as the server sent it. auto: text on a terminal, else json. Example: -o text
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "auto",
        hide_default_value = true
    )]
    pub format: OutputFormat,

    /// Colour: auto, always or never [default: auto]
    ///
    /// Colours the text output. auto: on a terminal, unless NO_COLOR, CLICOLOR_FORCE or CLICOLOR say
    /// otherwise. Example: -o text --color always | less -R
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub color: ColorChoice,

    /// Show the delay of each operation
    ///
    /// The time from the timestamp of the operation to its arrival, by the clock of this machine;
    /// negative if that clock is behind. For an object of a replication it is the age of the object.
    /// JSON gets "received" and "lag_ms", text ends in +0.116s. Default: off.
    #[arg(long)]
    pub lag: bool,

    /// skip or exit [default: skip]
    ///
    /// What to do with an operation that cannot be decoded. It is shown on stderr. Then skip
    /// continues with the next one; exit ends the run with status 1. Example: --on-invalid exit
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "skip",
        hide_default_value = true,
        hide_short_help = true
    )]
    pub on_invalid: OnInvalid,

    /// Print fatal errors only
    ///
    /// Default: also report lost connections, failed resumes and operations that cannot be decoded,
    /// and show the progress of a replication.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Report more; -vv reports even more
    ///
    /// -v: connections, where they resume, saved positions. -vv: heartbeats, requests and response
    /// headers too, without secrets. Default: off.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print a summary at the end
    ///
    /// On stderr: operations by event, ids, the position, lag, reconnections, time. SIGUSR1 shows it
    /// during a run. Objects of a replication have no lag. With -o json, or without -o if neither
    /// stdout nor stderr is a terminal, it is one JSON object, the last line of stderr. SUMMARY in
    /// the man page explains each field. Default: off.
    #[arg(long)]
    pub stats: bool,
}
