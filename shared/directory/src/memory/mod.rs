//! The directory in this process, for `standalone` and for tests.
//!
//! One [`State`] of plain maps behind one lock. Each operation holds the lock from start to end, so every one
//! is atomic, where the Redis store takes several steps. Time is tokio's: in a test with paused time, leases
//! and announcements expire at once. The maps are sorted, so that a repeated simulation sees the same order.
//!
//! An operation fails only when the [`FaultInjector`] of a simulation makes it fail. The records are lost
//! with the process.

mod backends;
mod calls;
mod discovery;
mod listing;
mod names;
mod services;
mod sessions;

use crate::listing::Service;
use crate::record::{Backend, Call, DiscoveredBackend, FencingToken, Owner, SessionPolicy};
use crate::{Error, Result};
use common::fault::FaultInjector;
use common::sync::Mutex;
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::{HandleRef, SessionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// A directory in this process; clones share it.
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
    routers: BTreeMap<ServiceId, Instant>,
    calls: BTreeMap<CallId, CallRecord>,
    calls_on: BTreeMap<BackendName, BTreeSet<CallId>>,
    /// The calls that connectors ended, in order.
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
    /// `None` while the record only has the call of `restore_call`.
    edge: Option<ServiceId>,
    name: Option<String>,
    /// The request that claimed the last name.
    claimed_by: Option<MessageId>,
    call: Option<CallId>,
}

struct SessionRecord {
    edge: ServiceId,
    policy: SessionPolicy,
    away: Option<BackdatedInstant>,
    client: Option<String>,
    state: Option<String>,
    backlog: Vec<String>,
    previous_edges: Vec<ServiceId>,
}

struct CallRecord {
    call: Call,
    state: Option<String>,
    /// The token of the connector that stored the state.
    term: Option<FencingToken>,
    /// Set when the call has ended.
    final_notices: Option<String>,
}

struct AnnouncedBackend {
    backend: Backend,
    expires_at: Instant,
}

struct RegisteredBackend {
    backend: DiscoveredBackend,
    /// `None` for a registration without an end.
    expires_at: Option<Instant>,
}

/// Our own proxy's record.
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

/// An instant that may be before the first one that [`Instant`] can express.
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
    /// Returns a handle on the same records, with these faults injected into its operations.
    pub fn with_faults(&self, faults: FaultInjector) -> Self {
        Self { state: self.state.clone(), faults }
    }

    pub(crate) async fn run<T>(&self, operation: &'static str, work: impl FnOnce() -> T) -> Result<T> {
        self.faults.run(operation, work).await.map_err(Error::Unavailable)
    }

    pub(crate) fn ping(&self) {}

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
