//! Everything that can be wrong with a state file, for the list of messages.

use std::time::Duration;

use super::StateError;
use super::holder::Holder;
use super::obstacle::{Cause, Problem};
use super::step::Step;
use crate::oplog::Position;

/// Every error.
pub(crate) fn all() -> Vec<StateError> {
    let path = || "st".into();
    let position = Position::Replication(1_415_271_879_041);
    let mut all = every!(StateError,
        StateError::Open { .. } => [],
        StateError::NotAFile(_) => [StateError::NotAFile(path())],
        StateError::Invalid { .. } => [
            StateError::Invalid { path: path(), content: "hello".into() },
        ],
        StateError::NoPosition { .. } => [
            StateError::NoPosition { path: path(), is_missing: true },
            StateError::NoPosition { path: path(), is_missing: false },
        ],
        StateError::InUse { .. } => [
            StateError::InUse { path: path(), holder: None },
            StateError::InUse { path: path(), holder: Some(Holder::new(4711, "oplog-tail")) },
        ],
        StateError::Save { .. } => [],
        StateError::TooSlow { .. } => [
            StateError::TooSlow { path: path(), position, patience: Duration::from_secs(30) },
        ],
        StateError::Replaced { .. } => [StateError::Replaced { path: path(), position }],
    );
    let open = |problem| StateError::Open {
        path: path(),
        problem,
    };
    let save = |problem| StateError::Save {
        path: path(),
        position,
        problem,
    };
    all.extend(
        steps()
            .into_iter()
            .map(|step| open(Problem::with_cause(step, None))),
    );
    let because = |cause| Problem::with_cause(Step::Write, Some(cause));
    all.extend(causes().into_iter().map(|cause| save(because(cause))));
    all
}

fn steps() -> Vec<Step> {
    every!(Step,
        Step::Open => [Step::Open],
        Step::Lock => [Step::Lock],
        Step::Create => [Step::Create],
        Step::Write => [Step::Write],
        Step::Replace => [Step::Replace],
        Step::Start => [Step::Start],
    )
}

fn causes() -> Vec<Cause> {
    use Cause::*;
    every!(Cause,
        NoFolder => [NoFolder],
        NotAFolder => [NotAFolder],
        FileForbidden => [FileForbidden],
        FolderForbidden => [FolderForbidden],
        FileMarked => [FileMarked],
        FolderMarked => [FolderMarked],
        OtherUsers => [OtherUsers],
        ReadOnly => [ReadOnly],
        MountPoint => [MountPoint],
        NoSpace => [NoSpace],
        QuotaReached => [QuotaReached],
        SizeLimit => [SizeLimit],
        DescriptorLimit => [DescriptorLimit],
        NoLocks => [NoLocks],
        NameTooLong => [NameTooLong],
        DiskBroken => [DiskBroken],
    )
}
