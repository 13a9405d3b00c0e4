//! Backends that sentinels, operators and other proxies registered.

use super::on_store;
use crate::record::{Backend, BackendRegistration, DiscoveredBackend};
use crate::{Directory, Result};
use common::BackendName;
use std::time::Duration;

/// Backends that sentinels, operators and other proxies registered.
impl Directory {
    /// Registers a backend as janus-cloud's `POST /backend_servers` does. The registration expires after its
    /// `expire`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn register_backend(&self, registration: &BackendRegistration) -> Result<()> {
        on_store!(self, register_backend(registration))
    }

    /// Removes the record of a backend, unless a connector of ours announces it as its own. Returns false
    /// when nothing was removed.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn unregister_backend(&self, name: &BackendName) -> Result<bool> {
        on_store!(self, unregister_backend(name))
    }

    /// Returns the registered backends that have not expired, by name. (Redis: a backend that was registered
    /// through us is returned at once. Others are found by a scan of 20,000 keys at each call.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn discovered_backends(&self) -> Result<Vec<DiscoveredBackend>> {
        on_store!(self, discovered_backends())
    }

    /// Announces for `ttl` that this connector serves a discovered backend, without a change to its record.
    /// [`backends`](Self::backends) returns the worse of both statuses, and `location` and `isp` of the
    /// record. The backend is `Abnormal` when the record is removed, expires or gets another URL.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_discovered(&self, backend: &Backend, ttl: Duration) -> Result<()> {
        on_store!(self, announce_discovered(backend, ttl))
    }
}
