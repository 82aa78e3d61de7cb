//! The flags, grouped as the help shows them. The first paragraph of each comment is its line in
//! `-h`, all of it its text in `--help` and in the man page.

#![expect(clippy::doc_markdown, reason = "the help is plain text")]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueHint};

use super::values::{Ack, OnInvalid, OnResumeFailed, OutputFormat, Secret, from_one, from_zero};
use crate::duration;
use crate::output::color::ColorChoice;

/// Where the operations come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Source")]
pub struct Source {
    /// The server; repeat it for several agents
    ///
    /// http or https. Given several times, for several agents of one oplog, the next is tried when
    /// one fails. A query of the URL is kept, filters are added to it. May also be given without
    /// the flag. Default: what the environment variable OPLOG_TAIL_URL says. Example: --url
    /// https://oplog.example.com/
    #[arg(short, long = "url", value_name = "URL", value_hint = ValueHint::Url)]
    pub urls: Vec<Secret>,

    /// The same as --url
    #[arg(value_name = "URL", value_hint = ValueHint::Url, hide = true)]
    pub url_arguments: Vec<Secret>,

    /// Only objects of these types
    ///
    /// The server filters. Comma-separated or repeated. Default: every type. Example: --types
    /// video,user
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    pub types: Vec<String>,

    /// Only objects with one of these parents
    ///
    /// The server filters. Comma-separated or repeated. Default: any parent or none. Example:
    /// --parents video/xk32jd,user/xkjdi
    #[arg(long, value_name = "TYPE/ID,…", value_delimiter = ',')]
    pub parents: Vec<String>,

    /// The password; others can see it in ps
    ///
    /// Other users of this machine can see it in the list of processes: prefer --password-file or
    /// the environment variable OPLOG_TAIL_PASSWORD. Both, and a password in the URL, count only
    /// where this flag is not given, in that order. Sent as Basic authentication with an empty user
    /// name, or the one in the URL. Never printed. Default: no authentication. Example: --password
    /// "$PW"
    #[arg(long, value_name = "PW", allow_hyphen_values = true)]
    pub password: Option<Secret>,

    /// Read the password from a file; - is stdin
    ///
    /// A byte order mark at its beginning and one newline at its end are dropped. Default: see --password. Example: --password-file
    /// /run/secrets/oplog
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,

    /// Add a request header; repeatable
    ///
    /// Sent only to the origin of the URL, not to another one that it redirects to. Default: none.
    /// Example: -H "X-Tenant: 7"
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<Secret>,

    /// Trust the authorities in this file too
    ///
    /// One or more certificates in PEM, besides those that the system trusts. Default: only those.
    /// Example: --cacert /etc/ssl/company-ca.pem
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    pub cacert: Option<PathBuf>,

    /// The client certificate to show
    ///
    /// In PEM: the certificate first, then those of the authorities between it and one that the
    /// server trusts. Shown to the origins of the URLs, not to another one that they redirect to;
    /// an https proxy that asks for one gets it too. Default: none. Example: --cert client.pem
    /// --key client.key
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,

    /// The key of the client certificate
    ///
    /// In PEM and not encrypted. Default: the key in the file of --cert. Example: --key client.key
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath, requires = "cert")]
    pub key: Option<PathBuf>,

    /// Take any certificate
    ///
    /// The connection is encrypted, but to whom it goes is not checked. Prefer --cacert. Default:
    /// certificates are checked.
    #[arg(long)]
    pub insecure: bool,

    /// Connect through this HTTP proxy
    ///
    /// http or https. Default: what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say. Example:
    /// --proxy http://proxy.example.com:3128
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub proxy: Option<Secret>,

    /// Tail a sample server inside this program
    ///
    /// It listens on a loopback port, replicates sample objects and then changes them a few times a
    /// second. Needs no --url and takes no --proxy; every other flag works on it. Default: off.
    /// Example: --demo --start-id 0 -n 20
    #[arg(long)]
    pub demo: bool,
}

/// Where the run starts.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Position")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Position {
    /// Keep the position in FILE
    ///
    /// A run goes on after the last operation that was acknowledged, in this run or an earlier one.
    /// Holds the bare id, as the Go client writes it. Only one process at a time can use it.
    /// Each save replaces the file, so mount its folder, not the file alone. Default: the position is not kept. Example: --state /var/lib/oplog-tail/position
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
    /// now: operations from now on. 0: a full replication, every object first. A number: a UNIX
    /// time in milliseconds. 24 hexadecimal digits: after the operation with this id. Sent as it
    /// is. A saved position wins over it, unless --rewind. Default: now. Example: --start-id
    /// 545b55c7f095528dd0f3863c
    #[arg(
        long,
        value_name = "ID",
        allow_negative_numbers = true,
        conflicts_with_all = ["since", "allow_replication"]
    )]
    pub start_id: Option<String>,

    /// Start with every object changed since
    ///
    /// How long ago (2h, 1d12h, 2w, 2 hours ago), a time (2026-11-23T10:00:00Z, 2026-11-23 10:00,
    /// 10:00, yesterday 10:00) or a date (2026-11-23, yesterday: its first second). Without an offset
    /// it is local time. Reports the last state of each object changed since, deletions
    /// included. A saved position wins over it, unless --rewind. Default: what --start-id says.
    /// Example: --since 2h
    #[arg(
        long,
        value_name = "WHEN",
        allow_hyphen_values = true,
        conflicts_with = "allow_replication"
    )]
    pub since: Option<String>,

    /// Same as --start-id 0
    ///
    /// The flag of the Go tool. Default: off.
    #[arg(long, hide_short_help = true)]
    pub allow_replication: bool,

    /// Start there in spite of a saved position
    ///
    /// Needs --state and one of --start-id, --since, --allow-replication. Default: the saved
    /// position wins. Example: --state st --since 1d --rewind
    #[arg(long)]
    pub rewind: bool,

    /// Resume from a time as the Go client does
    ///
    /// Where the position is a time, the server then does not report what was deleted since.
    /// Default: resume so that it does; some objects may come twice.
    #[arg(long, hide_short_help = true)]
    pub exact_resume: bool,

    /// Leave out what the server leaves out
    ///
    /// A replication by the server, and the states it falls back to, leave out what changed in
    /// the second of its newest operation. Default: that is fetched over a second connection as
    /// soon as an operation comes that lies 5 seconds or more after the replication was asked
    /// for; until then the position stays at the end of the replication, or 5 seconds before it
    /// was asked for if that is earlier, so that a run that ends early repeats and loses nothing. Some objects may come twice. With this flag, or where the
    /// second connection is refused (a warning says so), they stay missing.
    #[arg(long, hide_short_help = true)]
    pub no_repair: bool,

    /// continue, replicate or exit [default: continue]
    ///
    /// What to do when the server no longer has the operation to resume from. continue: take the
    /// states the server falls back to, and warn. replicate: print none of them and start a full
    /// replication. exit: print none of them, exit 6. Default: continue. Example:
    /// --on-resume-failed replicate
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "continue",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub on_resume_failed: OnResumeFailed,
}

/// When the position advances.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Acknowledging")]
pub struct Acknowledging {
    /// auto, stdin or none [default: auto]
    ///
    /// auto: an operation is acknowledged once its line has been written to stdout. stdin: whoever
    /// reads stdout writes the ids it has handled to stdin, one a line, in any order; the run ends
    /// when stdin ends. none: look only, the state file is read but never written, and must hold a
    /// position. Default: auto. Example: --ack stdin
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub ack: Ack,

    /// Most lines unacknowledged [default: 1000]
    ///
    /// With --ack stdin: when so many are out, reading stops until one is acknowledged. Default:
    /// 1000. Example: --ack stdin --max-in-flight 1
    #[arg(
        long,
        value_name = "N",
        value_parser = from_one::<NonZeroUsize>,
        hide_short_help = true
    )]
    pub max_in_flight: Option<NonZeroUsize>,
}

/// When the run ends.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stopping")]
pub struct Stopping {
    /// Stop after N lines
    ///
    /// Default: never. Example: -n 10
    #[arg(short = 'n', long, value_name = "N", value_parser = from_one::<NonZeroU64>)]
    pub count: Option<NonZeroU64>,

    /// Stop at live, the end of the replication
    ///
    /// Prints the live that ends a replication, then stops. Objects that changed in the second
    /// before the replication may be missing then; a line on stderr says so. --until-complete waits
    /// for them. Default: go on. Example: --start-id 0 --until-live
    #[arg(long)]
    pub until_live: bool,

    /// Stop once the replication is complete
    ///
    /// Goes on after live until the objects that the server leaves out of a replication have been
    /// printed too. They can be fetched once an operation comes that is at least 5 seconds younger
    /// than live; on a log that may be quiet add --timeout. Default: go on. Example: --start-id 0
    /// --until-complete --timeout 1m
    #[arg(long, conflicts_with = "no_repair")]
    pub until_complete: bool,

    /// Stop once all from before WHEN is printed
    ///
    /// WHEN is now, or a time as in --since. The first operation after WHEN ends the run: it is not
    /// printed and stays for the next run. Where none comes, the run ends once WHEN is past and
    /// nothing has come for 2 seconds. For cron, on a log that never rests. Clocks may differ by 5
    /// seconds, so now on a busy log takes 6 seconds and prints what comes meanwhile; "Until a point
    /// in time" in the man page says more. Default: never. Example: --state st --until now
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub until: Option<String>,

    /// Stop after this long without an operation
    ///
    /// Counts while connected; heartbeats are no operations. What a replication left out is fetched
    /// first, if that has begun. Default: never. Example: --until-idle 5s
    #[arg(long, value_name = "DUR", value_parser = duration::parse_positive)]
    pub until_idle: Option<Duration>,

    /// Stop after this long
    ///
    /// Exits 7 where another stop condition was asked for and not met, else 0. With --check: the
    /// longest it takes, 30s by default. With --compare: how long another operation is waited for,
    /// 10s by default. Default: never. Example: --timeout 5m
    #[arg(long, value_name = "DUR", value_parser = duration::parse_positive)]
    pub timeout: Option<Duration>,
}

/// What lines look like.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// auto, text or json [default: auto]
    ///
    /// json: one object a line, the data byte for byte as the server sent it. text: for people, what
    /// could drive the terminal is escaped. auto: text on a terminal, else json. Default: auto.
    /// Example: -o text
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub format: OutputFormat,

    /// auto, always or never [default: auto]
    ///
    /// Colours in text. auto: on a terminal, unless NO_COLOR, CLICOLOR_FORCE or CLICOLOR say
    /// otherwise. Default: auto. Example: -o text --color always | less -R
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: ColorChoice,

    /// Add how long each operation took to arrive
    ///
    /// From the timestamp of the operation to its arrival, by the clock of this machine; negative
    /// where that is behind. For a state of a replication it is the age of the object. JSON gets
    /// "received" and "lag_ms", text ends in +0.116s. Default: off.
    #[arg(long)]
    pub lag: bool,
}

/// What is said on stderr.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Diagnostics")]
pub struct Diagnostics {
    /// Say nothing but fatal errors
    ///
    /// Default: lost connections, failed resumes and operations that could not be decoded are
    /// reported too.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more; -vv says even more
    ///
    /// -v: connections, where it resumes, when the position is saved. -vv: heartbeats, requests and
    /// response headers too, without their secrets. Default: off.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print a summary at the end
    ///
    /// Operations by event, first and last id, lag, reconnections, how many objects were fetched
    /// that replications had left out, what is unacknowledged, when the position was saved, elapsed
    /// time, on stderr; SUMMARY in the man page explains each. The lag is that of operations; the
    /// states of a replication have none. Its maximum is exact, median and 99th percentile are
    /// within a thousandth. With -o json it is one JSON object, the last line of stderr; also
    /// without -o where neither stdout nor stderr is a terminal. Default: off.
    #[arg(long)]
    pub stats: bool,
}

/// What happens when something goes wrong.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Failure")]
pub struct Failure {
    /// New tries after a failure [default: for ever]
    ///
    /// Counted afresh after each event or heartbeat; 0 gives up at once. The pause between tries doubles
    /// from 1 s to 30 s. The second connection of a repair is tried again for as long as the run
    /// goes on. Default: for ever. Example: --retries 5
    #[arg(long, value_name = "N", value_parser = from_zero::<u32>)]
    pub retries: Option<u32>,

    /// Longest to connect [default: 10s]
    ///
    /// Default: 10s. Example: --connect-timeout 2s
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        default_value = "10s",
        hide_default_value = true
    )]
    pub connect_timeout: Duration,

    /// Longest silence; 0 = any [default: 60s]
    ///
    /// A server that sends nothing for so long, no heartbeat either, counts as lost. Waiting for
    /// stdout or for acknowledgements does not count. Default: 60s. Example: --read-timeout 0
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse,
        default_value = "60s",
        hide_default_value = true
    )]
    pub read_timeout: Duration,

    /// skip or exit [default: skip]
    ///
    /// What to do with an operation that cannot be decoded: show it on stderr and skip it, or exit
    /// 1. Default: skip. Example: --on-invalid exit
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "skip",
        hide_default_value = true,
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub on_invalid: OnInvalid,
}
