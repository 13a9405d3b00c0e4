//! Proxies of janus-cloud that share the Redis server: their records and ours, and names that they took.

use crate::directory::on_store;
use crate::record::Owner;
use crate::{Directory, Result};
use protocol::HandleRef;

/// Proxies of janus-cloud.
///
/// A proxy takes a name by overwriting its record, without a message to the previous owner. A router that
/// finds a [`displaced`](crate::record::ProxyUser::displaced) handle revokes the name, notifies the client,
/// and clears the mark, in this order. An interruption leaves the mark, so another router finds it again.
impl Directory {
    /// Stores the URL at which proxies reach our rest services, and renews our proxy's record for
    /// [`PROXY_TTL`](crate::PROXY_TTL).
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_proxy(&self, api_base_url: &str) -> Result<()> {
        on_store!(self, announce_proxy(api_base_url))
    }

    /// Renews our proxy's record for [`PROXY_TTL`](crate::PROXY_TTL), with or without a URL. Without the
    /// record janus-cloud's proxies would take back names that they owned before.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn renew_proxy(&self) -> Result<()> {
        on_store!(self, renew_proxy())
    }

    /// Returns the `api_base_url` of a proxy, which may be empty. Returns `None` when the proxy is down: its
    /// users count as not registered then.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn proxy_url(&self, uuid: &str) -> Result<Option<String>> {
        on_store!(self, proxy_url(uuid))
    }

    /// Removes `username` from the record of a handle that a proxy took the name from. Returns true when the
    /// handle has no name afterwards: its client must be notified. Returns false when the handle has another
    /// name, or got this one again. (Redis: reads both records, then removes the name in one step that leaves
    /// a later registration alone.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn revoke_displaced(&self, handle: HandleRef, username: &str) -> Result<bool> {
        on_store!(self, revoke_displaced(handle, username))
    }

    /// Removes the displaced owner from a proxy's record, after the client was notified.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn clear_displaced(&self, username: &str, displaced: &Owner) -> Result<()> {
        on_store!(self, clear_displaced(username, displaced.handle))
    }
}
