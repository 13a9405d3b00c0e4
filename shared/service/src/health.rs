//! Readiness, as a list of named conditions, and load.
//!
//! The owner of a condition adds it unmet when it starts. A service is therefore not ready until every part
//! has reported.

use crate::load::Load;
use crate::metrics::on_scrape::Collector;
use common::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The conditions and the metrics collector of one process, and the load of one service. Clones share them.
#[derive(Clone, Default)]
pub struct Health {
    conditions: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
    load: Load,
    collector: Collector,
}

impl Health {
    /// Returns the same conditions with a load of its own, for another service of this process.
    pub fn with_own_load(&self) -> Self {
        Self { load: Load::default(), ..self.clone() }
    }

    /// Returns the load of the service.
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// Returns the collector of the metrics that are computed on each scrape.
    pub fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Marks the condition as met.
    pub fn set_ready(&self, condition: &str) {
        self.set(condition, Ok(()));
    }

    /// Marks the condition as unmet. `/readyz` shows the reason, which must hold no secret.
    pub fn set_unready(&self, condition: &str, reason: &str) {
        self.set(condition, Err(reason.to_owned()));
    }

    /// Removes the condition.
    pub fn remove(&self, condition: &str) {
        self.conditions.lock().remove(condition);
    }

    /// Returns every unmet condition with its reason. The process is ready when there is none.
    pub fn reasons(&self) -> Vec<(String, String)> {
        let conditions = self.conditions.lock();
        let unmet = conditions.iter().filter_map(|(name, state)| Some((name, state.as_ref().err()?)));
        unmet.map(|(name, reason)| (name.clone(), reason.clone())).collect()
    }

    fn set(&self, condition: &str, state: Result<(), String>) {
        self.conditions.lock().insert(condition.to_owned(), state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_one_process_share_conditions_but_not_load() {
        let (one, other) = (Health::default(), Health::default());
        let beside = one.with_own_load();
        beside.set_unready("bus", "refused");
        assert_eq!(one.reasons().len(), 1);
        assert!(other.reasons().is_empty());
        beside.load().set("calls", 7);
        assert!(one.load().all().is_empty());
    }
}
