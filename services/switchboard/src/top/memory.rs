//! What was seen before: the last looks, for rates, and services that are gone. Pure.
//!
//! Bounds: [`LOOKS`] looks; a service that is gone for [`GONE`].

use super::frame::{Frame, Service};
use super::rates::{self, Rate};
use std::collections::{BTreeMap, VecDeque};

/// Rates are those of the time between the first and the last of so many looks.
const LOOKS: usize = 6;
/// For how long a service that is gone is shown, in milliseconds.
const GONE: u64 = 120_000;

/// The last looks.
#[derive(Default)]
pub struct Memory {
    looks: VecDeque<Frame>,
    /// Services that were there, with the time they were seen last.
    seen: BTreeMap<String, (Service, u64)>,
}

/// A service that was there.
#[derive(Clone, Debug)]
pub struct Gone {
    /// As it was seen last.
    pub service: Service,
    /// Since when it is gone, in milliseconds.
    pub for_ms: u64,
}

impl Gone {
    /// Whether it went without a word; one that stops says so first.
    pub fn died(&self) -> bool {
        self.service.state != "stopping"
    }
}

impl Memory {
    /// Takes a look. The same look again, or an older one, says nothing.
    pub fn learn(&mut self, frame: Frame) {
        if self.looks.back().is_some_and(|last| last.at >= frame.at) {
            return;
        }
        for service in &frame.services {
            self.seen.insert(service.id.clone(), (service.clone(), frame.at));
        }
        self.seen.retain(|_, (_, at)| frame.at - *at <= GONE);
        self.looks.push_back(frame);
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
    }

    /// The last look.
    pub fn now(&self) -> Option<&Frame> {
        self.looks.back()
    }

    /// How fast the roads are.
    pub fn rates(&self) -> BTreeMap<String, Rate> {
        match (self.looks.front(), self.looks.back()) {
            (Some(first), Some(last)) => rates::between(first, last),
            _ => BTreeMap::new(),
        }
    }

    /// The services that are gone.
    pub fn gone(&self) -> Vec<Gone> {
        let now = self.now().map_or(0, |frame| frame.at);
        let gone = self.seen.values().filter(|(_, at)| *at < now);
        gone.map(|(service, at)| Gone { service: service.clone(), for_ms: now - at }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at: u64, ids: &[&str]) -> Frame {
        let services = ids.iter().map(|id| Service { id: (*id).to_owned(), ..Service::default() }).collect();
        Frame { at, services, ..Frame::default() }
    }

    fn gone(memory: &Memory) -> Vec<(String, u64)> {
        memory.gone().into_iter().map(|gone| (gone.service.id, gone.for_ms)).collect()
    }

    #[test]
    fn a_service_that_goes_is_remembered_for_a_while_and_forgotten_when_it_is_back() {
        let mut memory = Memory::default();
        memory.learn(frame(1_000, &["edge-1", "edge-2"]));
        assert_eq!(gone(&memory), []);
        memory.learn(frame(2_000, &["edge-1"]));
        memory.learn(frame(3_000, &["edge-1"]));
        assert_eq!(gone(&memory), [("edge-2".to_owned(), 2_000)]);
        memory.learn(frame(4_000, &["edge-1", "edge-2"]));
        assert_eq!(gone(&memory), []);
        memory.learn(frame(5_000, &[]));
        memory.learn(frame(5_000 + GONE, &[]));
        assert_eq!(gone(&memory), []);
    }

    #[test]
    fn few_looks_are_kept_and_none_twice() {
        let mut memory = Memory::default();
        for at in [1, 2, 2, 1, 3, 4, 5, 6, 7, 8] {
            memory.learn(frame(at, &[]));
        }
        let kept: Vec<u64> = memory.looks.iter().map(|frame| frame.at).collect();
        assert_eq!(kept, [3, 4, 5, 6, 7, 8]);
        assert_eq!(memory.now().unwrap().at, 8);
    }
}
