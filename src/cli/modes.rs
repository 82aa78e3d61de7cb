//! The modes that do not follow the log: `--check` and `--compare`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// What is done instead of following the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Instead of following")]
pub struct Modes {
    /// Check every agent: connection, clock, lost operations
    ///
    /// Connects to every URL, reads the state file and counts the operations that wait after its
    /// position, or after that of --start-id or --since. Prints a record for each: text on a
    /// terminal, JSON lines elsewhere. Writes and locks nothing. Takes the flags of source, position
    /// and connection. Ends after --timeout at the latest, 30s by default. Exits 0 if a run would
    /// work, also with warnings; else with the status of the first problem. Default: off. Example: --check
    /// --state st
    #[arg(
        long,
        conflicts_with_all = [
            "ack", "max_in_flight", "count", "until_live", "until_complete", "until", "until_idle",
            "lag", "stats", "compare",
        ]
    )]
    pub check: bool,

    /// List how a dump of objects differs from the server
    ///
    /// FILE is a dump as oplog-sync takes it; - is stdin. Each line is a JSON object with timestamp,
    /// type and id; more keys are allowed. If an object comes twice, the later line counts. Blank
    /// lines and null (jq .data prints it for reset and live) are skipped. Any other line that
    /// cannot be read ends the run with status 2, before it connects. Prints one difference per
    /// line, ordered by type and id, and a summary on stderr. missing: the server has the object,
    /// the dump does not. older, newer: the timestamp in the dump is before or after that on the
    /// server. extra: the dump has the object, the server does not. Objects that changed or
    /// disappeared on the server after the newest timestamp of the dump do not count. --types
    /// and --parents apply to both sides. Objects that a replication misses are fetched once
    /// another operation comes. If none comes within 10 seconds (or --timeout), the comparison ends
    /// without them, and a message says so. If no object comes for a minute (or --timeout), it exits
    /// 7 and prints nothing. Exits 8 if there are differences. Default: follow the log. Example:
    /// --compare dump.jsonl
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
