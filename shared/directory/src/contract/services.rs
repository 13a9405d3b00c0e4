//! The services that run, and what they serve.

use crate::listing::Service;
use crate::{Directory, Result};
use common::ServiceId;
use std::time::Duration;

/// The services that run.
impl Directory {
    /// The service is alive and has so much to do: good for `life`, and to be said again before that is
    /// over. (Redis: the index first, then the record.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_service(&self, service: &Service, life: Duration) -> Result<()> {
        on_store!(self, announce_service(service, life))
    }

    /// The service stops. (Redis: the record first, then the index.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn deregister_service(&self, service: &ServiceId) -> Result<()> {
        on_store!(self, deregister_service(service))
    }

    /// The services that are alive, by id; no more than [`MAX_SERVICES`](crate::MAX_SERVICES).
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn services(&self) -> Result<Vec<Service>> {
        on_store!(self, services())
    }

    /// Who has each of these leases, in the same order, in one round trip.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn lease_holders(&self, leases: &[String]) -> Result<Vec<Option<ServiceId>>> {
        on_store!(self, lease_holders(leases))
    }
}
