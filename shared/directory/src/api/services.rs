//! The running services.

use crate::directory::on_store;
use crate::listing::Service;
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
