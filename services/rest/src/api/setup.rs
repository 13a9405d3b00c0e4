//! How long it takes until a call rings, and each step of that, as the ringing lines of the log `calls` tell it
//! in microseconds. Pure. A line that does not tell every step, as of a call that another connector took
//! over, is passed over.

use serde::Serialize;

/// The steps in their order, as the lines name them.
const STEPS: [&str; 5] = ["queue_us", "directory_us", "place_us", "attach_us", "ring_us"];

/// From the caller's request until both sides were told, in milliseconds.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct SetupTime {
    #[serde(flatten)]
    all: Percentiles,
    /// Of how many calls.
    count: u64,
}

/// Each step of it, in milliseconds.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct StepTimes {
    queue: Percentiles,
    directory: Percentiles,
    place: Percentiles,
    attach: Percentiles,
    ring: Percentiles,
}

/// Half took no longer than the one, 99 of 100 no longer than the other.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Percentiles {
    p50: Option<f64>,
    p99: Option<f64>,
}

/// What the lines tell, in microseconds.
#[derive(Default)]
pub(super) struct SetupSamples(Vec<[u64; STEPS.len()]>);

impl SetupSamples {
    /// Adds a line, if it tells all.
    pub fn add(&mut self, field: impl Fn(&str) -> Option<u64>) {
        let mut times = [0; STEPS.len()];
        for (time, step) in times.iter_mut().zip(STEPS) {
            let Some(told) = field(step) else { return };
            *time = told;
        }
        self.0.push(times);
    }

    /// What they come to.
    pub fn summarize(&self) -> (SetupTime, StepTimes) {
        let all = self.0.iter().map(|times| times.iter().fold(0, |sum: u64, one| sum.saturating_add(*one)));
        let step = |number: usize| percentiles(self.0.iter().map(|times| times[number]).collect());
        let steps =
            StepTimes { queue: step(0), directory: step(1), place: step(2), attach: step(3), ring: step(4) };
        (SetupTime { all: percentiles(all.collect()), count: self.0.len() as u64 }, steps)
    }
}

fn percentiles(mut micros: Vec<u64>) -> Percentiles {
    micros.sort_unstable();
    let of = |percent: usize| {
        let rank = (micros.len() * percent).div_ceil(100).max(1);
        micros.get(rank - 1).map(|micros| *micros as f64 / 1e3)
    };
    Percentiles { p50: of(50), p99: of(99) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(p50: f64, p99: f64) -> Percentiles {
        Percentiles { p50: Some(p50), p99: Some(p99) }
    }

    #[test]
    fn half_and_ninety_nine_of_a_hundred_took_no_longer() {
        assert_eq!(percentiles(vec![]), Percentiles::default());
        assert_eq!(percentiles(vec![7_000]), of(7.0, 7.0));
        assert_eq!(percentiles(vec![2_000, 1_000]), of(1.0, 2.0));
        assert_eq!(percentiles((1..=100).rev().map(|it| it * 1_000).collect()), of(50.0, 99.0));
        assert_eq!(percentiles((1..=101).map(|it| it * 1_000).collect()), of(51.0, 100.0));
    }

    #[test]
    fn lines_that_tell_every_step_are_summed_up() {
        let mut times = SetupSamples::default();
        assert_eq!(times.summarize(), (SetupTime::default(), StepTimes::default()));
        times.add(|_| Some(1_500));
        times.add(|step| (step != "ring_us").then_some(9));
        times.add(|step| step.starts_with("attach").then_some(9));
        let (setup, steps) = times.summarize();
        assert_eq!(setup, SetupTime { all: of(7.5, 7.5), count: 1 });
        assert_eq!((steps.queue, steps.ring), (of(1.5, 1.5), of(1.5, 1.5)));
        times.add(|_| Some(u64::MAX));
        assert_eq!(times.summarize().0.count, 2);
    }
}
