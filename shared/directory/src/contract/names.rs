//! Names and the handles that own them.

use crate::record::{ClaimOutcome, GrantOutcome, Handle, Owner, RegisteredName};
use crate::{Directory, Result};
use common::MessageId;
use protocol::HandleRef;

/// Names and the handles that own them.
///
/// A name moves in three steps, each atomic and each harmless when repeated:
/// [`claim_name`](Self::claim_name) on the new handle, [`strip_name`](Self::strip_name) on the old
/// one, [`give_name`](Self::give_name) of the name itself. Between the second and the third nobody
/// can be called under it.
impl Directory {
    /// Notes on the handle's record that it is to own `username`, unless it has a name already.
    /// `request` recognises the same request coming again. Creates the record.
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

    /// Makes `owner` the owner of `username` if the name is free, his already, or owned by `instead_of`. A
    /// peer's is taken from it at once, unless another handle of ours is to be told first that the
    /// peer took it from that one: the answer then is that it is owned by that one.
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

    /// Takes `username` off the handle's record, if it is there. For one that a peer took it from,
    /// [`strip_displaced`](Self::strip_displaced) does no harm to a later registration. The handle stays in its call.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn revoke_name(&self, handle: HandleRef, username: &str) -> Result<bool> {
        on_store!(self, revoke_name(handle, username))
    }

    /// Frees a name if that handle owns it; not one that a peer took since.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn release_name(&self, username: &str, owner: HandleRef) -> Result<bool> {
        on_store!(self, release_name(username, owner))
    }

    /// Whose this name is.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn user(&self, username: &str) -> Result<Option<RegisteredName>> {
        on_store!(self, user(username))
    }

    /// Some of the registered names, at most [`MAX_LISTED`](crate::MAX_LISTED), in no order. On Redis it looks at the
    /// keys in small steps, so that nobody else waits.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn usernames(&self) -> Result<Vec<String>> {
        on_store!(self, usernames())
    }

    /// The record of a handle; there is none for one that never registered.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        on_store!(self, handle(handle))
    }

    /// The record of a handle, and whose a name is, in one round trip.
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

    /// Removes a handle's record and returns it as it was.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn remove_handle(&self, handle: HandleRef) -> Result<Option<Handle>> {
        on_store!(self, remove_handle(handle))
    }
}
