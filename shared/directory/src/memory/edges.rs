//! Edges: their signs of life, and what they hold.

use super::{BackdatedInstant, MemoryDirectory};
use crate::DEREGISTERED_AGE;
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::time::Duration;

impl MemoryDirectory {
    pub(crate) fn heartbeat(&self, edge: &ServiceId) -> bool {
        self.state().edges.insert(edge.clone(), BackdatedInstant::ago(Duration::ZERO)).is_some()
    }

    pub(crate) fn deregister_edge(&self, edge: &ServiceId) {
        self.state().edges.insert(edge.clone(), BackdatedInstant::ago(DEREGISTERED_AGE));
    }

    pub(crate) fn since_heartbeat(&self, edge: &ServiceId) -> Option<Duration> {
        self.state().edges.get(edge).map(BackdatedInstant::elapsed)
    }

    pub(crate) fn stale_edges(&self, silent_for: Duration) -> Vec<ServiceId> {
        let state = self.state();
        let silent = state.edges.iter().filter(|(_, seen)| seen.elapsed() >= silent_for);
        silent.map(|(edge, _)| edge.clone()).collect()
    }

    /// Looks at every record: an edge that shares its process with the directory is seldom reaped.
    pub(crate) fn owned_by(&self, edge: &ServiceId) -> (Vec<HandleRef>, Vec<SessionId>) {
        let state = self.state();
        let handles = state.handles.iter().filter(|(_, record)| record.edge.as_ref() == Some(edge));
        let sessions = state.sessions.iter().filter(|(_, record)| record.edge == *edge);
        (handles.map(|(handle, _)| *handle).collect(), sessions.map(|(session, _)| *session).collect())
    }

    pub(crate) fn remove_edge(&self, edge: &ServiceId) {
        self.state().edges.remove(edge);
    }
}
