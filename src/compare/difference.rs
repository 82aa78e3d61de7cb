//! When two sides differ: the rule, for one object.

use serde::{Serialize, Serializer};

use super::moment::Moment;

/// What the server says about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// Nothing: it has never had the object, or no longer knows.
    Unknown,
    /// It has said something about the object that cannot be compared.
    Unreadable,
    /// It has the object, last changed at this moment.
    Live(Moment),
    /// The object was deleted at this moment.
    Deleted(Moment),
}

impl Server {
    /// When the object changed last, where the server has it.
    pub(super) fn live(self) -> Option<Moment> {
        match self {
            Self::Live(changed) => Some(changed),
            Self::Unknown | Self::Unreadable | Self::Deleted(_) => None,
        }
    }

    /// When the object changed or disappeared.
    fn changed(self) -> Option<Moment> {
        match self {
            Self::Unknown | Self::Unreadable => None,
            Self::Live(changed) | Self::Deleted(changed) => Some(changed),
        }
    }
}

/// How the dump differs from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The server has the object, the dump does not.
    Missing,
    /// The object of the dump is older than that of the server.
    Older,
    /// The object of the dump is newer than that of the server.
    Newer,
    /// The dump has the object, the server does not.
    Extra,
}

impl Difference {
    /// Every kind, in the order of the summary.
    pub(super) const ALL: [Self; 4] = [Self::Missing, Self::Older, Self::Newer, Self::Extra];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Older => "older",
            Self::Newer => "newer",
            Self::Extra => "extra",
        }
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a comparison of one object comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    /// The object changed or disappeared after the dump was made, so the dump cannot know.
    ChangedAfter,
    Differs(Difference),
}

/// Compares what the dump and the server say about one object. `newest` is the newest timestamp of
/// the whole dump; an empty dump has none, and then nothing is later.
///
/// | on the server | dump has it not | dump has it |
/// |---|---|---|
/// | unknown | same | extra |
/// | unreadable | same | same |
/// | live, changed up to `newest` | missing | older, same or newer |
/// | live, changed after `newest` | changed after | changed after |
/// | deleted up to `newest` | same | extra |
/// | deleted after `newest` | changed after | changed after |
pub(super) fn judge(dump: Option<Moment>, server: Server, newest: Option<Moment>) -> Verdict {
    if newest.is_some_and(|newest| server.changed().is_some_and(|changed| changed > newest)) {
        return Verdict::ChangedAfter;
    }
    if server == Server::Unreadable {
        return Verdict::Same;
    }
    match (dump, server.live()) {
        (None, Some(_)) => Verdict::Differs(Difference::Missing),
        (Some(_), None) => Verdict::Differs(Difference::Extra),
        (Some(dump), Some(live)) if dump < live => Verdict::Differs(Difference::Older),
        (Some(dump), Some(live)) if dump > live => Verdict::Differs(Difference::Newer),
        (Some(_), Some(_)) | (None, None) => Verdict::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the table, with moments just before, at and just after the newest one.
    #[test]
    fn every_combination() {
        use Difference::{Extra, Missing, Newer, Older};
        use Server::{Deleted, Live, Unknown, Unreadable};
        use Verdict::{ChangedAfter, Differs, Same};
        let at = |ms| Moment(ms);
        for (server, without, with_7) in [
            (Unknown, Same, Differs(Extra)),
            (Unreadable, Same, Same),
            (Live(at(6)), Differs(Missing), Differs(Newer)),
            (Live(at(7)), Differs(Missing), Same),
            (Live(at(8)), Differs(Missing), Differs(Older)),
            (Live(at(10)), Differs(Missing), Differs(Older)),
            (Live(at(11)), ChangedAfter, ChangedAfter),
            (Deleted(at(6)), Same, Differs(Extra)),
            (Deleted(at(7)), Same, Differs(Extra)),
            (Deleted(at(10)), Same, Differs(Extra)),
            (Deleted(at(11)), ChangedAfter, ChangedAfter),
        ] {
            let newest = Some(at(10));
            assert_eq!(judge(None, server, newest), without, "{server:?}");
            assert_eq!(judge(Some(at(7)), server, newest), with_7, "{server:?}");
        }
    }

    #[test]
    fn nothing_is_later_than_an_empty_dump() {
        let missing = Verdict::Differs(Difference::Missing);
        for (server, expected) in [
            (Server::Unknown, Verdict::Same),
            (Server::Live(Moment(i64::MAX)), missing),
            (Server::Deleted(Moment(i64::MAX)), Verdict::Same),
        ] {
            assert_eq!(judge(None, server, None), expected, "{server:?}");
        }
    }
}
