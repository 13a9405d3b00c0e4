//! Registered backends. They expire by tokio's clock; their time fields hold wall-clock time.

use super::{AnnouncedBackend, MemoryDirectory, RegisteredBackend, State};
use crate::REGISTRATION_TTL_SECONDS;
use crate::record::{Backend, BackendRegistration, DiscoveredBackend};
use common::BackendName;
use common::clock::unix_millis;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn register_backend(&self, registration: &BackendRegistration) {
        let mut state = self.state();
        let before = state.registered.remove(&registration.name);
        let backend = merge_registration(registration, before.map(|registered| registered.backend));
        let ttl = Duration::from_secs(backend.expire);
        let expires_at = (backend.expire > 0).then(|| Instant::now() + ttl);
        state.registered.insert(registration.name.clone(), RegisteredBackend { backend, expires_at });
    }

    pub(crate) fn unregister_backend(&self, name: &BackendName) -> bool {
        let mut state = self.state();
        let removed = state.discovered(name).is_some();
        state.registered.remove(name);
        removed
    }

    pub(crate) fn discovered_backends(&self) -> Vec<DiscoveredBackend> {
        let mut state = self.state();
        let now = Instant::now();
        state.registered.retain(|_, registered| !registered.has_expired(now));
        state.registered.keys().filter_map(|name| state.discovered(name)).collect()
    }

    pub(crate) fn announce_discovered(&self, backend: &Backend, ttl: Duration) {
        let announced = AnnouncedBackend { backend: backend.clone(), expires_at: Instant::now() + ttl };
        self.state().served.insert(backend.name.clone(), announced);
    }
}

impl State {
    /// Returns a registered backend that has not expired and that no connector of ours announces as its own.
    pub(super) fn discovered(&self, name: &BackendName) -> Option<DiscoveredBackend> {
        let now = Instant::now();
        let registered = self.registered.get(name).filter(|registered| !registered.has_expired(now))?;
        let own = self.backends.get(name).is_some_and(|announced| announced.expires_at > now);
        (!own).then(|| registered.backend.clone())
    }
}

impl RegisteredBackend {
    fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

fn merge_registration(
    registration: &BackendRegistration,
    before: Option<DiscoveredBackend>,
) -> DiscoveredBackend {
    let now = unix_millis() as f64 / 1e3;
    let before = before.unwrap_or_else(|| DiscoveredBackend {
        name: registration.name.clone(),
        url: String::new(),
        status: registration.status,
        session_timeout: 0,
        location: String::new(),
        isp: String::new(),
        session_num: 0,
        handle_num: 0,
        expire: REGISTRATION_TTL_SECONDS,
        start_time: 0.0,
        utime: now,
        ctime: now,
    });
    DiscoveredBackend {
        url: registration.url.clone(),
        status: registration.status,
        session_timeout: registration.session_timeout.unwrap_or(before.session_timeout),
        location: registration.location.clone().unwrap_or(before.location),
        isp: registration.isp.clone().unwrap_or(before.isp),
        session_num: registration.session_num.unwrap_or(before.session_num),
        handle_num: registration.handle_num.unwrap_or(before.handle_num),
        expire: registration.expire.unwrap_or(before.expire),
        start_time: registration.start_time.unwrap_or(before.start_time),
        utime: now,
        name: before.name,
        ctime: before.ctime,
    }
}
