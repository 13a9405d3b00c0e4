//! Which backend a call goes to: pure, by janus-cloud's names (`core/backend_server.py`).
//!
//! First [`nearest`] says which come into question, then [`shortlist`] says whose number of calls has to be looked up, then [`choose`] picks one of
//! those. Chance comes in as an argument.

use std::str::FromStr;

/// How a backend is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `rr`: one after the other, by each router for itself.
    RoundRobin,
    /// `rand`: any.
    Random,
    /// `lb`: the one with the fewest calls.
    LeastCalls,
    /// `wr`: any, one with half the calls twice as often.
    Weighted,
    /// `p2c`: of any two the one with fewer calls. Nearly as even as `lb`, and routers that look at
    /// the same moment do not all choose the same one.
    TwoChoices,
}

/// A name that is none of the policies.
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

/// Which of the backends at these sites (location, isp) are nearest to somebody at `from`: those of his
/// location and isp, else those of his location, else all. What he has not said does not count.
pub fn nearest(from: (&str, &str), sites: &[(&str, &str)]) -> Vec<usize> {
    let fits = |own: &str, its: &str| own.is_empty() || own == its;
    let fitting = |fits: &dyn Fn(&(&str, &str)) -> bool| -> Vec<usize> {
        (0..sites.len()).filter(|place| fits(&sites[*place])).collect()
    };
    let both = fitting(&|site| fits(from.0, site.0) && fits(from.1, site.1));
    let there = if both.is_empty() { fitting(&|site| fits(from.0, site.0)) } else { both };
    if there.is_empty() { (0..sites.len()).collect() } else { there }
}

/// The backends, of `count`, among which to choose; `turn` counts the calls of this router.
pub fn shortlist(policy: Policy, count: usize, turn: usize, chance: u64) -> Vec<usize> {
    match (policy, count) {
        (_, 0) => Vec::new(),
        (Policy::RoundRobin, _) => vec![turn % count],
        (Policy::Random, _) | (Policy::TwoChoices, 1) => vec![below(chance, count)],
        (Policy::LeastCalls | Policy::Weighted, _) => (0..count).collect(),
        (Policy::TwoChoices, _) => {
            let first = below(chance, count);
            let step = 1 + below(chance >> 32, count - 1);
            vec![first, (first + step) % count]
        }
    }
}

/// The place in the shortlist of the chosen one; `calls` are theirs, in order, at least one.
pub fn choose(policy: Policy, calls: &[u64], chance: u64) -> usize {
    match policy {
        Policy::RoundRobin | Policy::Random => 0,
        Policy::LeastCalls => fewest(calls, below(chance, calls.len().max(1))),
        Policy::TwoChoices => fewest(calls, 0),
        Policy::Weighted => weighted(calls, chance),
    }
}

/// The one with the fewest calls; of equals, the first from `start` on.
fn fewest(calls: &[u64], start: usize) -> usize {
    let from_start = (0..calls.len()).map(|step| (start + step) % calls.len());
    from_start.min_by_key(|place| calls[*place]).unwrap_or(0)
}

fn weighted(calls: &[u64], chance: u64) -> usize {
    let weights: Vec<f64> = calls.iter().map(|calls| 1.0 / (*calls).max(1) as f64).collect();
    let mut left = weights.iter().sum::<f64>() * (chance as f64 / u64::MAX as f64);
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    weights.len().saturating_sub(1)
}

fn below(chance: u64, count: usize) -> usize {
    (chance % count as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::entropy;

    /// Places `total` calls that all stay, and counts them for each backend.
    fn spread(policy: Policy, backends: usize, total: usize) -> Vec<u64> {
        let mut calls = vec![0; backends];
        for turn in 0..total {
            let (first, second) = (entropy::random_u64(), entropy::random_u64());
            let list = shortlist(policy, backends, turn, first);
            let theirs: Vec<u64> = list.iter().map(|place| calls[*place]).collect();
            calls[list[choose(policy, &theirs, second)]] += 1;
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
    fn two_choices_are_two_different_ones() {
        for chance in [0, 1, u64::MAX, 1 << 32, 0xdead_beef_dead_beef] {
            for count in 2..6 {
                let list = shortlist(Policy::TwoChoices, count, 0, chance);
                assert!(list[0] != list[1] && list.iter().all(|place| *place < count), "{list:?}");
            }
        }
    }

    #[test]
    fn every_backend_gets_calls_by_chance() {
        assert!(spread(Policy::Random, 5, 2_000).iter().all(|calls| *calls > 200));
        assert!(spread(Policy::Weighted, 5, 2_000).iter().all(|calls| *calls > 200));
    }

    #[test]
    fn weight_is_one_by_calls() {
        assert_eq!(choose(Policy::Weighted, &[1, 1_000_000], u64::MAX / 2), 0);
        assert_eq!(choose(Policy::Weighted, &[1_000_000, 0], u64::MAX / 2), 1);
        assert_eq!(choose(Policy::Weighted, &[5, 5], u64::MAX), 1);
    }

    #[test]
    fn the_nearest_are_of_the_same_place_and_network_or_place_or_any() {
        let sites = [("berlin", "x"), ("berlin", "y"), ("paris", "x"), ("", "")];
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
            assert_eq!(nearest(from, &sites), near, "{from:?}");
        }
        assert_eq!(nearest(("berlin", "x"), &[]), [0; 0]);
    }

    #[test]
    fn without_backends_there_is_no_choice() {
        assert!(shortlist(Policy::TwoChoices, 0, 3, 9).is_empty());
        assert_eq!(shortlist(Policy::TwoChoices, 1, 3, 9), [0]);
    }

    #[test]
    fn policies_have_the_names_of_janus_cloud() {
        assert_eq!("lb".parse::<Policy>().unwrap(), Policy::LeastCalls);
        assert!("best".parse::<Policy>().is_err());
    }
}
