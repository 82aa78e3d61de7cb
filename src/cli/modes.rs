//! What is done instead of following the log.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// What is done instead of following the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Instead of following")]
pub struct Modes {
    /// Check every agent: connection, clock, lost operations
    ///
    /// Connects to every URL, looks at the state file and counts what waits after its position, or
    /// after that of --start-id or --since. Prints a record for each: text on a terminal, JSON
    /// lines elsewhere. Writes and locks nothing. Takes the flags of source, position and failure.
    /// Ends after --timeout at the latest, 30s by default. Exits 0 if a run would work, whatever
    /// the warnings, else with the status of the first problem. Default: off. Example: --check
    /// --state st
    #[arg(
        long,
        conflicts_with_all = [
            "ack", "max_in_flight", "count", "until_live", "until_complete", "until", "until_idle",
            "lag", "stats", "compare",
        ]
    )]
    pub check: bool,

    /// List what a dump lacks or has older than the server
    ///
    /// FILE is what oplog-sync takes; - is stdin. It holds one JSON object a line with timestamp,
    /// type and id, more keys are allowed; of an object that comes twice the later line counts. A
    /// byte order mark, line ends of Windows, blank lines and null, which jq .data makes of reset
    /// and live, are passed over. Any other line that cannot be read ends the run with 2 before
    /// anything is asked of the server. Prints one difference a line, ordered by type and id, and a
    /// summary on stderr. missing: the server has the object, the dump does not. older, newer: the
    /// timestamp in the dump is before, after that on the server. extra: the dump has the object,
    /// the server does not. What changed or disappeared on the server after the newest timestamp of
    /// the dump is no difference. --types and --parents apply to both sides. What a replication
    /// misses is fetched once another operation happens; where none comes within 10 seconds, or
    /// --timeout, it ends without and says so. Exits 8 where there are differences. Default: follow
    /// the log. Example: --compare dump.jsonl
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        conflicts_with_all = [
            "state_file", "start_id", "since", "allow_replication", "rewind", "exact_resume",
            "no_repair", "on_resume_failed", "ack", "max_in_flight", "count", "until_live",
            "until_complete", "until", "until_idle", "lag", "stats",
        ]
    )]
    pub compare: Option<PathBuf>,
}
