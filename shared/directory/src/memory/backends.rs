//! Backends. Whoever reads them drops the expired ones.

use super::{Announced, MemoryDirectory};
use crate::record::Backend;
use protocol::BackendName;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn announce_backend(&self, backend: &Backend, life: Duration) {
        let announced = Announced { backend: backend.clone(), until: Instant::now() + life };
        self.state().backends.insert(backend.name.clone(), announced);
    }

    pub(crate) fn backends(&self) -> Vec<Backend> {
        let mut state = self.state();
        let now = Instant::now();
        state.backends.retain(|_, announced| announced.until > now);
        state.backends.values().map(|announced| announced.backend.clone()).collect()
    }

    pub(crate) fn remove_backend(&self, name: &BackendName) {
        self.state().backends.remove(name);
    }
}
