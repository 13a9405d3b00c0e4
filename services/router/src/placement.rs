//! Chooses the backend of a call. The policies have janus-cloud's names (`core/backend_server.py`).
//!
//! [`nearest`] selects the backends in question, [`shortlist`] those whose number of calls has to be read,
//! and [`choose`] one of these. Random numbers are arguments.
//!
//! A backend that fails at once has few calls. So `lb` and `p2c` choose a backend on which calls fail only if
//! they fail on the others too, and a slow one counts as if it had more calls. For `wr` both weigh less.

use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `rr`: round robin, by each router for itself.
    RoundRobin,
    /// `rand`: a random one.
    Random,
    /// `lb`: the one with the least load.
    LeastCalls,
    /// `wr`: a random one; a backend with half the calls is chosen twice as often.
    Weighted,
    /// `p2c`: of two random ones the one with less load. Nearly as even as `lb`, and routers that choose at
    /// the same moment do not all choose the same one.
    TwoChoices,
}

#[derive(Debug, thiserror::Error)]
#[error("expected one of rr, rand, lb, wr, p2c")]
pub struct UnknownPolicy;

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            "rr" => Ok(Self::RoundRobin),
            "rand" => Ok(Self::Random),
            "lb" => Ok(Self::LeastCalls),
            "wr" => Ok(Self::Weighted),
            "p2c" => Ok(Self::TwoChoices),
            _ => Err(UnknownPolicy),
        }
    }
}

/// Returns the indices of the backends that are nearest to `from`; all places are pairs of location and ISP.
/// These are the backends with the same location and ISP, or else with the same location, or else all. An
/// empty text in `from` matches every backend.
pub fn nearest(from: (&str, &str), backends: &[(&str, &str)]) -> Vec<usize> {
    let matches = |wanted: &str, offered: &str| wanted.is_empty() || wanted == offered;
    let all = || 0..backends.len();
    let in_location: Vec<usize> = all().filter(|index| matches(from.0, backends[*index].0)).collect();
    let with_isp = in_location.iter().copied().filter(|index| matches(from.1, backends[*index].1));
    let in_both: Vec<usize> = with_isp.collect();
    if !in_both.is_empty() {
        in_both
    } else if !in_location.is_empty() {
        in_location
    } else {
        all().collect()
    }
}

/// Returns the indices, below `count`, of the backends to choose from; `turn` counts the choices of this
/// router.
pub fn shortlist(policy: Policy, count: usize, turn: usize, random: u64) -> Vec<usize> {
    match (policy, count) {
        (_, 0) => Vec::new(),
        (Policy::RoundRobin, _) => vec![turn % count],
        (Policy::Random, _) | (Policy::TwoChoices, 1) => vec![below(random, count)],
        (Policy::LeastCalls | Policy::Weighted, _) => (0..count).collect(),
        (Policy::TwoChoices, _) => {
            let first = below(random, count);
            let step = 1 + below(random >> 32, count - 1);
            vec![first, (first + step) % count]
        }
    }
}

/// From this percentage of failed clients on, a backend is chosen only among its like.
const FAILING_PERCENT: u8 = 30;
/// Setups that take less than this many milliseconds count as equally fast.
const FAST_SETUP_MS: u64 = 50;
/// How much less a failing backend weighs for `wr`.
const FAILING_WEIGHT: f64 = 0.1;

/// What a choice depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    pub calls: u64,
    /// How many of a hundred clients were not served at their last call, recently.
    pub failed_percent: u8,
    /// The usual time of a call's setup, in milliseconds; 0 where unknown.
    pub setup_ms: u64,
}

impl Load {
    fn is_failing(self) -> bool {
        self.failed_percent >= FAILING_PERCENT
    }

    /// How much it has to do: failing ones have more than others.
    fn cost(self) -> (bool, u64) {
        (self.is_failing(), (self.calls + 1).saturating_mul(self.setup_ms.max(FAST_SETUP_MS)))
    }

    fn weight(self) -> f64 {
        let slowness = self.setup_ms.max(FAST_SETUP_MS) as f64 / FAST_SETUP_MS as f64;
        let weight = 1.0 / (self.calls.max(1) as f64 * slowness);
        if self.is_failing() { weight * FAILING_WEIGHT } else { weight }
    }
}

/// Returns the index of the chosen backend in the shortlist, whose entries have these loads.
pub fn choose(policy: Policy, loads: &[Load], random: u64) -> usize {
    match policy {
        Policy::RoundRobin | Policy::Random => 0,
        Policy::LeastCalls => least(loads, below(random, loads.len().max(1))),
        Policy::TwoChoices => least(loads, 0),
        Policy::Weighted => weighted(loads, random),
    }
}

/// Returns the index with the least load; among equals the first from `start` on.
fn least(loads: &[Load], start: usize) -> usize {
    let from_start = (0..loads.len()).map(|step| (start + step) % loads.len());
    from_start.min_by_key(|index| loads[*index].cost()).unwrap_or(0)
}

fn weighted(loads: &[Load], random: u64) -> usize {
    let weights: Vec<f64> = loads.iter().map(|load| load.weight()).collect();
    let mut remaining = weights.iter().sum::<f64>() * (random as f64 / u64::MAX as f64);
    for (index, weight) in weights.iter().enumerate() {
        remaining -= weight;
        if remaining < 0.0 {
            return index;
        }
    }
    weights.len().saturating_sub(1)
}

fn below(random: u64, count: usize) -> usize {
    (random % count as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::entropy;

    /// Places `total` calls that never end, and returns the number on each backend.
    fn spread(policy: Policy, backends: usize, total: usize) -> Vec<u64> {
        let mut calls = vec![0; backends];
        for turn in 0..total {
            let (first, second) = (entropy::random_u64(), entropy::random_u64());
            let list = shortlist(policy, backends, turn, first);
            let loads = loads(list.iter().map(|index| calls[*index]));
            calls[list[choose(policy, &loads, second)]] += 1;
        }
        calls
    }

    fn loads(calls: impl IntoIterator<Item = u64>) -> Vec<Load> {
        calls.into_iter().map(|calls| Load { calls, ..Load::default() }).collect()
    }

    fn widest_gap(calls: &[u64]) -> u64 {
        calls.iter().max().unwrap() - calls.iter().min().unwrap()
    }

    #[test]
    fn round_robin_and_least_calls_are_even() {
        assert!(widest_gap(&spread(Policy::RoundRobin, 7, 700)) == 0);
        assert!(widest_gap(&spread(Policy::LeastCalls, 7, 700)) == 0);
    }

    #[test]
    fn two_choices_are_nearly_even() {
        assert!(widest_gap(&spread(Policy::TwoChoices, 10, 10_000)) <= 20);
    }

    #[test]
    fn two_choices_are_distinct() {
        for random in [0, 1, u64::MAX, 1 << 32, 0xdead_beef_dead_beef] {
            for count in 2..6 {
                let list = shortlist(Policy::TwoChoices, count, 0, random);
                assert!(list[0] != list[1] && list.iter().all(|index| *index < count), "{list:?}");
            }
        }
    }

    #[test]
    fn random_policies_use_every_backend() {
        assert!(spread(Policy::Random, 5, 2_000).iter().all(|calls| *calls > 200));
        assert!(spread(Policy::Weighted, 5, 2_000).iter().all(|calls| *calls > 200));
    }

    #[test]
    fn weight_is_inverse_to_calls() {
        assert_eq!(choose(Policy::Weighted, &loads([1, 1_000_000]), u64::MAX / 2), 0);
        assert_eq!(choose(Policy::Weighted, &loads([1_000_000, 0]), u64::MAX / 2), 1);
        assert_eq!(choose(Policy::Weighted, &loads([5, 5]), u64::MAX), 1);
    }

    #[test]
    fn idle_backend_that_fails_is_not_preferred() {
        let failing = Load { failed_percent: 33, ..Load::default() };
        let busy = Load { calls: 1_000, ..Load::default() };
        for policy in [Policy::LeastCalls, Policy::TwoChoices] {
            for random in 0..10 {
                assert_eq!(choose(policy, &[failing, busy], random), 1, "{policy:?}");
                assert_eq!(choose(policy, &[busy, failing], random), 0, "{policy:?}");
            }
            let worse = Load { failed_percent: 100, calls: 9, ..Load::default() };
            assert_eq!(choose(policy, &[worse, failing], 0), 1, "all fail: {policy:?}");
        }
        let equally_busy = Load { calls: 1_000, ..failing };
        assert_eq!(choose(Policy::Weighted, &[equally_busy, busy], u64::MAX / 5), 1);
    }

    #[test]
    fn slow_backend_gets_fewer_calls() {
        let slow = Load { calls: 10, setup_ms: 200, ..Load::default() };
        let fast = Load { calls: 30, setup_ms: 4, ..Load::default() };
        assert_eq!(choose(Policy::TwoChoices, &[slow, fast], 0), 1);
        assert_eq!(choose(Policy::TwoChoices, &[slow, Load { calls: 50, ..fast }], 0), 0);
        let nearly_as_fast = Load { calls: 29, setup_ms: 40, ..Load::default() };
        assert_eq!(choose(Policy::TwoChoices, &[fast, nearly_as_fast], 0), 1, "the calls decide");
    }

    #[test]
    fn nearest_prefers_location_and_isp_then_location() {
        let backends = [("berlin", "x"), ("berlin", "y"), ("paris", "x"), ("", "")];
        for (from, near) in [
            (("berlin", "x"), &[0][..]),
            (("berlin", "z"), &[0, 1]),
            (("berlin", ""), &[0, 1]),
            (("paris", "y"), &[2]),
            (("rome", "x"), &[0, 1, 2, 3]),
            (("", "x"), &[0, 2]),
            (("", "z"), &[0, 1, 2, 3]),
            (("", ""), &[0, 1, 2, 3]),
        ] {
            assert_eq!(nearest(from, &backends), near, "{from:?}");
        }
        assert_eq!(nearest(("berlin", "x"), &[]), [0; 0]);
    }

    #[test]
    fn shortlist_is_empty_without_backends() {
        assert!(shortlist(Policy::TwoChoices, 0, 3, 9).is_empty());
        assert_eq!(shortlist(Policy::TwoChoices, 1, 3, 9), [0]);
    }

    #[test]
    fn policies_have_the_names_of_janus_cloud() {
        assert_eq!("lb".parse::<Policy>().unwrap(), Policy::LeastCalls);
        assert!("best".parse::<Policy>().is_err());
    }
}
