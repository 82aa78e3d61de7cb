//! How far the clock of an agent is from the one of this machine.

use std::time::Duration;

use serde::Serialize;

use super::findings::Findings;
use crate::duration::ForPeople;
use crate::http::{Exchange, date_of};

/// Clocks further apart than this are warned of. A run decides by times what may be missing, and
/// allows for little more.
const APART_MS: i64 = 3000;

/// How far the clock of an agent is from the one of this machine.
///
/// A `Date` has whole seconds and is written at some time between the request and the answer. So
/// the offset is a range, and only what holds for all of it is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Offset {
    /// The `Date` minus the clock of this machine in the middle between request and answer, ms.
    pub ms: i64,
    /// Half of the time between request and answer, ms.
    #[serde(skip)]
    pub margin_ms: i64,
}

impl Offset {
    /// The offset of the clock that dated this answer.
    pub(super) fn of(exchange: &Exchange) -> Option<Self> {
        let (date, passage) = (date_of(&exchange.answer)?, exchange.passage.as_ref()?);
        let margin_ms = i64::try_from(passage.answered_in.as_millis() / 2).ok()?;
        let middle_ms = passage.answered_at.as_millisecond() - margin_ms;
        Some(Self {
            ms: date.as_millisecond() - middle_ms,
            margin_ms,
        })
    }

    /// The range in which the real offset lies, ms.
    fn range_ms(self) -> (i64, i64) {
        (self.ms - self.margin_ms, self.ms + 1000 + self.margin_ms)
    }

    /// How far it is certainly from the clock of this machine, ms.
    fn least_ms(self) -> i64 {
        distance(self.range_ms(), (0, 0))
    }

    /// How far this clock and another are apart, if that is certainly too much. `None` too if one of
    /// them agrees with this machine and the other does not: the warning about that one says enough.
    pub(super) fn apart(self, other: Self) -> Option<ForPeople> {
        let misleads = |offset: Self| offset.least_ms() > APART_MS;
        let is_apart = distance(self.range_ms(), other.range_ms()) > APART_MS;
        (is_apart && misleads(self) == misleads(other)).then(|| whole_seconds(self.ms - other.ms))
    }

    /// Says what it means.
    pub(super) fn judge(self, findings: &mut Findings) {
        if self.least_ms() == 0 {
            return findings.fine("its clock agrees with the one of this machine");
        }
        let middle_ms = self.ms + 500;
        let about = whole_seconds(middle_ms);
        let side = if middle_ms > 0 { "ahead of" } else { "behind" };
        let apart = format!("its clock is about {about} {side} the one of this machine");
        if self.least_ms() <= APART_MS {
            return findings.fine(apart);
        }
        findings.warn(format!(
            "{apart}: ages and delays are wrong by that much; set both clocks (a proxy before it \
             may have written the date)"
        ));
    }
}

/// How far two ranges are apart.
fn distance((low, high): (i64, i64), (other_low, other_high): (i64, i64)) -> i64 {
    (low - other_high).max(other_low - high).max(0)
}

/// Milliseconds as people read them, rounded and without a sign.
fn whole_seconds(ms: i64) -> ForPeople {
    ForPeople(Duration::from_secs((ms.unsigned_abs() + 500) / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_warned_of_when_they_are_certainly_apart() {
        for (ms, margin_ms, words) in [
            (-999, 5, None),
            (2999, 0, None),
            (3001, 0, Some("about 4 s ahead of")),
            (3001, 2, None),
            (-3999, 0, None),
            (-4001, 0, Some("4 s behind")),
            (3_600_000, 0, Some("1 h ahead of")),
            (-60_600, 0, Some("about 1 min behind")),
        ] {
            let mut findings = Findings::default();
            Offset { ms, margin_ms }.judge(&mut findings);
            let warnings = findings.warnings;
            assert_eq!(warnings.len(), usize::from(words.is_some()), "{ms}");
            assert!(
                words.is_none_or(|words| warnings[0].contains(words)),
                "{ms}"
            );
        }
    }

    #[test]
    fn clocks_of_agents_are_compared_too() {
        let at = |ms| Offset { ms, margin_ms: 0 };
        let apart = |ms, other| at(ms).apart(at(other)).map(|apart| apart.to_string());
        assert_eq!(apart(1400, -2500), None);
        assert_eq!(apart(2000, -2500).as_deref(), Some("5 s"));
        assert_eq!(apart(5000, -5000).as_deref(), Some("10 s"));
        // Each of these is as far from this machine as the other.
        assert_eq!(apart(3_600_000, 3_601_000), None);
        // What is said of the first tells it.
        assert_eq!(apart(-60_000, 0), None);
    }
}
