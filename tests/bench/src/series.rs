//! One number per round.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The same measurement once per round. Ratios and differences are taken within each round, so that changes
/// of the machine's speed affect both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    rounds: Vec<f64>,
}

impl Series {
    /// A single measurement.
    pub fn once(value: f64) -> Self {
        Self { rounds: vec![value] }
    }

    /// Adds the value of the next round.
    pub fn push(&mut self, value: f64) {
        self.rounds.push(value);
    }

    /// The value of the last round, NaN if there is none.
    pub fn latest(&self) -> f64 {
        self.rounds.last().copied().unwrap_or(f64::NAN)
    }

    /// The mean of the two middle values for an even number of rounds, NaN for none.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The smallest value.
    pub fn least(&self) -> f64 {
        self.sorted().first().copied().unwrap_or(f64::NAN)
    }

    /// The largest value.
    pub fn most(&self) -> f64 {
        self.sorted().last().copied().unwrap_or(f64::NAN)
    }

    /// Number of rounds.
    pub fn len(&self) -> usize {
        self.rounds.len()
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// This series divided by `that`, round by round.
    pub fn over(&self, that: &Self) -> Self {
        self.with(that, |this, that| this / that)
    }

    /// This series minus `that`, round by round.
    pub fn above(&self, that: &Self) -> Self {
        self.with(that, |this, that| this - that)
    }

    fn with(&self, that: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        let rounds = self.rounds.iter().zip(&that.rounds).map(|(&this, &that)| of(this, that));
        rounds.collect()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(rounds: I) -> Self {
        Self { rounds: rounds.into_iter().collect() }
    }
}

/// Serializes the summary figures besides the rounds.
impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Series", 4)?;
        object.serialize_field("median", &self.median())?;
        object.serialize_field("least", &self.least())?;
        object.serialize_field("most", &self.most())?;
        object.serialize_field("rounds", &self.rounds)?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series<const N: usize>(rounds: [f64; N]) -> Series {
        rounds.into_iter().collect()
    }

    #[test]
    fn median_ignores_the_order() {
        assert_eq!(series([9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series([4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert!(series([]).median().is_nan());
    }

    #[test]
    fn spread_is_from_minimum_to_maximum() {
        let series = series([5.0, 3.0, 4.0]);
        assert_eq!((series.least(), series.most(), series.len()), (3.0, 5.0, 3));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let (fast, slow) = (series([100.0, 10.0, 60.0]), series([10.0, 1.0, 2.0]));
        assert_eq!(fast.over(&slow), series([10.0, 10.0, 30.0]));
        assert_eq!(fast.above(&slow).median(), 58.0);
    }
}
