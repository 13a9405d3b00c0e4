//! Submits the changed sessions of a connection to the session writer, see [`dirty`](crate::persist::dirty).

use super::Connection;
use crate::persist::writer::PendingWrite;
use crate::session::action::{Action, Destination};
use bus::ack_tracker::AckGuard;
use bus::message::{Address, Body, ClientMoved, Message, Restore};
use protocol::{HandleId, HandleRef, SessionId};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a client waits for its session to be stored: the directory may be unavailable.
const PERSIST_TIMEOUT: Duration = Duration::from_secs(1);

impl Connection {
    /// Submits the sessions that are ready. Those of a disconnected client do not wait for the writer's next flush,
    /// because the shutdown does not wait for that either.
    pub(super) fn submit_ready(&mut self) {
        let now = Instant::now();
        self.mark_changed(now);
        if self.output.is_disconnected() {
            self.dirty.flush_now(now);
        }
        let schedule = || self.parts.writer.next_flush(now);
        for session in self.dirty.ready(self.output.is_flushed(), now, schedule) {
            self.submit(session);
        }
    }

    /// Waits until the current state of a session is stored.
    pub(super) async fn persist_now(&mut self, session: SessionId) {
        self.mark_changed(Instant::now());
        self.submit(session);
        self.parts.writer.flush_now();
        let _ = timeout(PERSIST_TIMEOUT, self.parts.writer.persisted(session)).await;
    }

    /// Stores a session with its whole backlog again, because the directory may have lost it.
    pub(super) fn persist_again(&mut self, session: SessionId) {
        self.output.mark_unpersisted(session);
        self.dirty.mark(session, Instant::now());
    }

    fn mark_changed(&mut self, now: Instant) {
        for session in self.client.take_changed() {
            self.dirty.mark(session, now);
        }
    }

    fn submit(&mut self, session: SessionId) {
        let ack_guards = self.dirty.take(session);
        if let Some(write) = self.pending_write(session, ack_guards) {
            let has_unsent = !self.output.is_flushed() && !write.backlog.is_empty();
            self.parts.writer.submit(write);
            if has_unsent {
                self.dirty.mark_backlog(session);
            }
        }
    }

    /// The current state of a session; none if it is not here.
    pub(super) fn pending_write(
        &mut self,
        session: SessionId,
        ack_guards: Vec<AckGuard>,
    ) -> Option<PendingWrite> {
        let now = Instant::now();
        let state = self.client.snapshot(session, now)?;
        let (backlog, already_stored) = self.output.backlog_to_persist(session);
        let disconnected_for = self.client.disconnected_for(now);
        Some(PendingWrite {
            session,
            state,
            backlog,
            already_stored,
            disconnected_since: disconnected_for.and_then(|duration| now.checked_sub(duration)),
            client: self.address,
            ack_guards,
            owner: self.sender.clone(),
        })
    }

    /// The directory had lost a session: has routers restore its names, and connectors check its calls.
    pub(super) async fn restore_records(&mut self, session: SessionId) {
        let mut actions = Vec::new();
        for (handle, name) in self.client.names(session) {
            if let Some(username) = name {
                let body = Body::Restore(Restore { who: self.address(session, handle), username });
                actions.push(publish(Destination::Requests, body, session, handle));
            }
        }
        for (handle, leg, backend) in self.client.legs(session) {
            let body = Body::ClientMoved(ClientMoved { leg, address: self.address(session, handle) });
            actions.push(publish(Destination::Backend(backend), body, session, handle));
        }
        self.perform(actions).await;
    }

    pub(super) fn address(&self, session: SessionId, handle: HandleId) -> Address {
        Address { edge: self.parts.context.id.clone(), session, handle }
    }
}

fn publish(destination: Destination, body: Body, session: SessionId, handle: HandleId) -> Action {
    Action::Publish(destination, Box::new(Message::new(body)), HandleRef { session, handle })
}
