//! Sessions.

use super::{MemoryDirectory, Past, SessionRecord};
use crate::FORMERS;
use crate::record::{Inherited, Save, Saved, Session, Terms, Unheard};
use protocol::{ServiceId, SessionId};
use std::collections::btree_map::Entry;
use std::time::Duration;

impl MemoryDirectory {
    pub(crate) fn open_session(&self, session: SessionId, edge: &ServiceId, terms: &Terms) -> bool {
        match self.state().sessions.entry(session) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(SessionRecord {
                    edge: edge.clone(),
                    terms: terms.clone(),
                    away: None,
                    state: None,
                    unheard: Vec::new(),
                    formers: Vec::new(),
                });
                true
            }
        }
    }

    pub(crate) fn session(&self, session: SessionId) -> Option<Session> {
        let state = self.state();
        let SessionRecord { edge, terms, away, .. } = state.sessions.get(&session)?;
        let away = away.as_ref().map(Past::elapsed);
        Some(Session { edge: edge.clone(), terms: terms.clone(), away })
    }

    pub(crate) fn save_sessions(&self, edge: &ServiceId, saves: &[Save]) -> Vec<Saved> {
        let mut state = self.state();
        let save = |save: &Save| match state.sessions.get_mut(&save.session) {
            None => Saved::Missing,
            Some(record) if record.edge != *edge => Saved::HeldBy(record.edge.clone()),
            Some(record) => {
                record.save(save);
                Saved::Yes
            }
        };
        saves.iter().map(save).collect()
    }

    pub(crate) fn claim_session(
        &self,
        session: SessionId,
        from: &ServiceId,
        to: &ServiceId,
    ) -> Option<Inherited> {
        let mut state = self.state();
        let record = state.sessions.get_mut(&session).filter(|record| record.edge == *from)?;
        record.edge = to.clone();
        record.away = Some(Past::ago(Duration::ZERO));
        if from != to {
            record.formers.retain(|former| former != from && former != to);
            record.formers.insert(0, from.clone());
            record.formers.truncate(FORMERS);
        }
        let SessionRecord { state, unheard, formers, .. } = record;
        Some(Inherited { state: state.clone(), unheard: unheard.clone(), formers: formers.clone() })
    }

    pub(crate) fn close_session(&self, session: SessionId, edge: &ServiceId) {
        let mut state = self.state();
        if state.sessions.get(&session).is_some_and(|record| record.edge == *edge) {
            state.sessions.remove(&session);
        }
    }
}

impl SessionRecord {
    fn save(&mut self, save: &Save) {
        self.state = Some(save.state.clone());
        self.away = save.away.map(Past::ago);
        match &save.unheard {
            Unheard::Add(more) => self.unheard.extend_from_slice(more),
            Unheard::Only(all) => self.unheard.clone_from(all),
        }
    }
}
