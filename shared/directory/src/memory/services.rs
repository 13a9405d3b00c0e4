//! The running services, and the leases that they hold.
//!
//! Reading drops the expired services. One counter issues the tokens of all leases, so each token is larger
//! than every earlier one.

use super::{Lease, MemoryDirectory, RunningService};
use crate::MAX_SERVICES;
use crate::listing::Service;
use crate::record::FencingToken;
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

impl MemoryDirectory {
    pub(crate) fn acquire_lease(
        &self,
        name: &str,
        holder: &ServiceId,
        ttl: Duration,
    ) -> Option<FencingToken> {
        let mut state = self.state();
        let now = Instant::now();
        let expires_at = now + ttl;
        match state.leases.get_mut(name).filter(|lease| lease.expires_at > now) {
            Some(lease) if lease.holder != *holder => None,
            Some(lease) => {
                lease.expires_at = expires_at;
                Some(lease.token)
            }
            None => {
                state.last_token += 1;
                let token = FencingToken(state.last_token);
                state.leases.insert(name.to_owned(), Lease { holder: holder.clone(), token, expires_at });
                Some(token)
            }
        }
    }

    pub(crate) fn release_lease(&self, name: &str, holder: &ServiceId) {
        let mut state = self.state();
        if state.leases.get(name).is_some_and(|lease| lease.holder == *holder) {
            state.leases.remove(name);
        }
    }

    pub(crate) fn lease_holders(&self, names: &[String]) -> Vec<Option<ServiceId>> {
        let state = self.state();
        let now = Instant::now();
        let held = |name: &String| state.leases.get(name).filter(|lease| lease.expires_at > now);
        names.iter().map(|name| held(name).map(|lease| lease.holder.clone())).collect()
    }
}
