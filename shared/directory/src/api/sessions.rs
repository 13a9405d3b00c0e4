//! Sessions, the edges that own them, and the edges' heartbeats.

use super::on_store;
use crate::record::{ClaimedSession, SaveOutcome, SaveRequest, Session, SessionPolicy};
use crate::{Directory, Result};
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::time::Duration;

/// Sessions, the edges that own them, and the edges' heartbeats.
///
/// An edge stores the state of a session at each change, so that any other edge can take it over. Each write
/// names the edge: one that was taken for dead, or was frozen, cannot change a session that another edge
/// owns.
impl Directory {
    /// Creates a session. Returns false when the id is taken.
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

    /// Returns a session, with the edge that owns it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn session(&self, session: SessionId) -> Result<Option<Session>> {
        on_store!(self, session(session))
    }

    /// Stores the state of these sessions in one round trip; the outcomes are in the same order. Leaves a
    /// session of another edge alone.
    ///
    /// # Errors
    /// [`crate::Error`]; some of the sessions may be stored then.
    pub async fn save_sessions(&self, edge: &ServiceId, saves: &[SaveRequest]) -> Result<Vec<SaveOutcome>> {
        on_store!(self, save_sessions(edge, saves))
    }

    /// Moves a session from the edge `from` to `to`, if `from` owns it: from then on `from` cannot change it.
    /// Until the new edge saves the session, the backlog stays stored and the client counts as disconnected, from
    /// now on. An edge that got no reply finds that it owns the session, and claims it from itself. (Redis writes
    /// the index of `to` and the record in one round trip, then the index of `from`.)
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

    /// Moves a handle to the edge `to`, and its name if the handle owns that. Creates no record. When another
    /// edge has claimed the session meanwhile, the handle moves to that edge, so an edge that was frozen takes
    /// nothing back. (Redis writes the index of `to`, the handle, the name and the index of `from`, in this order.
    /// It reads the session before and after.)
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

    /// Removes a session, if `edge` owns it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn close_session(&self, session: SessionId, edge: &ServiceId) -> Result<()> {
        on_store!(self, close_session(session, edge))
    }

    /// Records the edge's heartbeat, which it sends every second. Returns the time since its previous heartbeat, by
    /// the store's clock. Returns `None` when the edge was unknown: it is the first heartbeat, the edge was
    /// reaped, or Redis lost its data. The next heartbeat knows the edge, so a failed one must be treated as if it
    /// had returned `None`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        on_store!(self, heartbeat(edge))
    }

    /// Does the same for a router, with a write of the same kind. A router that has no gap between its heartbeats knows
    /// that edges could write theirs.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn router_heartbeat(&self, router: &ServiceId) -> Result<Option<Duration>> {
        on_store!(self, router_heartbeat(router))
    }

    /// Deregisters an edge that shuts down: from now on its heartbeat counts as older than
    /// [`DEREGISTERED_AGE`](crate::DEREGISTERED_AGE), and other edges may claim its sessions. The edge must
    /// have saved all of them as disconnected.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn deregister_edge(&self, edge: &ServiceId) -> Result<()> {
        on_store!(self, deregister_edge(edge))
    }

    /// Returns the time since the edge's last heartbeat, by the store's clock; `None` for an unknown edge.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn since_heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        on_store!(self, since_heartbeat(edge))
    }

    /// Returns the edges whose last heartbeat is older than `threshold`, by the store's clock.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn stale_edges(&self, threshold: Duration) -> Result<Vec<ServiceId>> {
        on_store!(self, stale_edges(threshold))
    }

    /// Returns the handles and sessions in the edge's index. The index may also name records that are removed
    /// or that another edge owns: check each before removing it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn owned_by(&self, edge: &ServiceId) -> Result<(Vec<HandleRef>, Vec<SessionId>)> {
        on_store!(self, owned_by(edge))
    }

    /// Removes an edge: its heartbeat and its index. Its handles and sessions must have been removed before.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn remove_edge(&self, edge: &ServiceId) -> Result<()> {
        on_store!(self, remove_edge(edge))
    }
}
