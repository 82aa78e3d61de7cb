//! Everything that can be wrong with a state file, for the list of messages.

use std::path::Path;
use std::time::Duration;

use super::StateError;
use super::error::Reason;
use super::holder::Holder;
use super::obstacle::{Cause, Problem};
use super::step::Step;
use crate::oplog::Position;

/// Every error.
pub(crate) fn all() -> Vec<StateError> {
    let position = Position::Replication(1_415_271_879_041);
    let program = Some("oplog-tail".to_owned());
    let mut all = every!(Reason:
        Step => [],
        NotAFile,
        Invalid => [Reason::Invalid("hello".into())],
        NoPosition => [true, false].map(|is_missing| Reason::NoPosition { is_missing }),
        InUse => [
            Reason::InUse(Holder::Unnamed),
            Reason::InUse(Holder::Process { pid: 4711, program }),
        ],
        Save => [],
        TooSlow => [
            Reason::TooSlow { position, patience: Duration::from_secs(30) },
        ],
        Replaced => [Reason::Replaced(position)],
    );
    let steps = every!(Step: Open, Lock, Create, Write, Replace, Start).into_iter();
    all.extend(steps.map(|step| Reason::Step(Problem::with_cause(step, None))));
    let causes = every!(Cause:
        NoFolder, NotAFolder, FileForbidden, FolderForbidden, FileMarked, FolderMarked,
        OtherUsers, ReadOnly, MountPoint, NoSpace, QuotaReached, SizeLimit, DescriptorLimit,
        NoLocks, NameTooLong, DiskBroken,
    );
    let because = |cause| Problem::with_cause(Step::Write, Some(cause));
    let causes = causes.into_iter().map(because);
    all.extend(causes.map(|problem| Reason::Save(position, problem)));
    let with_name = |reason: Reason| reason.with(Path::new("st"));
    all.into_iter().map(with_name).collect()
}
