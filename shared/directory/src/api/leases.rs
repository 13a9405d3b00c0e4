//! Leases with fencing tokens.

use crate::directory::on_store;
use crate::record::FencingToken;
use crate::{Directory, Result};
use common::ServiceId;
use std::time::Duration;

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
