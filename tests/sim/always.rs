//! What holds at every moment of a run, whatever is going on: looked at after each step of the story.
//!
//! | invariant of docs/failure.md | here |
//! |---|---|
//! | a name has one owner | who is written down as its owner has this name or has none, and no other |
//! | a handle is in one call, a call has two sides | no handle is marked for two calls; a call's sides are two handles |
//! | no call goes to a backend that drains or is down | none that was opened long enough after that, while the other takes calls |
//!
//! That answers come once and events in order, `hearing.rs` finds out with each word; the rest can only be
//! seen at rest.

use super::cluster::BACKENDS;
use super::trouble::Fault;
use super::world::{NAMES, Simulation};
use directory::record::{Call, Registered};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long routers may take to know that a backend takes no calls: they look each second, and one that
/// was frozen with a request in hand goes on with what it knew.
const KNOWN: Duration = Duration::from_secs(3);

impl Simulation {
    /// All of it.
    pub async fn holds_always(&mut self) {
        self.names_have_one_owner().await;
        let calls = self.calls().await;
        self.handles_are_in_one_call(&calls).await;
        self.new_calls_are_on_backends_that_take_them(&calls);
    }

    async fn names_have_one_owner(&self) {
        let directory = &self.cluster.directory;
        for name in NAMES {
            let user = directory.user(name).await.unwrap();
            let Some(owner) = user.as_ref().and_then(Registered::owner) else { continue };
            let handle = directory.handle(owner.handle).await.unwrap();
            let named = handle.and_then(|handle| handle.username);
            assert!(named.as_deref().is_none_or(|named| named == name), "{name}'s owner is called {named:?}");
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

    async fn handles_are_in_one_call(&self, calls: &[Call]) {
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

    fn new_calls_are_on_backends_that_take_them(&mut self, calls: &[Call]) {
        let seen = std::mem::replace(&mut self.seen, calls.iter().map(|call| call.id).collect());
        if self.troubled.is_some_and(|last| last.elapsed() < KNOWN) {
            return;
        }
        let [shunned, other]: [Vec<_>; 2] = self.shunned();
        for call in calls.iter().filter(|call| !seen.contains(&call.id)) {
            let is_on = |place: &usize| call.backend == BACKENDS[*place].into();
            let is_wrong = shunned.iter().any(is_on) && !other.is_empty();
            assert!(!is_wrong, "{} was placed on a backend that takes no calls", call.id);
        }
    }

    /// The backends that take no calls, and those that nothing is wrong with; none of either while services
    /// do not go on as ever.
    fn shunned(&self) -> [Vec<usize>; 2] {
        let troubles: Vec<Fault> = self.due.iter().map(|(_, trouble)| *trouble).collect();
        let of = |place| troubles.iter().copied().filter(move |trouble| trouble.is_of_backend(place));
        if troubles.iter().any(|trouble| trouble.is_of_services()) {
            return [Vec::new(), Vec::new()];
        }
        let takes_none = |trouble| matches!(trouble, Fault::Drained(_) | Fault::JanusDies(_));
        let shunned = (0..BACKENDS.len()).filter(|place| of(*place).any(takes_none)).collect();
        let fine = (0..BACKENDS.len()).filter(|place| of(*place).next().is_none()).collect();
        [shunned, fine]
    }
}
