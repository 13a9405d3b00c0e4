//! The directory within one process: what `standalone` and tests use.
//!
//! One [`State`] of plain maps behind one lock; an operation takes the lock, does its whole work
//! and lets go, so every operation here is atomic where the Redis store has several steps. Time is
//! tokio's, so that paused time lets leases and announcements expire at once.
//!
//! The maps are sorted, so that a simulation that is run again sees the same order.
//!
//! It never fails, but for the [`Weather`] that a rehearsal gives its users. What it holds is gone with the
//! process.

mod backends;
mod calls;
mod edges;
mod found;
mod leases;
mod pages;
mod peers;
mod services;
mod sessions;
mod users;

use crate::listing::Service;
use crate::record::{Backend, Call, DiscoveredBackend, FencingToken, Owner, SessionPolicy};
use crate::{Error, Result};
use common::fault::FaultInjector;
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::{HandleRef, SessionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A directory within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryDirectory {
    state: Arc<Mutex<State>>,
    faults: FaultInjector,
}

#[derive(Default)]
struct State {
    users: BTreeMap<String, Owner>,
    handles: BTreeMap<HandleRef, HandleRecord>,
    sessions: BTreeMap<SessionId, SessionRecord>,
    edges: BTreeMap<ServiceId, BackdatedInstant>,
    calls: BTreeMap<CallId, CallRecord>,
    calls_on: BTreeMap<BackendName, BTreeSet<CallId>>,
    /// Calls that were concluded, in order.
    ended: VecDeque<(Instant, CallId)>,
    backends: BTreeMap<BackendName, AnnouncedBackend>,
    served: BTreeMap<BackendName, AnnouncedBackend>,
    registered: BTreeMap<BackendName, RegisteredBackend>,
    own_proxy: Option<OwnProxy>,
    drained: BTreeSet<BackendName>,
    connector_records: BTreeMap<BackendName, ConnectorRecord>,
    leases: BTreeMap<String, Lease>,
    last_token: u64,
    services: BTreeMap<ServiceId, RunningService>,
}

#[derive(Default)]
struct HandleRecord {
    /// None while there is only the mark of a restored call.
    edge: Option<ServiceId>,
    name: Option<String>,
    /// The request that last claimed a name.
    claimed_by: Option<MessageId>,
    call: Option<CallId>,
}

struct SessionRecord {
    edge: ServiceId,
    policy: SessionPolicy,
    away: Option<BackdatedInstant>,
    state: Option<String>,
    backlog: Vec<String>,
    previous_edges: Vec<ServiceId>,
}

struct CallRecord {
    call: Call,
    state: Option<String>,
    /// The token of the connector that wrote the state.
    term: Option<FencingToken>,
    /// It has ended.
    final_notices: Option<String>,
}

struct AnnouncedBackend {
    backend: Backend,
    expires_at: Instant,
}

struct RegisteredBackend {
    backend: DiscoveredBackend,
    /// None for ever.
    expires_at: Option<Instant>,
}

/// Where our rest services are, if anywhere.
struct OwnProxy {
    api_base_url: String,
    expires_at: Instant,
}

struct ConnectorRecord {
    text: String,
    term: FencingToken,
    expires_at: Instant,
}

struct Lease {
    holder: ServiceId,
    token: FencingToken,
    expires_at: Instant,
}

struct RunningService {
    service: Service,
    expires_at: Instant,
}

/// A moment that may lie before the clock began.
struct BackdatedInstant {
    set_at: Instant,
    backdated_by: Duration,
}

impl BackdatedInstant {
    fn ago(backdated_by: Duration) -> Self {
        Self { set_at: Instant::now(), backdated_by }
    }

    fn elapsed(&self) -> Duration {
        self.set_at.elapsed().saturating_add(self.backdated_by)
    }
}

impl MemoryDirectory {
    /// The same records in this weather.
    pub fn with_faults(&self, weather: FaultInjector) -> Self {
        Self { state: self.state.clone(), faults: weather }
    }

    pub(crate) async fn step<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T> {
        self.faults.run(step, work).await.map_err(Error::Unavailable)
    }

    pub(crate) fn ping(&self) {}

    /// No operation can panic half-way through a change, so a poisoned lock guards sound data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
