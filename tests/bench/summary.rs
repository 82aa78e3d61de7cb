//! Medians, and how they are shown.

use std::fmt;

/// Several measurements of the same thing.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Of these values.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// One round's value over that of the same round, round by round.
    pub fn ratio(above: &[f64], below: &[f64]) -> Self {
        Self::new(above.iter().zip(below).map(|(a, b)| a / b).collect())
    }

    /// The value in the middle; NaN where there is none.
    pub fn median(&self) -> f64 {
        self.quantile(1, 2)
    }

    /// The value that `part` of `whole` are not above.
    pub fn quantile(&self, part: usize, whole: usize) -> f64 {
        let rank = (self.0.len() * part).div_ceil(whole).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(
            f,
            "{:.digits$} ({:.digits$}–{:.digits$})",
            self.median(),
            self.min(),
            self.max()
        )
    }
}

/// A figure and what it should be.
pub struct Target {
    /// What was measured.
    pub name: &'static str,
    /// The figure; `None` where it could not be measured.
    pub figure: Option<f64>,
    /// Whether a larger figure is a better one.
    pub more_is_better: bool,
    /// What it has to be.
    pub must: f64,
    /// What it should be.
    pub goal: Option<f64>,
    /// The unit.
    pub unit: &'static str,
}

impl Target {
    fn verdict(&self, limit: f64) -> &'static str {
        match self.figure {
            None => "missing",
            Some(figure) if self.more_is_better && figure >= limit => "met",
            Some(figure) if !self.more_is_better && figure <= limit => "met",
            Some(_) => "MISSED",
        }
    }

    /// A line of the table; without `judged`, no word on whether the target is met.
    pub fn print(&self, judged: bool) {
        let verdict = |limit| if judged { self.verdict(limit) } else { "" };
        let figure = self
            .figure
            .map_or_else(|| "–".into(), |figure| format!("{figure:.2}"));
        let must = format!("{} {}", self.must, verdict(self.must));
        let goal = self
            .goal
            .map_or_else(String::new, |goal| format!("{goal} {}", verdict(goal)));
        println!(
            "{:<46} {figure:>9} {:<7} must {must:<14} goal {goal}",
            self.name, self.unit
        );
    }
}
