//! The running services. Reading drops the expired ones.

use super::{MemoryDirectory, RunningService};
use crate::MAX_SERVICES;
use crate::listing::Service;
use common::ServiceId;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn announce_service(&self, service: &Service, ttl: Duration) {
        let running = RunningService { service: service.clone(), expires_at: Instant::now() + ttl };
        self.state().services.insert(service.id.clone(), running);
    }

    pub(crate) fn deregister_service(&self, service: &ServiceId) {
        self.state().services.remove(service);
    }

    pub(crate) fn services(&self) -> Vec<Service> {
        let mut state = self.state();
        let now = Instant::now();
        state.services.retain(|_, running| running.expires_at > now);
        state.services.values().take(MAX_SERVICES).map(|running| running.service.clone()).collect()
    }
}
