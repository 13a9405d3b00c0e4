//! Backends that were registered. Their time is tokio's; what their fields say of it is the clock's.

use super::{AnnouncedBackend, MemoryDirectory, State};
use crate::REGISTRATION_TTL_SECONDS;
use crate::record::{Backend, BackendRegistration, DiscoveredBackend};
use common::BackendName;
use common::entropy::unix_millis;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn register_backend(&self, said: &BackendRegistration) {
        let mut state = self.state();
        let before = state.registered.remove(&said.name);
        let found = merge_registration(said, before.map(|it| it.backend));
        let lives = Duration::from_secs(found.expire);
        let until = (found.expire > 0).then(|| Instant::now() + lives);
        state
            .registered
            .insert(said.name.clone(), super::RegisteredBackend { backend: found, expires_at: until });
    }

    pub(crate) fn unregister_backend(&self, name: &BackendName) -> bool {
        let mut state = self.state();
        let there = state.discovered(name).is_some();
        state.registered.remove(name);
        there
    }

    pub(crate) fn discovered_backends(&self) -> Vec<DiscoveredBackend> {
        let mut state = self.state();
        let now = Instant::now();
        state.registered.retain(|_, it| it.expires_at.is_none_or(|until| until > now));
        state.registered.keys().filter_map(|name| state.discovered(name)).collect()
    }

    pub(crate) fn announce_discovered(&self, backend: &Backend, life: Duration) {
        let announced = AnnouncedBackend { backend: backend.clone(), expires_at: Instant::now() + life };
        self.state().served.insert(backend.name.clone(), announced);
    }
}

impl State {
    /// A registered backend that has not expired and that no connector of ours announces as its own.
    pub(super) fn discovered(&self, name: &BackendName) -> Option<DiscoveredBackend> {
        let now = Instant::now();
        let registered =
            self.registered.get(name).filter(|it| it.expires_at.is_none_or(|until| until > now))?;
        let own = self.backends.get(name).is_some_and(|announced| announced.expires_at > now);
        (!own).then(|| registered.backend.clone())
    }
}

fn merge_registration(said: &BackendRegistration, before: Option<DiscoveredBackend>) -> DiscoveredBackend {
    let now = unix_millis() as f64 / 1e3;
    let before = before.unwrap_or_else(|| DiscoveredBackend {
        name: said.name.clone(),
        url: String::new(),
        status: said.status,
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
        url: said.url.clone(),
        status: said.status,
        session_timeout: said.session_timeout.unwrap_or(before.session_timeout),
        location: said.location.clone().unwrap_or(before.location),
        isp: said.isp.clone().unwrap_or(before.isp),
        session_num: said.session_num.unwrap_or(before.session_num),
        handle_num: said.handle_num.unwrap_or(before.handle_num),
        expire: said.expire.unwrap_or(before.expire),
        start_time: said.start_time.unwrap_or(before.start_time),
        utime: now,
        name: before.name,
        ctime: before.ctime,
    }
}
