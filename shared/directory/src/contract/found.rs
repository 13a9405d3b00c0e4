//! Backends that others have written down.

use crate::record::{Backend, BackendRegistration, DiscoveredBackend};
use crate::{Directory, Result};
use common::BackendName;
use std::time::Duration;

/// Backends that others have written down: sentinels, operators, other proxies.
impl Directory {
    /// Writes a backend down as `POST /backend_servers` of janus-cloud does, until what is said in
    /// `expire` is over.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn register_backend(&self, registration: &BackendRegistration) -> Result<()> {
        on_store!(self, register_backend(registration))
    }

    /// Removes the record of a backend that no connector of ours announces as its own; false when there
    /// is none.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn unregister_backend(&self, name: &BackendName) -> Result<bool> {
        on_store!(self, unregister_backend(name))
    }

    /// The unexpired backends that others have written down, by name. (Redis: those that were registered
    /// through us at once; others are looked for among all keys, 20,000 at each call.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn discovered_backends(&self) -> Result<Vec<DiscoveredBackend>> {
        on_store!(self, discovered_backends())
    }

    /// Announces for `life` a found backend that this connector serves, beside its record, which is
    /// somebody else's: [`backends`](Self::backends) has the worse of both statuses, and `location` and
    /// `isp` as the record says them. Once the record is gone, expired or of another URL, the backend
    /// is `Abnormal`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_discovered(&self, backend: &Backend, life: Duration) -> Result<()> {
        on_store!(self, announce_discovered(backend, life))
    }
}
