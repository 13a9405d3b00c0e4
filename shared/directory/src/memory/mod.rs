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

use crate::listed::Service;
use crate::record::{Backend, Call, Found, Owner, Terms, Token};
use crate::{Error, Result};
use protocol::weather::Weather;
use protocol::{BackendName, CallId, HandleRef, MessageId, ServiceId, SessionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A directory within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryDirectory {
    state: Arc<Mutex<State>>,
    weather: Weather,
}

#[derive(Default)]
struct State {
    users: BTreeMap<String, Owner>,
    handles: BTreeMap<HandleRef, HandleRecord>,
    sessions: BTreeMap<SessionId, SessionRecord>,
    edges: BTreeMap<ServiceId, Past>,
    calls: BTreeMap<CallId, CallRecord>,
    calls_on: BTreeMap<BackendName, BTreeSet<CallId>>,
    /// Calls that were concluded, in order.
    over: VecDeque<(Instant, CallId)>,
    backends: BTreeMap<BackendName, Announced>,
    served: BTreeMap<BackendName, Announced>,
    registered: BTreeMap<BackendName, Registered>,
    own_proxy: Option<Proxy>,
    drained: BTreeSet<BackendName>,
    notes: BTreeMap<BackendName, Note>,
    leases: BTreeMap<String, Lease>,
    last_token: u64,
    services: BTreeMap<ServiceId, Running>,
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
    terms: Terms,
    away: Option<Past>,
    state: Option<String>,
    unheard: Vec<String>,
    formers: Vec<ServiceId>,
}

struct CallRecord {
    call: Call,
    state: Option<String>,
    /// The token of the connector that wrote the state.
    term: Option<Token>,
    /// It has ended.
    letter: Option<String>,
}

struct Announced {
    backend: Backend,
    until: Instant,
}

struct Registered {
    found: Found,
    /// None for ever.
    until: Option<Instant>,
}

/// Where our rest services are, if anywhere.
struct Proxy {
    api_base_url: String,
    until: Instant,
}

struct Note {
    text: String,
    term: Token,
    until: Instant,
}

struct Lease {
    holder: ServiceId,
    token: Token,
    until: Instant,
}

struct Running {
    service: Service,
    until: Instant,
}

/// A moment that may lie before the clock began.
struct Past {
    noted: Instant,
    ago: Duration,
}

impl Past {
    fn ago(ago: Duration) -> Self {
        Self { noted: Instant::now(), ago }
    }

    fn elapsed(&self) -> Duration {
        self.noted.elapsed().saturating_add(self.ago)
    }
}

impl MemoryDirectory {
    /// The same records in this weather.
    pub fn under(&self, weather: Weather) -> Self {
        Self { state: self.state.clone(), weather }
    }

    pub(crate) async fn step<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T> {
        self.weather.step(step, work).await.map_err(Error::Unavailable)
    }

    pub(crate) fn ping(&self) {}

    /// No operation can panic half-way through a change, so a poisoned lock guards sound data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
