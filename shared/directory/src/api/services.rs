//! The running services, and the leases that they hold.

use super::on_store;
use crate::listing::Service;
use crate::record::FencingToken;
use crate::{Directory, Result};
use common::ServiceId;
use std::time::Duration;

/// The running services.
impl Directory {
    /// Stores the record of a service for `ttl`. The service repeats this before it expires. (Redis: the
    /// index first, then the record.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_service(&self, service: &Service, ttl: Duration) -> Result<()> {
        on_store!(self, announce_service(service, ttl))
    }

    /// Removes the record of a service that stops. (Redis: the record first, then the index.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn deregister_service(&self, service: &ServiceId) -> Result<()> {
        on_store!(self, deregister_service(service))
    }

    /// Returns the running services by id, at most [`MAX_SERVICES`](crate::MAX_SERVICES).
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn services(&self) -> Result<Vec<Service>> {
        on_store!(self, services())
    }
}

/// Leases with fencing tokens.
impl Directory {
    /// Acquires or renews a lease for `ttl`. Returns `None` while another service holds it. The token grows with
    /// each new holder, and stays the same while one holder renews.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: &ServiceId,
        ttl: Duration,
    ) -> Result<Option<FencingToken>> {
        on_store!(self, acquire_lease(name, holder, ttl))
    }

    /// Releases a lease, if `holder` holds it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn release_lease(&self, name: &str, holder: &ServiceId) -> Result<()> {
        on_store!(self, release_lease(name, holder))
    }

    /// Returns the holder of each lease, in the same order, in one round trip.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn lease_holders(&self, names: &[String]) -> Result<Vec<Option<ServiceId>>> {
        on_store!(self, lease_holders(names))
    }
}
