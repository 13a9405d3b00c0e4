//! Backends and leases.

use crate::record::{Backend, FencingToken};
use crate::{Directory, Result};
use common::{BackendName, ServiceId};
use std::time::Duration;

/// Backends and leases.
impl Directory {
    /// Writes down a backend for `life`; to be said again before that is over.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_backend(&self, backend: &Backend, life: Duration) -> Result<()> {
        on_store!(self, announce_backend(backend, life))
    }

    /// All announced backends, by name.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn backends(&self) -> Result<Vec<Backend>> {
        on_store!(self, backends())
    }

    /// Removes a backend.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn remove_backend(&self, name: &BackendName) -> Result<()> {
        on_store!(self, remove_backend(name))
    }

    /// No new calls for this backend, until [`undrain_backend`](Self::undrain_backend), whoever
    /// announces it: [`backends`](Self::backends) calls it `Maintenance` if it would be `Normal`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn drain_backend(&self, name: &BackendName) -> Result<()> {
        on_store!(self, drain_backend(name))
    }

    /// Calls for this backend again.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn undrain_backend(&self, name: &BackendName) -> Result<()> {
        on_store!(self, undrain_backend(name))
    }

    /// The backends that are being drained, announced or not.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn drained_backends(&self) -> Result<Vec<BackendName>> {
        on_store!(self, drained_backends())
    }

    /// Notes for [`NOTE_LIFE`](crate::NOTE_LIFE) what the connector with this token has on the backend (its Janus
    /// sessions, as connectors read it), so that the next can take it over. False when a later holder
    /// of the lease has noted something.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn put_connector_record(
        &self,
        name: &BackendName,
        token: FencingToken,
        note: &str,
    ) -> Result<bool> {
        on_store!(self, put_connector_record(name, token, note))
    }

    /// The last such note.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn connector_record(&self, name: &BackendName) -> Result<Option<String>> {
        on_store!(self, connector_record(name))
    }

    /// Takes or renews the lease on `what` for `life`. `None` while somebody else has it. The token
    /// grows with each new holder, and stays the same while one holder renews.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn acquire_lease(
        &self,
        what: &str,
        holder: &ServiceId,
        life: Duration,
    ) -> Result<Option<FencingToken>> {
        on_store!(self, acquire_lease(what, holder, life))
    }

    /// Gives a lease back, if that holder has it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn release_lease(&self, what: &str, holder: &ServiceId) -> Result<()> {
        on_store!(self, release_lease(what, holder))
    }
}
