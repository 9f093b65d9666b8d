//! What many measurements come to.

use std::fmt::{self, Display};

/// A mean, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// The standard error of the mean; 0 of a single value.
    pub error: f64,
}

impl Spread {
    /// Of values; none if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = mean(values)?;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = if values.len() > 1 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
        Some(Spread { mean, error })
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ± {:.3}", self.mean, self.error)
    }
}

/// The mean of values; none if there are none.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The value that a share of all values, 0..1, is not above; none if there are none.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied()
}

/// The share of answers that are yes; none if there are none.
pub fn share(answers: impl IntoIterator<Item = bool>) -> Option<f64> {
    let answers: Vec<f64> = answers.into_iter().map(f64::from).collect();
    mean(&answers)
}

/// How often a curve that begins above 0 changes its sign; where it is 0 it has none. One that begins below goes the wrong way, and does
/// not count: 0.
pub fn crossings(curve: &[f64]) -> usize {
    let signs: Vec<bool> = curve.iter().filter(|value| **value != 0.0).map(|value| *value > 0.0).collect();
    let changes = signs.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if signs.first() == Some(&true) { changes } else { 0 }
}

/// How a curve rises, each of its places measured with the same people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise {
    /// The place from which on it is saturated: the first one that lies below the highest place by no more than the standard error of
    /// this difference.
    pub saturated: usize,
    /// Whether it rises, and with every step up to there.
    pub is_monotone: bool,
    /// Whether a later place lies below the highest by more than that.
    pub falls_again: bool,
}

impl Rise {
    /// Of a curve: for each place the values of all people, as many for each; none if nothing was measured.
    pub fn of(curve: &[Vec<f64>]) -> Option<Self> {
        let means = curve.iter().map(|values| mean(values)).collect::<Option<Vec<f64>>>()?;
        let highest = (0..means.len()).max_by(|a, b| means[*a].total_cmp(&means[*b]))?;
        let is_level = |place: usize| {
            let below: Vec<f64> = curve[highest].iter().zip(&curve[place]).map(|(high, low)| high - low).collect();
            Spread::of(&below).is_some_and(|below| below.mean <= below.error)
        };
        let saturated = (0..means.len()).find(|place| is_level(*place))?;
        let is_monotone = saturated > 0 && means[..=saturated].windows(2).all(|pair| pair[0] < pair[1]);
        Some(Rise { saturated, is_monotone, falls_again: !(saturated..means.len()).all(is_level) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_know_how_sure_they_are() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[2.0]), Some(Spread { mean: 2.0, error: 0.0 }));
        // The deviation of 1 and 3 is the root of 2, by the root of 2 values.
        assert_eq!(Spread::of(&[1.0, 3.0]), Some(Spread { mean: 2.0, error: 1.0 }));
        assert_eq!(Spread { mean: 0.71239, error: 0.01 }.to_string(), "0.712 ± 0.010");
    }

    #[test]
    fn quantiles_are_values() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!([0.0, 0.05, 0.5, 0.95, 1.0].map(|q| quantile(&values, q).unwrap()), [1.0, 1.0, 10.0, 19.0, 20.0]);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn shares() {
        assert_eq!(share([true, false, true, true]), Some(0.75));
        assert_eq!(share([]), None);
    }

    #[test]
    fn curves_cross_where_the_sign_changes() {
        assert_eq!(crossings(&[0.5, 0.2, -0.1, -0.4]), 1);
        assert_eq!(crossings(&[0.5, 0.0, -0.1]), 1);
        assert_eq!(crossings(&[0.5, 0.0, 0.1]), 0);
        assert_eq!(crossings(&[0.5, -0.1, 0.1, -0.4]), 3);
        assert_eq!(crossings(&[0.5, -0.1, 0.1]), 2);
        // From below, which is the wrong way.
        assert_eq!([crossings(&[-0.5, 0.4]), crossings(&[-0.5, 0.1, -0.4]), crossings(&[0.0, -0.1, 0.4])], [0; 3]);
        assert_eq!(crossings(&[]), 0);
    }

    #[test]
    fn a_curve_rises_until_it_is_saturated() {
        // Two people, who differ by the same at every place: differences are certain.
        let curve = |values: [f64; 4]| Rise::of(&values.map(|value| vec![value, value + 0.1])).unwrap();
        let rise = curve([0.1, 0.4, 0.7, 0.7]);
        assert_eq!(rise, Rise { saturated: 2, is_monotone: true, falls_again: false });
        assert_eq!(curve([0.1, 0.4, 0.7, 0.6]), Rise { falls_again: true, ..rise });
        assert!(!curve([0.4, 0.1, 0.7, 0.7]).is_monotone);
        // Nothing rises where all is level.
        assert_eq!(curve([0.3; 4]), Rise { saturated: 0, is_monotone: false, falls_again: false });
        // A step that one half of the people takes and the other half takes back is none.
        let noisy = Rise::of(&[vec![0.1, 0.1], vec![0.5, 0.5], vec![0.61, 0.4]]).unwrap();
        assert_eq!(noisy, Rise { saturated: 1, is_monotone: true, falls_again: false });
        assert_eq!(Rise::of(&[vec![], vec![]]), None);
    }
}
