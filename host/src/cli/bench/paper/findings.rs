//! What an experiment has found out, as it is kept in `paper.json`.

use super::statistics::Spread;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that an experiment gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// What was aimed at, and what was reached.
    pub bars: Vec<Bar>,
    pub tables: Vec<Table>,
    /// What else is to be said, a paragraph each.
    pub remarks: Vec<String>,
    /// What the contact sheet shows, if there is one.
    pub sheet: Option<String>,
    /// What was measured of each person, by name; null where there was nothing to measure.
    pub values: BTreeMap<String, Vec<Option<f64>>>,
    /// Pictures that were made.
    pub pictures: usize,
    pub seconds: f64,
}

/// A figure that must be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bar {
    pub what: String,
    pub wanted: String,
    /// In words, as `wanted`.
    pub got: String,
    /// As a number; null if nothing could be measured.
    pub value: Option<f64>,
    /// Null if it is not decided: those who judge miss the figure on the world's own pictures.
    pub is_reached: Option<bool>,
    /// What the world's own pictures come to in the same judgement, which is the most that can be expected; null if there are none.
    pub ceiling: Option<String>,
}

/// How a figure is written.
#[derive(Clone, Copy)]
pub enum As {
    Number,
    /// Of a share, 0..1.
    Percent,
    /// A whole number.
    Count,
}

impl As {
    fn write(self, value: f64) -> String {
        match self {
            As::Number => format!("{value:.3}"),
            As::Percent => format!("{:.1} %", value * 100.0),
            As::Count => format!("{value:.0}"),
        }
    }
}

impl Bar {
    pub fn at_least(what: &str, value: Option<f64>, bar: f64, unit: As) -> Self {
        Self::new(what, format!("at least {}", unit.write(bar)), value, unit, |value| value >= bar)
    }

    pub fn at_most(what: &str, value: Option<f64>, bar: f64, unit: As) -> Self {
        Self::new(what, format!("at most {}", unit.write(bar)), value, unit, |value| value <= bar)
    }

    pub fn exactly(what: &str, value: Option<f64>, bar: f64, unit: As) -> Self {
        Self::new(what, unit.write(bar), value, unit, |value| value == bar)
    }

    fn new(what: &str, wanted: String, value: Option<f64>, unit: As, is_enough: impl Fn(f64) -> bool) -> Self {
        let (got, is_reached) = (shown(value, unit), Some(value.is_some_and(is_enough)));
        Bar { what: what.to_owned(), wanted, got, value, is_reached, ceiling: None }
    }

    /// The figure beside the same of the world's own pictures. Where those miss it, those who judge are not fit to, and nothing is decided.
    pub fn below(self, ceiling: Bar) -> Self {
        let is_reached = self.is_reached.filter(|_| ceiling.is_reached == Some(true));
        Bar { is_reached, ceiling: Some(ceiling.got), ..self }
    }

    /// What is said of it.
    pub fn verdict(&self) -> String {
        match (self.is_reached, &self.ceiling) {
            (Some(true), _) => "reached".to_owned(),
            (Some(false), _) => "missed".to_owned(),
            (None, ceiling) => {
                let ceiling = ceiling.as_deref().unwrap_or("-");
                format!("not decided: the judge gives {} here, and {ceiling} for what the world itself draws", self.got)
            }
        }
    }
}

/// Rows below a row of headings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<S: ToString>(head: impl IntoIterator<Item = S>) -> Self {
        Table { head: head.into_iter().map(|text| text.to_string()).collect(), rows: Vec::new() }
    }

    pub fn add(&mut self, what: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push(std::iter::once(what.to_owned()).chain(cells).collect());
    }
}

/// A figure as it stands in a table.
pub fn shown(value: Option<f64>, unit: As) -> String {
    value.map_or("-".to_owned(), |value| unit.write(value))
}

/// A mean of values with its standard error, as it stands in a table.
pub fn spread(values: &[f64]) -> String {
    Spread::of(values).map_or("-".to_owned(), |spread| spread.to_string())
}

/// One of the things that were measured of each person; none where it, or all of them, could not be.
pub fn of_each<T, V>(rows: &[Option<T>], value: impl Fn(&T) -> Option<V>) -> Vec<Option<V>> {
    rows.iter().map(|row| row.as_ref().and_then(&value)).collect()
}

/// Values where something was measured.
pub fn known(values: &[Option<f64>]) -> Vec<f64> {
    values.iter().flatten().copied().collect()
}

/// All values, with another one where nothing could be measured: for a figure that must be reached, the worst one.
pub fn or(values: &[Option<f64>], missing: f64) -> Vec<f64> {
    values.iter().map(|value| value.unwrap_or(missing)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_reached_or_missed() {
        let bar = Bar::at_least("cosine", Some(0.6), 0.6, As::Number);
        assert_eq!((&*bar.wanted, &*bar.got, &*bar.verdict()), ("at least 0.600", "0.600", "reached"));
        assert_eq!(Bar::at_most("error", Some(0.051), 0.05, As::Percent).is_reached, Some(false));
        let nothing = Bar::at_most("error", None, 0.05, As::Percent);
        assert_eq!((&*nothing.wanted, &*nothing.got, &*nothing.verdict()), ("at most 5.0 %", "-", "missed"));
        assert_eq!(Bar::exactly("crossings", Some(1.0), 1.0, As::Count).is_reached, Some(true));
    }

    #[test]
    fn a_judge_who_is_not_fit_decides_nothing() {
        let cosine = |value| Bar::at_least("cosine", value, 0.6, As::Number);
        let fit = cosine(Some(0.5)).below(cosine(Some(0.7)));
        assert_eq!((fit.is_reached, fit.ceiling.as_deref()), (Some(false), Some("0.700")));
        assert_eq!(cosine(Some(0.6)).below(cosine(Some(0.7))).is_reached, Some(true));
        for value in [0.5, 0.7] {
            let unfit = cosine(Some(value)).below(cosine(Some(0.55)));
            let verdict =
                format!("not decided: the judge gives {value:.3} here, and 0.550 for what the world itself draws");
            assert_eq!((unfit.is_reached, unfit.verdict()), (None, verdict));
        }
        assert_eq!(cosine(Some(0.7)).below(cosine(None)).is_reached, None);
    }

    #[test]
    fn what_is_missing_counts_or_does_not() {
        let values = [Some(0.8), None];
        assert_eq!((known(&values), or(&values, 0.0)), (vec![0.8], vec![0.8, 0.0]));
        assert_eq!((spread(&known(&values)), shown(None, As::Number)), ("0.800 ± 0.000".to_owned(), "-".to_owned()));
    }
}
