//! Chooses the backend of a call. The policies have janus-cloud's names (`core/backend_server.py`).
//!
//! [`nearest`] selects the backends in question, [`shortlist`] those whose number of calls has to be read,
//! and [`choose`] one of these. Random numbers are arguments.

use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `rr`: round robin, by each router for itself.
    RoundRobin,
    /// `rand`: a random one.
    Random,
    /// `lb`: the one with the fewest calls.
    LeastCalls,
    /// `wr`: a random one; a backend with half the calls is chosen twice as often.
    Weighted,
    /// `p2c`: of two random ones the one with fewer calls. Nearly as even as `lb`, and routers that choose at
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

/// Returns the index of the chosen backend in the shortlist; `calls` are the numbers of calls of its entries.
pub fn choose(policy: Policy, calls: &[u64], random: u64) -> usize {
    match policy {
        Policy::RoundRobin | Policy::Random => 0,
        Policy::LeastCalls => fewest(calls, below(random, calls.len().max(1))),
        Policy::TwoChoices => fewest(calls, 0),
        Policy::Weighted => weighted(calls, random),
    }
}

/// Returns the index with the fewest calls; among equals the first from `start` on.
fn fewest(calls: &[u64], start: usize) -> usize {
    let from_start = (0..calls.len()).map(|step| (start + step) % calls.len());
    from_start.min_by_key(|index| calls[*index]).unwrap_or(0)
}

fn weighted(calls: &[u64], random: u64) -> usize {
    let weights: Vec<f64> = calls.iter().map(|calls| 1.0 / (*calls).max(1) as f64).collect();
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
            let counts: Vec<u64> = list.iter().map(|index| calls[*index]).collect();
            calls[list[choose(policy, &counts, second)]] += 1;
        }
        calls
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
        assert_eq!(choose(Policy::Weighted, &[1, 1_000_000], u64::MAX / 2), 0);
        assert_eq!(choose(Policy::Weighted, &[1_000_000, 0], u64::MAX / 2), 1);
        assert_eq!(choose(Policy::Weighted, &[5, 5], u64::MAX), 1);
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
