//! What a connection gives to the scribe: each of its sessions when it has changed and its client has
//! been told all of it, see [`unsaved`](crate::persist::dirty).

use super::Connection;
use crate::persist::pending_write::PendingWrite;
use crate::session::action::{Action, Destination};
use bus::ack_tracker::AckGuard;
use bus::message::{Address, Body, ClientMoved, Message, Restore};
use protocol::{HandleId, HandleRef, SessionId};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a client waits for its session to be written down: the directory may be away.
const PERSIST_TIMEOUT: Duration = Duration::from_secs(1);

impl Connection {
    /// Gives the scribe what is ready; at once where the client is gone, for an edge that stops waits for no
    /// appointment of those.
    pub(super) fn submit_ready(&mut self) {
        let now = Instant::now();
        self.mark_changed(now);
        if self.output.is_disconnected() {
            self.dirty.flush_now(now);
        }
        let appoint = || self.shared.writer.next_flush(now);
        for session in self.dirty.ready(self.output.is_flushed(), now, appoint) {
            self.submit(session);
        }
    }

    /// Waits until a session is written down as it is now.
    pub(super) async fn persist_now(&mut self, session: SessionId) {
        self.mark_changed(Instant::now());
        self.submit(session);
        self.shared.writer.flush_now();
        let _ = timeout(PERSIST_TIMEOUT, self.shared.writer.persisted(session)).await;
    }

    fn mark_changed(&mut self, now: Instant) {
        for session in self.client.take_changed() {
            self.dirty.mark(session, now);
        }
    }

    fn submit(&mut self, session: SessionId) {
        let receipts = self.dirty.take(session);
        if let Some(draft) = self.pending_write(session, receipts) {
            let is_behind = !self.output.is_flushed() && !draft.backlog.is_empty();
            self.shared.writer.submit(draft);
            if is_behind {
                self.dirty.mark_backlog(session);
            }
        }
    }

    /// A session as it is now; none for one that is not here.
    pub(super) fn pending_write(
        &mut self,
        session: SessionId,
        receipts: Vec<AckGuard>,
    ) -> Option<PendingWrite> {
        let now = Instant::now();
        let state = self.client.snapshot(session, now)?;
        let (unheard, known) = self.output.backlog_to_persist(session);
        let away_since = self.client.disconnected_for(now).and_then(|away| now.checked_sub(away));
        let origin = self.sender.clone();
        Some(PendingWrite {
            session,
            state,
            backlog: unheard,
            already_stored: known,
            disconnected_since: away_since,
            ack_guards: receipts,
            owner: origin,
        })
    }

    /// The directory may have lost a session.
    pub(super) fn resubmit(&mut self, session: SessionId) {
        self.output.mark_unpersisted(session);
        self.dirty.mark(session, Instant::now());
    }

    /// The directory had lost a session: its names are asked for again, and its calls, which may have
    /// ended unheard.
    pub(super) async fn restore_records(&mut self, session: SessionId) {
        let names = self.client.names(session).into_iter();
        let named = names.filter_map(|(handle, name)| name.map(|name| (handle, name)));
        let mut acts: Vec<Action> = named
            .map(|(handle, username)| {
                let body = Body::Restore(Restore { who: self.address(session, handle), username });
                publish(Destination::Requests, body, session, handle)
            })
            .collect();
        acts.extend(self.client.legs(session).into_iter().map(|(handle, leg, backend)| {
            let body = Body::ClientMoved(ClientMoved { leg, address: self.address(session, handle) });
            publish(Destination::Backend(backend), body, session, handle)
        }));
        self.perform(acts).await;
    }

    pub(super) fn address(&self, session: SessionId, handle: HandleId) -> Address {
        Address { edge: self.shared.context.id.clone(), session, handle }
    }
}

fn publish(road: Destination, body: Body, session: SessionId, handle: HandleId) -> Action {
    Action::Publish(road, Box::new(Message::new(body)), HandleRef { session, handle })
}
