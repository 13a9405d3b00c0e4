//! Names and the handles that own them, and the janus-cloud proxies that take names.
//!
//! The proxies share the Redis server: their records and ours are in it.

use super::on_store;
use crate::record::{ClaimOutcome, GrantOutcome, Handle, Owner, RegisteredName};
use crate::{Directory, Result};
use common::MessageId;
use protocol::HandleRef;

/// Names and the handles that own them.
///
/// A name moves in three atomic steps, each of which may be repeated: [`claim_name`](Self::claim_name) on the
/// new handle, [`revoke_name`](Self::revoke_name) on the old one, [`grant_name`](Self::grant_name) on the
/// name itself. Between the second and the third step no handle can be called under the name.
impl Directory {
    /// Stores in the handle's record that it takes `username`, unless it has a name already. Creates the
    /// record. A redelivered request has the same `request` id.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn claim_name(
        &self,
        owner: &Owner,
        username: &str,
        request: MessageId,
    ) -> Result<ClaimOutcome> {
        on_store!(self, claim_name(owner, username, request))
    }

    /// Makes `owner` the owner of `username`, if the name is free, or owned by `owner` or by `instead_of`. A
    /// foreign name is taken from its proxy at once. The exception is a name whose displaced local handle
    /// must still be notified: then the outcome is that this handle owns it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn grant_name(
        &self,
        username: &str,
        owner: &Owner,
        instead_of: Option<HandleRef>,
    ) -> Result<GrantOutcome> {
        on_store!(self, grant_name(username, owner, instead_of))
    }

    /// Removes `username` from the handle's record; the handle stays in its call. Returns whether the handle
    /// had the name. Use [`revoke_displaced`](Self::revoke_displaced) for a name that a proxy took: that
    /// leaves a later registration alone.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn revoke_name(&self, handle: HandleRef, username: &str) -> Result<bool> {
        on_store!(self, revoke_name(handle, username))
    }

    /// Releases a name, if that handle owns it and no proxy has taken it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn release_name(&self, username: &str, owner: HandleRef) -> Result<bool> {
        on_store!(self, release_name(username, owner))
    }

    /// Returns the record of a name.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn user(&self, username: &str) -> Result<Option<RegisteredName>> {
        on_store!(self, user(username))
    }

    /// Returns registered names in their order, at most [`MAX_LISTED_USERS`](crate::MAX_LISTED_USERS) with at most
    /// [`MAX_LISTED_BYTES`](crate::MAX_LISTED_BYTES). Reads an index in small steps, which do not delay other clients.
    /// Foreign names have no index and are searched for among all keys, some at each list.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn usernames(&self) -> Result<Vec<String>> {
        on_store!(self, usernames())
    }

    /// Returns the record of a handle; `None` for one that never registered.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        on_store!(self, handle(handle))
    }

    /// Returns the records of a handle and of a name, in one round trip.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn handle_and_user(
        &self,
        handle: HandleRef,
        username: &str,
    ) -> Result<(Option<Handle>, Option<RegisteredName>)> {
        on_store!(self, handle_and_user(handle, username))
    }

    /// Removes a handle's record and returns it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn remove_handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        on_store!(self, remove_handle(handle))
    }
}

/// Proxies of janus-cloud.
///
/// A proxy takes a name by overwriting its record, without a message to the previous owner. A router that
/// finds a [`displaced`](crate::record::ProxyUser::displaced) handle revokes the name, notifies the client, and
/// removes the displaced handle from the record, in this order. After an interruption the handle is still in the
/// record, and another router finds it.
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
    /// name, or got this one again. (Redis reads both records. Then it removes the name in one step that leaves
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
