//! Living beside proxies of another make: our record as one of them, theirs, and names that they took.

use crate::record::Owner;
use crate::{Directory, Result};
use protocol::HandleRef;

/// Peers: janus-cloud's proxies.
///
/// A peer takes a name by writing its record over, without a word to whoever had it. Whoever finds that
/// out ([`PeerUser::displaced`](crate::record::PeerUser::displaced)) strips that handle, tells it, and
/// forgets it, in this order: stopped half-way, it is found out again.
impl Directory {
    /// Writes down for [`PROXY_LIFE`](crate::PROXY_LIFE) where peers reach our rest services, which also
    /// keeps our names alive for them.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn announce_proxy(&self, api_base_url: &str) -> Result<()> {
        on_store!(self, announce_proxy(api_base_url))
    }

    /// Keeps our names alive for peers for [`PROXY_LIFE`](crate::PROXY_LIFE), reachable or not: names whose
    /// proxy has no record are taken back by whoever had them before.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn renew_proxy(&self) -> Result<()> {
        on_store!(self, renew_proxy())
    }

    /// The `api_base_url` of a proxy, perhaps empty; none when it is not alive: then its users count
    /// as not registered.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn proxy_url(&self, uuid: &str) -> Result<Option<String>> {
        on_store!(self, proxy_url(uuid))
    }

    /// Takes `username` off the record of a handle that a peer took it from. True when the handle has no name
    /// then, so that it is to be told; false when it has another, or was given this one again since. (Redis: a look at both records, then one step that
    /// harms no later registration of the handle.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn revoke_displaced(&self, handle: HandleRef, username: &str) -> Result<bool> {
        on_store!(self, revoke_displaced(handle, username))
    }

    /// Takes our own traces of this former owner out of a record that is a peer's: it has been told.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn clear_displaced(&self, username: &str, displaced: &Owner) -> Result<()> {
        on_store!(self, clear_displaced(username, displaced.handle))
    }
}
