//! Calls and the handles in them.

use super::on_store;
use crate::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};
use crate::{Directory, Result};
use common::{BackendName, CallId};
use protocol::{HandleRef, Side};

/// Calls and the handles in them.
///
/// A call is opened, then acquires its two handles one after the other, the smaller [`HandleRef`] first. Of
/// two calls that need the same two handles exactly one gets both.
impl Directory {
    /// Stores the call's record and adds it to the index of its backend. Returns the call as it was opened
    /// first, possibly on another backend: a repetition changes nothing. (Redis: the index first, then the
    /// record.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn open_call(&self, call: &Call) -> Result<Call> {
        on_store!(self, open_call(call))
    }

    /// Opens a call and acquires the handles of its local sides. Returns the call as it was opened first, and
    /// the first side whose handle was not acquired. (Redis opens the call and acquires its first handle in one
    /// round trip.)
    ///
    /// # Errors
    /// [`crate::Error`]. The call may be open then, and may have one handle or both.
    pub async fn begin_call(&self, call: &Call) -> Result<(Call, Option<(Side, AcquireOutcome)>)> {
        let (opened, mut first) = on_store!(self, open_and_acquire(call))?;
        for side in opened.local_sides() {
            let outcome = match (first.take(), &opened.party(side).owner) {
                (Some(outcome), _) => outcome,
                (None, Some(owner)) => {
                    let peer = &opened.party(side.peer()).username;
                    self.acquire_handle(owner.handle, &opened.party(side).username, opened.id, peer).await?
                }
                (None, None) => continue,
            };
            if outcome != AcquireOutcome::Acquired {
                return Ok((opened, Some((side, outcome))));
            }
        }
        Ok((opened, None))
    }

    /// Acquires a handle for an open call, if the handle owns `username` and is in no other call. A
    /// repetition is `Acquired` too, also after the handle lost the name. A call that has ended meanwhile
    /// gets `Gone`, so that no handle stays in an ended call. So does a call whose name a janus-cloud proxy
    /// has taken. Until the call ends, the record of the name tells janus-cloud that it is in a call with
    /// `peer`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn acquire_handle(
        &self,
        handle: HandleRef,
        username: &str,
        call: CallId,
        peer: &str,
    ) -> Result<AcquireOutcome> {
        on_store!(self, acquire_handle(handle, username, call, peer))
    }

    /// Returns the call's record.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn call(&self, call: CallId) -> Result<Option<Call>> {
        on_store!(self, call(call))
    }

    /// Ends a call on behalf of any service: releases those of its handles that are still in it, and removes
    /// its record. Returns `None` when there is no such call. Leaves a handle that is in another call alone.
    /// (Redis: the field `ended` of the record, the handles, the record, the index. An interrupted release can
    /// be repeated. Two concurrent releases may both return the record.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn release_call(&self, call: CallId) -> Result<Option<Call>> {
        on_store!(self, release_call(call))
    }

    /// Ends a call as [`release_call`](Self::release_call) does, unless a holder of the backend's lease later
    /// than `token` owns it. Without a token any call is ended. With `final_notices` the record stays until
    /// [`delete_call`](Self::delete_call), so that the next connector can send what this one could not.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn end_call(
        &self,
        call: CallId,
        token: Option<FencingToken>,
        final_notices: Option<&str>,
    ) -> Result<EndOutcome> {
        on_store!(self, end_call(call, token, final_notices))
    }

    /// Removes the record of a call that has ended, after its final notices were sent.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn delete_call(&self, call: &Call) -> Result<()> {
        on_store!(self, delete_call(call))
    }

    /// Whether a connector has ended this call within the last [`ENDED_TTL`](crate::ENDED_TTL): a
    /// redelivered request must not begin it again.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn has_ended(&self, call: CallId) -> Result<bool> {
        on_store!(self, has_ended(call))
    }

    /// Stores the connector's state of these calls, in one round trip. The outcome is false for a call without a
    /// record and for one that has ended. It is also false when a later holder of the lease has stored the call.
    ///
    /// # Errors
    /// [`crate::Error`]; some of the calls may be stored then.
    pub async fn save_calls(&self, token: FencingToken, saves: &[(CallId, String)]) -> Result<Vec<bool>> {
        on_store!(self, save_calls(token, saves))
    }

    /// Returns the calls on a backend with the state that their last connector stored, and those that ended
    /// with final notices. Leaves out a call that is being released without notices.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn orphaned_calls(&self, backend: &BackendName) -> Result<Vec<OrphanedCall>> {
        on_store!(self, orphaned_calls(backend))
    }

    /// Stores a running call again after the directory has lost it: its record, its state and the entry in the
    /// backend's index. Also stores in both handles that they are in the call, even for a handle without a record.
    /// A handle that is in another call stays in that.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn restore_call(&self, call: &Call, token: FencingToken, state: &str) -> Result<()> {
        on_store!(self, restore_call(call, token, state))
    }

    /// Returns the ids of the calls on a backend.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn calls_on(&self, backend: &BackendName) -> Result<Vec<CallId>> {
        on_store!(self, calls_on(backend))
    }

    /// Returns the backends that have calls, announced or not. On Redis it scans all keys in small steps: use
    /// it at start-up, not periodically.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn backends_with_calls(&self) -> Result<Vec<BackendName>> {
        on_store!(self, backends_with_calls())
    }

    /// Counts the calls of each backend, in the same order, in one round trip.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn count_calls(&self, backends: &[BackendName]) -> Result<Vec<u64>> {
        on_store!(self, count_calls(backends))
    }
}
