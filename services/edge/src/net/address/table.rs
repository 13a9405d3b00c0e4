//! The addresses that clients connect from.
//!
//! An address stays in the table while one of its clients is connected or has sessions here, and until its buckets are
//! full. There are more than [`MAX_UNUSED`] others only for a moment: then all addresses without a client are forgotten,
//! which only refills their buckets. So nobody is refused because the table is full, however many addresses somebody has.

use super::limit::Limit;
use super::report::report;
use super::state::AddressState;
use crate::fair_use::FairUseOptions;
use common::sync::Mutex;
use service::{AddressGroup, ClientAddress};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The addresses without a client that are remembered for their buckets.
const MAX_UNUSED: usize = 16_384;
/// With fewer addresses the table is not searched for unused ones.
const MIN_SWEEP: usize = 1_024;
/// How many clients at once are told why they are refused. The connections of others are closed without a response.
const MAX_REFUSALS: usize = 256;

pub struct AddressTable {
    options: FairUseOptions,
    addresses: Mutex<Addresses>,
    refusals: Semaphore,
}

#[derive(Default)]
struct Addresses {
    states: HashMap<AddressGroup, Arc<AddressState>>,
    /// The number of addresses at which the unused ones are removed next.
    sweep_at: usize,
}

/// The place of a connection among those of its address.
pub struct AddressPlace {
    address: ClientAddress,
    state: Option<Arc<AddressState>>,
}

impl AddressPlace {
    pub fn address(&self) -> ClientAddress {
        self.address
    }

    /// What the clients of the address use; none for a trusted proxy, whose clients are unknown.
    pub fn state(&self) -> Option<Arc<AddressState>> {
        self.state.clone()
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.disconnect();
        }
    }
}

impl AddressTable {
    pub fn new(options: FairUseOptions) -> Self {
        Self { options, addresses: Mutex::default(), refusals: Semaphore::new(MAX_REFUSALS) }
    }

    /// Admits a connection.
    ///
    /// # Errors
    /// With the limit of its address that was reached.
    pub fn admit(&self, address: ClientAddress, now: Instant) -> Result<AddressPlace, Limit> {
        let Some(group) = address.group() else { return Ok(AddressPlace { address, state: None }) };
        let state = self.state(group, now);
        state.connect(now).inspect_err(|limit| report(*limit, Some(group)))?;
        Ok(AddressPlace { address, state: Some(state) })
    }

    /// Returns a permit to tell one more client why it is refused.
    pub fn refusal_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.refusals.try_acquire().ok()
    }

    fn state(&self, group: AddressGroup, now: Instant) -> Arc<AddressState> {
        let mut addresses = self.addresses.lock();
        if let Some(known) = addresses.states.get(&group) {
            return known.clone();
        }
        addresses.sweep_if_due(now);
        let mut insert = |added: AddressGroup, customer| {
            let new = || Arc::new(AddressState::new(added, &self.options, customer, now));
            addresses.states.entry(added).or_insert_with(new).clone()
        };
        let customer = group.customer().map(|customer| insert(customer, None));
        insert(group, customer)
    }
}

impl Addresses {
    fn sweep_if_due(&mut self, now: Instant) {
        if self.states.len() < self.sweep_at.max(MIN_SWEEP) {
            return;
        }
        self.forget(|state| state.is_unused(now));
        let with_clients = self.states.iter().filter(|(group, state)| !group.is_customer() && is_held(state));
        // Each may have a wider network beside it.
        if self.states.len() > 2 * with_clients.count() + MAX_UNUSED {
            self.forget(|_| true);
        }
        self.sweep_at = self.states.len() * 2;
    }
}

impl Addresses {
    /// Forgets addresses without a client, and then the wider networks that hold none of the others.
    fn forget(&mut self, may_forget: impl Fn(&AddressState) -> bool) {
        for customers in [false, true] {
            self.states.retain(|group, state| {
                group.is_customer() != customers || is_held(state) || !may_forget(state)
            });
        }
    }
}

/// Whether the address has a client here, or the wider network an address.
fn is_held(state: &Arc<AddressState>) -> bool {
    Arc::strong_count(state) > 1
}

#[cfg(test)]
mod tests;
