//! Paginated lists. A whole list is one step of a scan, ordered by the hash of the names.

use super::MemoryDirectory;
use crate::listing::{Cursor, ListedSession, Page, name_hash};
use crate::record::{Call, RegisteredName};
use protocol::SessionId;
use std::collections::BTreeMap;

impl MemoryDirectory {
    pub(crate) fn users_page(&self, after: Cursor, limit: usize) -> Page<RegisteredName> {
        let state = self.state();
        let all = state.users.keys().map(|name| (name_hash(name.as_bytes()), name));
        page(all, after, limit).filter_map(|name| state.user(name))
    }

    pub(crate) fn sessions_page(&self, after: Cursor, limit: usize) -> Page<ListedSession> {
        let state = self.state();
        let all = state.sessions.iter().map(|(id, record)| (name_hash(&id.0.to_be_bytes()), (id, record)));
        page(all, after, limit).filter_map(|(id, record)| {
            let away = record.away.as_ref().map(super::BackdatedInstant::elapsed);
            Some(ListedSession {
                session: *id,
                edge: record.edge.clone(),
                away,
                client: record.client.clone(),
            })
        })
    }

    pub(crate) fn calls_page(&self, after: Cursor, limit: usize) -> Page<Call> {
        let state = self.state();
        let all = state.calls.iter().map(|(id, record)| (name_hash(id.0.as_bytes()), record));
        page(all, after, limit)
            .filter_map(|record| record.final_notices.is_none().then(|| record.call.clone()))
    }

    pub(crate) fn session_state(&self, session: SessionId) -> Option<String> {
        self.state().sessions.get(&session)?.state.clone()
    }
}

fn page<T>(all: impl Iterator<Item = (u64, T)>, after: Cursor, limit: usize) -> Page<T> {
    let is_after = |hash: u64| after.after_hash.is_none_or(|last| hash > last);
    let mut items: BTreeMap<u64, T> = all.filter(|(hash, _)| is_after(*hash)).collect();
    let rest = items.keys().nth(limit).copied().map(|first| items.split_off(&first));
    let after_hash = items.keys().next_back().copied();
    Page {
        items: items.into_values().collect(),
        malformed: 0,
        next: rest.map(|_| Cursor { step: 0, after_hash }),
    }
}
