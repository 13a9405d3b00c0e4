//! Calls.

use crate::record::{AcquireOutcome, Call, EndOutcome, FencingToken, OrphanedCall};
use crate::{Directory, Result};
use common::{BackendName, CallId};
use protocol::{HandleRef, Side};

/// Calls.
///
/// A call is opened, then takes its two handles one after the other, the smaller
/// [`HandleRef`] first: of two calls that want the same handles, exactly one gets both.
impl Directory {
    /// Writes the call's record and counts it for its backend. Writing it again changes nothing:
    /// the answer is the call as it was opened first, perhaps on another backend than `call` says.
    /// (Redis: the backend's set of calls first, then the record.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn open_call(&self, call: &Call) -> Result<Call> {
        on_store!(self, open_call(call))
    }

    /// Opens a call as [`open_call`](Self::open_call) does, and takes the handles of its sides that are
    /// ours, as [`take`](Self::take) does, in the order that is said above. The answer is the call as it was
    /// opened, and the first of its handles that was not to be had. (Redis: the call and its first handle in
    /// one round trip.)
    ///
    /// # Errors
    /// [`crate::Error`]. The call may have been begun then, in part.
    pub async fn begin_call(&self, call: &Call) -> Result<(Call, Option<(Side, AcquireOutcome)>)> {
        let (opened, mut first) = on_store!(self, open_and_acquire(call))?;
        for side in opened.local_sides() {
            let taken = match (first.take(), &opened.party(side).owner) {
                (Some(taken), _) => taken,
                (None, Some(owner)) => {
                    let peer = &opened.party(side.peer()).username;
                    self.acquire_handle(owner.handle, &opened.party(side).username, opened.id, peer).await?
                }
                (None, None) => continue,
            };
            if taken != AcquireOutcome::Acquired {
                return Ok((opened, Some((side, taken))));
            }
        }
        Ok((opened, None))
    }

    /// Takes a handle for an open call: only if it owns `username` and is in no other call. Taking
    /// it again for the same call is `Won` too, even after it lost the name. A call that was freed
    /// meanwhile gets nothing (`Gone`), so that no handle is left in a call that is over; nor does one
    /// whose name a peer has taken. The name's record says for peers that it is in a call, with `peer`,
    /// until the call is freed.
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

    /// The call's record.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn call(&self, call: CallId) -> Result<Option<Call>> {
        on_store!(self, call(call))
    }

    /// Ends a call: frees whichever of its handles are still in it, removes the record and the
    /// backend's count of it. `None` when there is no such call any more. Touches no handle that is
    /// in another call. (Redis: a mark that it is over, handles, the record, the count; stopped
    /// half-way, it can be done again. Two who free it at once may both get the record.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn release_call(&self, call: CallId) -> Result<Option<Call>> {
        on_store!(self, release_call(call))
    }

    /// Ends a call like [`release_call`](Self::release_call), on behalf of the connector that has the backend's
    /// lease with this token: a former one cannot. None for somebody who may end any call. With a
    /// `letter` the record stays, and the backend's count of it, until the call is
    /// [forgotten](Self::forget_call): whoever goes on finds what its sides are to hear.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn end_call(
        &self,
        call: CallId,
        token: Option<FencingToken>,
        letter: Option<&str>,
    ) -> Result<EndOutcome> {
        on_store!(self, end_call(call, token, letter))
    }

    /// Removes what is left of a call that was concluded, now that its sides have been told.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn delete_call(&self, call: &Call) -> Result<()> {
        on_store!(self, delete_call(call))
    }

    /// Whether a connector has concluded this call, not longer than [`OVER_LIFE`](crate::OVER_LIFE) ago: a
    /// request for it that comes again is not to begin it anew.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn has_ended(&self, call: CallId) -> Result<bool> {
        on_store!(self, has_ended(call))
    }

    /// Writes down what the connector with this token knows of these calls, in one round trip. False
    /// for a call that has no record any more, or that a later holder of the lease has written to.
    ///
    /// # Errors
    /// [`crate::Error`]; then some may be written down and others not.
    pub async fn save_calls(&self, token: FencingToken, saves: &[(CallId, String)]) -> Result<Vec<bool>> {
        on_store!(self, save_calls(token, saves))
    }

    /// The calls on a backend with what its last connector wrote down of them, and those that were concluded
    /// with a letter. A call that is being freed without one is none of them.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn orphaned_calls(&self, backend: &BackendName) -> Result<Vec<OrphanedCall>> {
        on_store!(self, orphaned_calls(backend))
    }

    /// Writes a running call down again in a directory that has lost it: its record, the state, the
    /// backend's count, and its mark on both handles, also on those whose own records are not back
    /// yet. A handle that is in another call is left in that.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn restore_call(&self, call: &Call, token: FencingToken, state: &str) -> Result<()> {
        on_store!(self, restore_call(call, token, state))
    }

    /// The calls on a backend.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn calls_on(&self, backend: &BackendName) -> Result<Vec<CallId>> {
        on_store!(self, calls_on(backend))
    }

    /// The backends that have calls, announced or not. On Redis it looks at all keys, in small steps: it
    /// is for who starts, not for every second.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn backends_with_calls(&self) -> Result<Vec<BackendName>> {
        on_store!(self, backends_with_calls())
    }

    /// How many calls each of these backends has, in the same order, in one round trip.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn count_calls(&self, backends: &[BackendName]) -> Result<Vec<u64>> {
        on_store!(self, count_calls(backends))
    }
}
