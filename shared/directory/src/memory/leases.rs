//! Leases. One counter hands out the tokens of all of them, so a token outgrows every earlier one.

use super::{Lease, MemoryDirectory};
use crate::record::FencingToken;
use common::ServiceId;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn acquire_lease(
        &self,
        what: &str,
        holder: &ServiceId,
        life: Duration,
    ) -> Option<FencingToken> {
        let mut state = self.state();
        let (now, until) = (Instant::now(), Instant::now() + life);
        match state.leases.get_mut(what).filter(|lease| lease.expires_at > now) {
            Some(lease) if lease.holder != *holder => None,
            Some(lease) => {
                lease.expires_at = until;
                Some(lease.token)
            }
            None => {
                state.last_token += 1;
                let token = FencingToken(state.last_token);
                state
                    .leases
                    .insert(what.to_owned(), Lease { holder: holder.clone(), token, expires_at: until });
                Some(token)
            }
        }
    }

    pub(crate) fn release_lease(&self, what: &str, holder: &ServiceId) {
        let mut state = self.state();
        if state.leases.get(what).is_some_and(|lease| lease.holder == *holder) {
            state.leases.remove(what);
        }
    }
}
