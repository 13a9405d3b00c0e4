//! Sessions, the edges that own them, and the edges' heartbeats.

use super::{BackdatedInstant, MemoryDirectory, SessionRecord};
use crate::record::{BacklogUpdate, ClaimedSession, SaveOutcome, SaveRequest, Session, SessionPolicy};
use crate::{DEREGISTERED_AGE, MAX_PREVIOUS_EDGES};
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::collections::btree_map::Entry;
use std::time::Duration;
use tokio::time::Instant;

impl MemoryDirectory {
    pub(crate) fn open_session(&self, session: SessionId, edge: &ServiceId, policy: &SessionPolicy) -> bool {
        match self.state().sessions.entry(session) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(SessionRecord {
                    edge: edge.clone(),
                    policy: policy.clone(),
                    away: None,
                    client: None,
                    state: None,
                    backlog: Vec::new(),
                    previous_edges: Vec::new(),
                });
                true
            }
        }
    }

    pub(crate) fn session(&self, session: SessionId) -> Option<Session> {
        let state = self.state();
        let SessionRecord { edge, policy, away, client, .. } = state.sessions.get(&session)?;
        let away = away.as_ref().map(BackdatedInstant::elapsed);
        Some(Session { edge: edge.clone(), policy: policy.clone(), away, client: client.clone() })
    }

    pub(crate) fn save_sessions(&self, edge: &ServiceId, saves: &[SaveRequest]) -> Vec<SaveOutcome> {
        let mut state = self.state();
        let save = |save: &SaveRequest| match state.sessions.get_mut(&save.session) {
            None => SaveOutcome::Missing,
            Some(record) if record.edge != *edge => SaveOutcome::OwnedBy(record.edge.clone()),
            Some(record) => {
                record.save(save);
                SaveOutcome::Saved
            }
        };
        saves.iter().map(save).collect()
    }

    pub(crate) fn claim_session(
        &self,
        session: SessionId,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Option<ClaimedSession> {
        let mut state = self.state();
        let record = state.sessions.get_mut(&session).filter(|record| record.edge == *from)?;
        record.edge = to.clone();
        record.away = Some(BackdatedInstant::ago(Duration::ZERO));
        if from != to {
            record.previous_edges.retain(|previous| previous != from && previous != to);
            record.previous_edges.insert(0, from.clone());
            record.previous_edges.truncate(MAX_PREVIOUS_EDGES);
        }
        Some(ClaimedSession {
            state: record.state.clone(),
            backlog: record.backlog.clone(),
            previous_edges: record.previous_edges.clone(),
        })
    }

    pub(crate) fn close_session(&self, session: SessionId, edge: &ServiceId) {
        let mut state = self.state();
        if state.sessions.get(&session).is_some_and(|record| record.edge == *edge) {
            state.sessions.remove(&session);
        }
    }

    pub(crate) fn heartbeat(&self, edge: &ServiceId) -> Option<Duration> {
        let previous = self.state().edges.insert(edge.clone(), BackdatedInstant::ago(Duration::ZERO));
        previous.map(|heartbeat| heartbeat.elapsed())
    }

    /// The heartbeats of routers are not bounded: one process has one router.
    pub(crate) fn router_heartbeat(&self, router: &ServiceId) -> Option<Duration> {
        let previous = self.state().routers.insert(router.clone(), Instant::now());
        previous.map(|heartbeat| heartbeat.elapsed())
    }

    pub(crate) fn deregister_edge(&self, edge: &ServiceId) {
        self.state().edges.insert(edge.clone(), BackdatedInstant::ago(DEREGISTERED_AGE));
    }

    pub(crate) fn since_heartbeat(&self, edge: &ServiceId) -> Option<Duration> {
        self.state().edges.get(edge).map(BackdatedInstant::elapsed)
    }

    pub(crate) fn stale_edges(&self, threshold: Duration) -> Vec<ServiceId> {
        let state = self.state();
        let stale = state.edges.iter().filter(|(_, heartbeat)| heartbeat.elapsed() >= threshold);
        stale.map(|(edge, _)| edge.clone()).collect()
    }

    /// Searches all records: an edge in the process of its directory is rarely reaped.
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

impl SessionRecord {
    fn save(&mut self, save: &SaveRequest) {
        self.state = Some(save.state.clone());
        self.away = save.away.map(BackdatedInstant::ago);
        if save.client.is_some() {
            self.client.clone_from(&save.client);
        }
        match &save.backlog {
            BacklogUpdate::Append(more) => self.backlog.extend_from_slice(more),
            BacklogUpdate::Replace(all) => self.backlog.clone_from(all),
        }
    }
}
