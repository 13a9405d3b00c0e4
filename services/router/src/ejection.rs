//! Which backends are chosen from, given what their connectors announce. Pure.
//!
//! A backend whose circuit breaker was opened by calls is ejected, but never more than half of the backends
//! (Envoy's panic threshold): clients may have provoked the failures, and if all fail, each is worth a try. A
//! backend that is half-open gets one choice in [`HALF_OPEN_SHARE`].

use common::BackendName;
use directory::record::{Backend, BackendStatus, BreakerState};

/// One choice in so many considers the half-open backends.
const HALF_OPEN_SHARE: u64 = 8;

/// Returns the backends that take calls.
pub fn available(backends: &[Backend]) -> Vec<Backend> {
    let normal = || backends.iter().filter(|backend| backend.status == BackendStatus::Normal);
    let ejected = normal().filter(|backend| is_ejected(backend)).count();
    let is_panic = 2 * ejected > normal().count();
    normal().filter(|backend| is_panic || !is_ejected(backend)).cloned().collect()
}

fn is_ejected(backend: &Backend) -> bool {
    backend.health.breaker == BreakerState::Open
}

/// Returns those of the available backends that one choice considers: none of `tried`, and half-open ones only
/// sometimes, or if there are no others.
pub fn candidates<'a>(available: &'a [Backend], tried: &[BackendName], random: u64) -> Vec<&'a Backend> {
    let untried = || available.iter().filter(|backend| !tried.contains(&backend.name));
    let with_half_open = tried.is_empty() && random.is_multiple_of(HALF_OPEN_SHARE);
    let is_half_open = |backend: &&Backend| backend.health.breaker == BreakerState::HalfOpen;
    let settled: Vec<&Backend> = untried().filter(|backend| !is_half_open(backend)).collect();
    let half_open: Vec<&Backend> = untried().filter(is_half_open).collect();
    if settled.is_empty() || (with_half_open && !half_open.is_empty()) { half_open } else { settled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use directory::record::BackendHealth;

    const SOMETIMES: u64 = HALF_OPEN_SHARE;
    const MOSTLY: u64 = 1;

    fn backend(name: &str, breaker: BreakerState) -> Backend {
        Backend {
            name: BackendName::from(name),
            url: String::new(),
            status: BackendStatus::Normal,
            handles: 0,
            location: String::new(),
            isp: String::new(),
            probe_ms: None,
            health: BackendHealth { breaker, ..BackendHealth::default() },
        }
    }

    /// The backends a, b, c, ... with these breakers.
    fn backends(breakers: &[BreakerState]) -> Vec<Backend> {
        let names = ["a", "b", "c", "d", "e"];
        names.iter().zip(breakers).map(|(name, breaker)| backend(name, *breaker)).collect()
    }

    fn names<'a>(backends: impl IntoIterator<Item = &'a Backend>) -> String {
        backends.into_iter().map(|backend| backend.name.as_str()).collect()
    }

    #[test]
    fn at_most_half_are_ejected() {
        use BreakerState::{Closed, HalfOpen, Open};
        for (breakers, expected) in [
            (&[Closed, Open][..], "a"),
            (&[Open], "a"),
            (&[Open, Open], "ab"),
            (&[Open, Open, Closed], "abc"),
            (&[Open, Closed, Closed], "bc"),
            (&[Open, Open, Closed, HalfOpen], "cd"),
            (&[Open, Open, Open, HalfOpen], "abcd"),
            (&[], ""),
        ] {
            assert_eq!(names(&available(&backends(breakers))), expected, "{breakers:?}");
        }
    }

    #[test]
    fn backend_that_is_not_normal_takes_no_calls_in_any_case() {
        let mut all = backends(&[BreakerState::Open, BreakerState::Closed]);
        all[1].status = BackendStatus::Abnormal;
        assert_eq!(names(&available(&all)), "a");
        all[0].status = BackendStatus::Maintenance;
        assert_eq!(names(&available(&all)), "");
    }

    #[test]
    fn half_open_backend_gets_few_calls() {
        use BreakerState::{Closed, HalfOpen};
        let all = backends(&[Closed, HalfOpen, Closed]);
        assert_eq!(names(candidates(&all, &[], MOSTLY)), "ac");
        assert_eq!(names(candidates(&all, &[], SOMETIMES)), "b");
        assert_eq!(names(candidates(&all, &[BackendName::from("b")], SOMETIMES)), "ac");
        let tried = ["a", "c"].map(BackendName::from);
        assert_eq!(names(candidates(&all, &tried, MOSTLY)), "b", "there is no other");
    }
}
