//! What was seen before: the last looks, for rates, and services that are gone. Pure.
//!
//! Bounds: [`LOOKS`] looks; a service that is gone for [`GONE`].

use super::frame::{ClusterView, Service};
use super::rates::{self, StreamRate};
use std::collections::{BTreeMap, VecDeque};

/// Rates are those of the time between the first and the last of so many looks.
const MAX_SNAPSHOTS: usize = 6;
/// For how long a service that is gone is shown, in milliseconds.
const GONE_RETENTION_MS: u64 = 120_000;

/// The last looks.
#[derive(Default)]
pub struct History {
    snapshots: VecDeque<ClusterView>,
    /// Services that were there, with the time they were seen last.
    last_seen: BTreeMap<String, (Service, u64)>,
}

/// A service that was there.
#[derive(Clone, Debug)]
pub struct GoneService {
    /// As it was seen last.
    pub service: Service,
    /// Since when it is gone, in milliseconds.
    pub for_ms: u64,
}

impl GoneService {
    /// Whether it went without a word; one that stops says so first.
    pub fn died(&self) -> bool {
        self.service.state != "stopping"
    }
}

impl History {
    /// Takes a look. The same look again, or an older one, says nothing.
    pub fn push(&mut self, frame: ClusterView) {
        if self.snapshots.back().is_some_and(|last| last.at >= frame.at) {
            return;
        }
        for service in &frame.services {
            self.last_seen.insert(service.id.clone(), (service.clone(), frame.at));
        }
        self.last_seen.retain(|_, (_, at)| frame.at - *at <= GONE_RETENTION_MS);
        self.snapshots.push_back(frame);
        if self.snapshots.len() > MAX_SNAPSHOTS {
            self.snapshots.pop_front();
        }
    }

    /// The last look.
    pub fn latest(&self) -> Option<&ClusterView> {
        self.snapshots.back()
    }

    /// How fast the roads are.
    pub fn rates(&self) -> BTreeMap<String, StreamRate> {
        match (self.snapshots.front(), self.snapshots.back()) {
            (Some(first), Some(last)) => rates::between(first, last),
            _ => BTreeMap::new(),
        }
    }

    /// The services that are gone.
    pub fn gone(&self) -> Vec<GoneService> {
        let now = self.latest().map_or(0, |frame| frame.at);
        let gone = self.last_seen.values().filter(|(_, at)| *at < now);
        gone.map(|(service, at)| GoneService { service: service.clone(), for_ms: now - at }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at: u64, ids: &[&str]) -> ClusterView {
        let services = ids.iter().map(|id| Service { id: (*id).to_owned(), ..Service::default() }).collect();
        ClusterView { at, services, ..ClusterView::default() }
    }

    fn gone(memory: &History) -> Vec<(String, u64)> {
        memory.gone().into_iter().map(|gone| (gone.service.id, gone.for_ms)).collect()
    }

    #[test]
    fn a_service_that_goes_is_remembered_for_a_while_and_forgotten_when_it_is_back() {
        let mut memory = History::default();
        memory.push(frame(1_000, &["edge-1", "edge-2"]));
        assert_eq!(gone(&memory), []);
        memory.push(frame(2_000, &["edge-1"]));
        memory.push(frame(3_000, &["edge-1"]));
        assert_eq!(gone(&memory), [("edge-2".to_owned(), 2_000)]);
        memory.push(frame(4_000, &["edge-1", "edge-2"]));
        assert_eq!(gone(&memory), []);
        memory.push(frame(5_000, &[]));
        memory.push(frame(5_000 + GONE_RETENTION_MS, &[]));
        assert_eq!(gone(&memory), []);
    }

    #[test]
    fn few_looks_are_kept_and_none_twice() {
        let mut memory = History::default();
        for at in [1, 2, 2, 1, 3, 4, 5, 6, 7, 8] {
            memory.push(frame(at, &[]));
        }
        let kept: Vec<u64> = memory.snapshots.iter().map(|frame| frame.at).collect();
        assert_eq!(kept, [3, 4, 5, 6, 7, 8]);
        assert_eq!(memory.latest().unwrap().at, 8);
    }
}
