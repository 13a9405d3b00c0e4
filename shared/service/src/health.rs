//! Whether a service can do its work, as a list of named conditions that are not met; and how much it
//! has to do.
//!
//! A condition is added unmet when its owner starts, so that a service is not ready before each of
//! its parts has said so.

use crate::metrics::on_scrape::Collector;
use crate::registration::Load;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The conditions of one process and the load of one service, and who looks numbers up for it; clones share
/// them.
#[derive(Clone, Default)]
pub struct Health {
    conditions: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
    load: Load,
    collector: Collector,
}

impl Health {
    /// The same conditions for another service of this process, which has a load of its own.
    pub fn with_own_load(&self) -> Self {
        Self { load: Load::default(), ..self.clone() }
    }

    /// How much the service has to do.
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// What is looked up when the numbers of the process are asked for.
    pub fn collector(&self) -> &Collector {
        &self.collector
    }

    /// The condition is met.
    pub fn good(&self, condition: &str) {
        self.set(condition, Ok(()));
    }

    /// The condition is not met, and why, in words for an operator (no secrets).
    pub fn bad(&self, condition: &str, why: &str) {
        self.set(condition, Err(why.to_owned()));
    }

    /// The condition does not matter any more.
    pub fn remove(&self, condition: &str) {
        self.lock().remove(condition);
    }

    /// Every unmet condition with its reason; empty when ready.
    pub fn reasons(&self) -> Vec<(String, String)> {
        let unmet = |(name, state): (&String, &Result<(), String>)| {
            state.as_ref().err().map(|why| (name.clone(), why.clone()))
        };
        self.lock().iter().filter_map(unmet).collect()
    }

    fn set(&self, condition: &str, state: Result<(), String>) {
        self.lock().insert(condition.to_owned(), state);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Result<(), String>>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
