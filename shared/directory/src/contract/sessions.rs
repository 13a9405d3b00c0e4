//! Sessions and the edges that hold them.

use crate::record::{ClaimedSession, SaveOutcome, SaveRequest, Session, SessionPolicy};
use crate::{Directory, Result};
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::time::Duration;

/// Sessions and the edges that hold them.
///
/// An edge writes down what it knows of a session whenever that changes, so that any other can go on
/// with it. Each write says whose it is: an edge that was taken for dead, or only frozen, changes
/// nothing of what is another's by now.
impl Directory {
    /// Writes down a new session; false when the id is taken.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn open_session(
        &self,
        session: SessionId,
        edge: &ServiceId,
        policy: &SessionPolicy,
    ) -> Result<bool> {
        on_store!(self, open_session(session, edge, policy))
    }

    /// A session and the edge that holds it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn session(&self, session: SessionId) -> Result<Option<Session>> {
        on_store!(self, session(session))
    }

    /// Writes down what `edge` knows of these sessions, in one round trip; the answers are in the
    /// same order. A session that is not this edge's is left as it is.
    ///
    /// # Errors
    /// [`crate::Error`]; then some may be written down and others not.
    pub async fn save_sessions(&self, edge: &ServiceId, saves: &[SaveRequest]) -> Result<Vec<SaveOutcome>> {
        on_store!(self, save_sessions(edge, saves))
    }

    /// Takes a session over, if `from` holds it: from now on `from` can change nothing of it. What
    /// its client has not heard stays written down until the new edge saves, and until then the client
    /// counts as away since now. An edge that did not get
    /// the answer finds the session its own and claims it from itself. (Redis: the index of what
    /// `to` holds first, then the record, then the index of `from`.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn claim_session(
        &self,
        session: SessionId,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<Option<ClaimedSession>> {
        on_store!(self, claim_session(session, from, to))
    }

    /// The handle, and its name if it owns that, are at `to` from now on. A handle without a record
    /// gets none. When another edge has claimed the handle's session meanwhile, they are at that one: who
    /// was frozen takes nothing back. (Redis: the index of what `to` holds, the handle, the name, the
    /// index of `from`. It looks at the session before and after.)
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn move_handle(
        &self,
        handle: HandleRef,
        username: Option<&str>,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Result<()> {
        on_store!(self, move_handle(handle, username, from, to))
    }

    /// Removes a session, if that edge holds it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn close_session(&self, session: SessionId, edge: &ServiceId) -> Result<()> {
        on_store!(self, close_session(session, edge))
    }

    /// The edge is alive: to be said every second. False when the directory did not know it: this is
    /// the first time, or it was taken for dead and reaped, or the directory has lost everything. It
    /// says so once: an error may be such an answer on its way.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn heartbeat(&self, edge: &ServiceId) -> Result<bool> {
        on_store!(self, heartbeat(edge))
    }

    /// The edge stops for good and leaves its sessions to be claimed: from now on it is as silent as
    /// one that died long ago. Every session of it must have been saved as away before.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn deregister_edge(&self, edge: &ServiceId) -> Result<()> {
        on_store!(self, deregister_edge(edge))
    }

    /// How long ago the edge gave its last sign of life, by the store's own clock; none for an edge
    /// that is not known. One that has left was silent for [`LONG_AGO`](crate::LONG_AGO) at least.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn since_heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        on_store!(self, since_heartbeat(edge))
    }

    /// Edges that have given no sign of life for this long, by the store's own clock.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn stale_edges(&self, silent_for: Duration) -> Result<Vec<ServiceId>> {
        on_store!(self, stale_edges(silent_for))
    }

    /// All handles with a record that this edge has or had, and its sessions. The list may name
    /// what is gone or is held by another edge by now: look at each before removing it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn owned_by(&self, edge: &ServiceId) -> Result<(Vec<HandleRef>, Vec<SessionId>)> {
        on_store!(self, owned_by(edge))
    }

    /// Forgets an edge: its sign of life and the list of what it held, which must have been
    /// removed before.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn remove_edge(&self, edge: &ServiceId) -> Result<()> {
        on_store!(self, remove_edge(edge))
    }
}
