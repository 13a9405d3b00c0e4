//! The directory within one process: what `standalone` and tests use.
//!
//! One [`State`] of plain maps behind one lock; an operation takes the lock, does its whole work
//! and lets go, so every operation here is atomic where the Redis store has several steps. Time is
//! tokio's, so that paused time lets leases and announcements expire at once.
//!
//! It never fails. What it holds is gone with the process.

mod backends;
mod calls;
mod leases;
mod sessions;
mod users;

use crate::record::{Backend, Call, Owner, Token};
use protocol::{BackendName, CallId, HandleRef, MessageId, ServiceId, SessionId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// A directory within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryDirectory {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    users: HashMap<String, Owner>,
    handles: HashMap<HandleRef, HandleRecord>,
    sessions: HashMap<SessionId, ServiceId>,
    edges: HashMap<ServiceId, Instant>,
    calls: HashMap<CallId, Call>,
    calls_on: HashMap<BackendName, HashSet<CallId>>,
    backends: BTreeMap<BackendName, Announced>,
    leases: HashMap<String, Lease>,
    last_token: u64,
}

struct HandleRecord {
    edge: ServiceId,
    name: Option<String>,
    /// The request that last claimed a name.
    claimed_by: Option<MessageId>,
    call: Option<CallId>,
}

struct Announced {
    backend: Backend,
    until: Instant,
}

struct Lease {
    holder: ServiceId,
    token: Token,
    until: Instant,
}

impl MemoryDirectory {
    pub(crate) fn ping(&self) {}

    /// No operation can panic half-way through a change, so a poisoned lock guards sound data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
