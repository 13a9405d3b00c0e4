//! Edges: their signs of life, and what they hold.

use super::{MemoryDirectory, Past};
use crate::LONG_AGO;
use protocol::{HandleRef, ServiceId, SessionId};
use std::time::Duration;

impl MemoryDirectory {
    pub(crate) fn edge_alive(&self, edge: &ServiceId) -> bool {
        self.state().edges.insert(edge.clone(), Past::ago(Duration::ZERO)).is_some()
    }

    pub(crate) fn edge_leaves(&self, edge: &ServiceId) {
        self.state().edges.insert(edge.clone(), Past::ago(LONG_AGO));
    }

    pub(crate) fn edge_silence(&self, edge: &ServiceId) -> Option<Duration> {
        self.state().edges.get(edge).map(Past::elapsed)
    }

    pub(crate) fn silent_edges(&self, silent_for: Duration) -> Vec<ServiceId> {
        let state = self.state();
        let silent = state.edges.iter().filter(|(_, seen)| seen.elapsed() >= silent_for);
        silent.map(|(edge, _)| edge.clone()).collect()
    }

    /// Looks at every record: an edge that shares its process with the directory is seldom reaped.
    pub(crate) fn held_by(&self, edge: &ServiceId) -> (Vec<HandleRef>, Vec<SessionId>) {
        let state = self.state();
        let handles = state.handles.iter().filter(|(_, record)| record.edge.as_ref() == Some(edge));
        let sessions = state.sessions.iter().filter(|(_, record)| record.edge == *edge);
        (handles.map(|(handle, _)| *handle).collect(), sessions.map(|(session, _)| *session).collect())
    }

    pub(crate) fn forget_edge(&self, edge: &ServiceId) {
        self.state().edges.remove(edge);
    }
}
