//! What a service reports about itself: readiness, as a list of named conditions, notices, and load.
//!
//! The owner of a condition adds it unmet when it starts. A service is therefore not ready until every part
//! has reported.

use crate::metrics::on_scrape::Collector;
use common::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The conditions and the metrics collector of one process, and the load of one service. Clones share them.
#[derive(Clone, Default)]
pub struct Health {
    conditions: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
    /// What operators should know of the service although it is ready.
    notices: Arc<Mutex<BTreeMap<&'static str, String>>>,
    load: Load,
    collector: Collector,
}

impl Health {
    /// Returns the same conditions with a load and notices of its own, for another service of this process.
    pub fn with_own_load(&self) -> Self {
        Self { load: Load::default(), notices: Arc::default(), ..self.clone() }
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

    /// Sets what operators should know about `what` although the service is ready, or nothing any more.
    pub fn set_notice(&self, what: &'static str, notice: Option<String>) {
        let mut notices = self.notices.lock();
        match notice {
            Some(notice) => notices.insert(what, notice),
            None => notices.remove(what),
        };
    }

    /// Returns the first notice.
    pub fn notice(&self) -> Option<String> {
        self.notices.lock().values().next().cloned()
    }

    fn set(&self, condition: &str, state: Result<(), String>) {
        self.conditions.lock().insert(condition.to_owned(), state);
    }
}

/// The amount of work of a service, as counts by name. Clones share the counts.
#[derive(Clone, Default)]
pub struct Load(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Load {
    /// Sets the count of `what`.
    pub fn set(&self, what: &'static str, count: u64) {
        self.0.lock().insert(what, count);
    }

    /// Increments the count of `what` until the guard is dropped.
    pub fn begin(&self, what: &'static str) -> LoadGuard {
        *self.0.lock().entry(what).or_default() += 1;
        LoadGuard { load: self.clone(), what }
    }

    /// Returns all counts.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
    }
}

/// One unit of work in progress.
pub struct LoadGuard {
    load: Load,
    what: &'static str,
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        if let Some(count) = self.load.0.lock().get_mut(self.what) {
            *count = count.saturating_sub(1);
        }
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
