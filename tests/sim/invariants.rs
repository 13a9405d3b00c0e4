//! Invariants that hold at every moment, checked after each step of the scenario.
//!
//! | invariant of docs/failure.md | check |
//! |---|---|
//! | a name has one owner | the handle recorded as the owner has this name or none, and no other |
//! | a handle is in one call, a call has two sides | no handle belongs to two calls; a call's sides are two handles |
//! | no call goes to a backend that drains or is down | none that was opened long enough after that, while the other takes calls |
//!
//! `client_checker.rs` checks with each message that replies come once and events in order. The remaining
//! invariants can only be checked when nothing is in flight.

use super::cluster::BACKENDS;
use super::faults::Fault;
use super::simulation::{NAMES, Simulation};
use directory::record::{Call, RegisteredName};
use std::collections::BTreeMap;
use std::time::Duration;

/// The delay until routers know that a backend takes no calls. They refresh each second. A router
/// that was frozen during a request continues with outdated data.
const STALENESS: Duration = Duration::from_secs(3);

impl Simulation {
    /// Checks all invariants.
    pub async fn check_invariants(&mut self) {
        self.check_names().await;
        let calls = self.calls().await;
        self.check_handles(&calls).await;
        self.check_placements(&calls);
    }

    async fn check_names(&self) {
        let directory = &self.cluster.directory;
        for name in NAMES {
            let user = directory.user(name).await.unwrap();
            let Some(owner) = user.as_ref().and_then(RegisteredName::owner) else { continue };
            let handle = directory.handle(owner.handle).await.unwrap();
            let named = handle.and_then(|handle| handle.username);
            assert!(
                named.as_deref().is_none_or(|named| named == name),
                "the owner of {name} has the name {named:?}"
            );
        }
    }

    async fn calls(&self) -> Vec<Call> {
        let directory = &self.cluster.directory;
        let mut calls = Vec::new();
        for backend in BACKENDS {
            for call in directory.calls_on(&backend.into()).await.unwrap() {
                calls.extend(directory.call(call).await.unwrap());
            }
        }
        calls
    }

    async fn check_handles(&self, calls: &[Call]) {
        let mut taken = BTreeMap::new();
        for call in calls {
            let sides: Vec<_> = call.handles().collect();
            assert!(sides.len() == 2 && sides[0] != sides[1], "it has two sides: {call:?}");
            for side in sides {
                let handle = self.cluster.directory.handle(side).await.unwrap();
                if handle.is_some_and(|handle| handle.call == Some(call.id)) {
                    let other = taken.insert(side, call.id);
                    assert_eq!(other, None, "{side} is in two calls, one is {}", call.id);
                }
            }
        }
    }

    fn check_placements(&mut self, calls: &[Call]) {
        let seen = std::mem::replace(&mut self.seen, calls.iter().map(|call| call.id).collect());
        if self.last_fault.is_some_and(|last| last.elapsed() < STALENESS) {
            return;
        }
        let [unavailable, other]: [Vec<_>; 2] = self.unavailable();
        for call in calls.iter().filter(|call| !seen.contains(&call.id)) {
            let is_on = |index: &usize| call.backend == BACKENDS[*index].into();
            let is_wrong = unavailable.iter().any(is_on) && !other.is_empty();
            assert!(!is_wrong, "{} was placed on a backend that takes no calls", call.id);
        }
    }

    /// The backends that take no calls, and the healthy ones. Both are empty while a fault affects the
    /// services.
    fn unavailable(&self) -> [Vec<usize>; 2] {
        let faults: Vec<Fault> = self.due.iter().map(|(_, fault)| *fault).collect();
        let of = |index| faults.iter().copied().filter(move |fault| fault.is_of_backend(index));
        if faults.iter().any(|fault| fault.is_of_services()) {
            return [Vec::new(), Vec::new()];
        }
        let takes_none = |fault| matches!(fault, Fault::Drained(_) | Fault::JanusDies(_));
        let unavailable = (0..BACKENDS.len()).filter(|index| of(*index).any(takes_none)).collect();
        let healthy = (0..BACKENDS.len()).filter(|index| of(*index).next().is_none()).collect();
        [unavailable, healthy]
    }
}
