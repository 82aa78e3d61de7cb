//! How late operations came, as a distribution.

use hdrhistogram::Histogram;
use serde::Serialize;

/// The distribution of lags, within one part in a thousand, their ends exactly; takes the same
/// memory however many there are. Clocks may disagree, so a lag can be negative; each sign has its
/// own histogram.
#[derive(Debug)]
pub(super) struct Lags {
    late: Histogram<u64>,
    early: Histogram<u64>,
    ends: Option<(i64, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LagSummary {
    pub(super) median: i64,
    pub(super) p99: i64,
    pub(super) max: i64,
}

impl Lags {
    /// `None` only if the histogram's bounds were wrong, which a test rules out.
    pub(super) fn new() -> Option<Self> {
        // Up to a hundred years in milliseconds; beyond is counted as that.
        let histogram = || Histogram::new_with_max(100 * 366 * 86_400_000, 3).ok();
        Some(Self {
            late: histogram()?,
            early: histogram()?,
            ends: None,
        })
    }

    /// How many were measured.
    pub(super) fn len(&self) -> u64 {
        self.early.len() + self.late.len()
    }

    pub(super) fn record(&mut self, lag_ms: i64) {
        let histogram = if lag_ms < 0 {
            &mut self.early
        } else {
            &mut self.late
        };
        histogram.saturating_record(lag_ms.unsigned_abs());
        let (least, most) = self.ends.unwrap_or((lag_ms, lag_ms));
        self.ends = Some((least.min(lag_ms), most.max(lag_ms)));
    }

    pub(super) fn summary(&self) -> Option<LagSummary> {
        let (min, max) = self.ends?;
        let count = self.len();
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        // The value that `percent` of all are not above; the most negative come first.
        let at = |percent: u64| {
            let rank = (count * percent).div_ceil(100).max(1);
            let early = self.early.len();
            let near = if rank <= early {
                -signed(nth(&self.early, early - rank + 1))
            } else {
                signed(nth(&self.late, rank - early))
            };
            // A histogram gives the end of the range that a value is in.
            near.clamp(min, max)
        };
        Some(LagSummary {
            median: at(50),
            p99: at(99),
            max,
        })
    }
}

/// The `rank`th smallest value recorded, from 1.
fn nth(histogram: &Histogram<u64>, rank: u64) -> u64 {
    #[allow(clippy::cast_precision_loss)] // a histogram within a thousandth needs no more
    let quantile = rank as f64 / histogram.len() as f64;
    histogram.value_at_quantile(quantile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lags(values: impl IntoIterator<Item = i64>) -> LagSummary {
        let mut lags = Lags::new().unwrap();
        values.into_iter().for_each(|lag| lags.record(lag));
        lags.summary().unwrap()
    }

    #[test]
    fn summarizes_lags_of_both_signs() {
        assert_eq!(
            lags(1..=100),
            LagSummary {
                median: 50,
                p99: 99,
                max: 100
            }
        );
        assert_eq!(
            lags([-30, -20, -10]),
            LagSummary {
                median: -20,
                p99: -10,
                max: -10
            }
        );
        assert_eq!(
            lags([-30, 5, 7]),
            LagSummary {
                median: 5,
                p99: 7,
                max: 7
            }
        );
        assert!(Lags::new().unwrap().summary().is_none());
    }

    #[test]
    fn no_figure_is_one_that_no_lag_had() {
        const HOUR_MS: i64 = 3_600_000;
        for lag in [-HOUR_MS, 48 * HOUR_MS, 587_120, 12_345_678] {
            let all = LagSummary {
                median: lag,
                p99: lag,
                max: lag,
            };
            assert_eq!(lags([lag; 3]), all);
        }
        let summary = lags((0..1000).map(|n| 172_800_000 + n));
        assert_eq!(summary.max, 172_800_999);
        assert!((172_800_000..=172_800_999).contains(&summary.median));
    }
}
