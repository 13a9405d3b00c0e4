//! How much work a service has, for its registration.

use common::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

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
