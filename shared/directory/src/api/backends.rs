//! Backends that our connectors announce.

use super::on_store;
use crate::record::{Backend, FencingToken};
use crate::{Directory, Result};
use common::BackendName;
use std::time::Duration;

/// Backends that our connectors announce.
impl Directory {
    /// Stores a backend for `ttl`. The connector repeats this before it expires.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_backend(&self, backend: &Backend, ttl: Duration) -> Result<()> {
        on_store!(self, announce_backend(backend, ttl))
    }

    /// Returns all announced backends, by name.
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

    /// Drains a backend until [`undrain_backend`](Self::undrain_backend): while it is announced as `Normal`,
    /// [`backends`](Self::backends) returns it as `Maintenance`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn drain_backend(&self, name: &BackendName) -> Result<()> {
        on_store!(self, drain_backend(name))
    }

    /// Ends the drain of a backend.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn undrain_backend(&self, name: &BackendName) -> Result<()> {
        on_store!(self, undrain_backend(name))
    }

    /// Returns the drained backends, announced or not.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn drained_backends(&self) -> Result<Vec<BackendName>> {
        on_store!(self, drained_backends())
    }

    /// Stores a connector's own record of its backend (its Janus sessions, in the format of the connectors)
    /// for the connector that gets the lease next. It expires after
    /// [`CONNECTOR_RECORD_TTL`](crate::CONNECTOR_RECORD_TTL). Returns false when a later holder of the lease
    /// has stored one.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn put_connector_record(
        &self,
        name: &BackendName,
        token: FencingToken,
        record: &str,
    ) -> Result<bool> {
        on_store!(self, put_connector_record(name, token, record))
    }

    /// Returns the record that the last connector of the backend stored.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn connector_record(&self, name: &BackendName) -> Result<Option<String>> {
        on_store!(self, connector_record(name))
    }
}
