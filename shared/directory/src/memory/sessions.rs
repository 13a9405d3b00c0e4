//! Sessions and the edges that hold them.

use super::MemoryDirectory;
use protocol::{HandleRef, ServiceId, SessionId};
use std::collections::hash_map::Entry;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn open_session(&self, session: SessionId, edge: &ServiceId) -> bool {
        match self.state().sessions.entry(session) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(edge.clone());
                true
            }
        }
    }

    pub(crate) fn session(&self, session: SessionId) -> Option<ServiceId> {
        self.state().sessions.get(&session).cloned()
    }

    pub(crate) fn close_session(&self, session: SessionId, edge: &ServiceId) {
        let mut state = self.state();
        if state.sessions.get(&session) == Some(edge) {
            state.sessions.remove(&session);
        }
    }

    pub(crate) fn edge_alive(&self, edge: &ServiceId) {
        self.state().edges.insert(edge.clone(), Instant::now());
    }

    pub(crate) fn silent_edges(&self, silent_for: Duration) -> Vec<ServiceId> {
        let silent = |seen: &Instant| seen.elapsed() >= silent_for;
        self.state().edges.iter().filter(|(_, seen)| silent(seen)).map(|(edge, _)| edge.clone()).collect()
    }

    /// Looks at every record: an edge that shares its process with the directory is seldom reaped.
    pub(crate) fn held_by(&self, edge: &ServiceId) -> (Vec<HandleRef>, Vec<SessionId>) {
        let state = self.state();
        let handles = state.handles.iter().filter(|(_, record)| record.edge == *edge);
        let sessions = state.sessions.iter().filter(|(_, holder)| *holder == edge);
        (handles.map(|(handle, _)| *handle).collect(), sessions.map(|(session, _)| *session).collect())
    }

    pub(crate) fn forget_edge(&self, edge: &ServiceId) {
        self.state().edges.remove(edge);
    }
}
