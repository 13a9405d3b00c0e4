//! All that a run has to say.

use crate::Series;
use serde::Serialize;

/// What one run measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The machine, and how long each measurement was, in words.
    pub about: String,
    /// The systems that were measured side by side.
    pub systems: Vec<System>,
    /// Everything else, in the order in which it was measured.
    pub figures: Vec<Figure>,
    /// What was hoped for.
    pub goals: Vec<Goal>,
}

/// One way from a client to a Janus.
#[derive(Clone, Debug, Serialize)]
pub struct System {
    /// What it is.
    pub name: &'static str,
    /// How many pairs called each other at once when it was at its best.
    pub pairs: usize,
    /// Calls in a second, at its best.
    pub rate: Series,
    /// From `call` to `incomingcall`, at the median, with one pair; milliseconds.
    pub ring: Series,
    /// The same for the slowest call of a hundred.
    pub ring_late: Series,
}

/// A number that is worth knowing.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is of: the words before it in a table.
    pub of: String,
    /// What it is.
    pub what: String,
    /// What it is counted in; empty for a plain number.
    pub unit: &'static str,
    /// The number.
    pub measured: Series,
}

/// A number that is held against what was hoped for.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What it is.
    pub what: String,
    /// What it is counted in; empty for a plain number.
    pub unit: &'static str,
    /// The number.
    pub measured: Series,
    /// What was hoped for.
    pub bound: Bound,
    /// Whether the median is as hoped.
    pub met: bool,
}

/// Where a number should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

impl Bound {
    /// What was not measured, or divided by nothing, is as nobody hoped.
    fn holds(self, value: f64) -> bool {
        match self {
            _ if !value.is_finite() => false,
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Below(bound) => value < bound,
        }
    }
}

impl Report {
    /// The system of that name.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|system| system.name == name)
    }

    /// Adds a number.
    pub fn figure(&mut self, of: &str, what: impl Into<String>, unit: &'static str, measured: Series) {
        self.figures.push(Figure { of: of.to_owned(), what: what.into(), unit, measured });
    }

    /// Adds a number that is held against a bound.
    pub fn goal(&mut self, what: impl Into<String>, unit: &'static str, measured: Series, bound: Bound) {
        let met = bound.holds(measured.median());
        self.goals.push(Goal { what: what.into(), unit, measured, bound, met });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(measured: f64, bound: Bound) -> bool {
        let mut report = Report::default();
        report.goal("it", "", Series::once(measured), bound);
        report.goals[0].met
    }

    #[test]
    fn a_goal_is_met_at_its_bound_and_beyond() {
        assert!(met(20.0, Bound::AtLeast(20.0)) && !met(19.9, Bound::AtLeast(20.0)));
        assert!(met(1.0, Bound::AtMost(1.0)) && !met(1.1, Bound::AtMost(1.0)));
        assert!(met(1.9, Bound::Below(2.0)) && !met(2.0, Bound::Below(2.0)));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        assert!(!met(f64::INFINITY, Bound::AtLeast(0.0)) && !met(f64::NAN, Bound::Below(9.0)));
    }
}
