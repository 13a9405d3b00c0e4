//! The results of a run.

use crate::Series;
use serde::Serialize;

/// The measurements of one run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Description of the machine and of the length of each measurement.
    pub about: String,
    /// The systems measured side by side.
    pub systems: Vec<System>,
    /// All other figures in the order of measurement.
    pub figures: Vec<Figure>,
    /// The targets.
    pub goals: Vec<Goal>,
}

/// One system between a client and a Janus.
#[derive(Clone, Debug, Serialize)]
pub struct System {
    /// Name of the system.
    pub name: &'static str,
    /// Number of pairs that called each other at the best throughput.
    pub pairs: usize,
    /// Best throughput in calls per second.
    pub rate: Series,
    /// From `call` to `incomingcall` with one pair, median, in milliseconds.
    pub ring: Series,
    /// The 99th percentile of the same.
    pub ring_late: Series,
}

/// A measured number.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The subject, which precedes the number in a table.
    pub of: String,
    /// What is measured.
    pub what: String,
    /// Unit, empty for a plain number.
    pub unit: &'static str,
    /// The measured values.
    pub measured: Series,
}

/// A measured number with a target.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What is measured.
    pub what: String,
    /// Unit, empty for a plain number.
    pub unit: &'static str,
    /// The measured values.
    pub measured: Series,
    /// The target.
    pub bound: Bound,
    /// Whether the median meets the target.
    pub met: bool,
}

/// The target of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This value or more.
    AtLeast(f64),
    /// This value or less.
    AtMost(f64),
    /// Less than this value.
    Below(f64),
}

impl Bound {
    /// NaN, from a missing measurement or a division by zero, meets no target.
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

    /// Adds a figure.
    pub fn figure(&mut self, of: &str, what: impl Into<String>, unit: &'static str, measured: Series) {
        self.figures.push(Figure { of: of.to_owned(), what: what.into(), unit, measured });
    }

    /// Adds a figure with a target.
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
    fn goal_is_met_at_its_bound() {
        assert!(met(20.0, Bound::AtLeast(20.0)) && !met(19.9, Bound::AtLeast(20.0)));
        assert!(met(1.0, Bound::AtMost(1.0)) && !met(1.1, Bound::AtMost(1.0)));
        assert!(met(1.9, Bound::Below(2.0)) && !met(2.0, Bound::Below(2.0)));
    }

    #[test]
    fn missing_measurement_misses_its_goal() {
        assert!(!met(f64::INFINITY, Bound::AtLeast(0.0)) && !met(f64::NAN, Bound::Below(9.0)));
    }
}
