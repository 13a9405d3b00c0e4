//! Takeovers: sessions continue at another edge from their snapshots, and events come by two paths.

use super::model::Model;
use crate::session::Session;
use bus::message::{Change, Events};
use common::{ServiceId, clock};
use protocol::{HandleRef, SessionId};

/// How many messages may be delivered again after a takeover.
const MAX_REDELIVERED: usize = 8;

/// What an edge would lose of a session if it died.
pub struct Unpersisted {
    /// The latest snapshot.
    state: String,
    /// The messages that its client would not have received.
    sent: Vec<String>,
    /// The events since.
    received: Vec<Events>,
    /// The requests since.
    pub requests: Vec<String>,
}

impl Model {
    pub fn takeover_step(&mut self, what: u8, which: u8, how: u8) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        match (what, ids.get(usize::from(which) % ids.len().max(1))) {
            (32, Some(id)) => self.take_over(*id, usize::from(how) % MAX_REDELIVERED),
            (33, _) => self.is_delaying = how > 96,
            (34, _) if how > 240 => self.cluster.term = self.cluster.term.map(|term| term + 1),
            (34, _) => drop(self.deliver_delayed(usize::from(how))),
            (35, Some(id)) if how < 128 => self.stop_persisting(*id),
            (35, Some(id)) => self.persist(*id),
            // Without sequence numbers an edge cannot recognise duplicates.
            (36, Some(id)) if self.cluster.term.is_some() => self.kill_edge(*id),
            _ => {}
        }
    }

    /// Delivers a delayed event; false if there is none.
    pub fn deliver_delayed(&mut self, which: usize) -> bool {
        let has_delayed = !self.delayed.is_empty();
        if has_delayed {
            let events = self.delayed.remove(which % self.delayed.len());
            self.deliver(events);
        }
        has_delayed
    }

    /// Another edge takes over a session, and gets some of the latest events again.
    fn take_over(&mut self, id: SessionId, redelivered: usize) {
        self.persist(id);
        let state = self.connections[self.sessions[&id]].client.snapshot(id, self.now).unwrap();
        self.restore_elsewhere(id, &state);
        assert_eq!(self.connections[self.sessions[&id]].client.snapshot(id, self.now).unwrap(), state);
        if self.cluster.term.is_some() {
            let mailbox = self.mailbox.get(&id).cloned().unwrap_or_default();
            mailbox.iter().rev().take(redelivered).rev().for_each(|events| self.deliver(events.clone()));
        }
    }

    fn restore_elsewhere(&mut self, id: SessionId, state: &str) {
        let (from, to) = (self.sessions[&id], self.connect());
        assert!(self.connections[from].client.discard(id));
        let edge = ServiceId::from("edge-2");
        let session = Session::restore(state, id, &edge, self.now, clock::unix_millis()).unwrap();
        self.connections[to].client.add_claimed(session, self.now);
        self.sessions.insert(id, to);
    }

    /// From now on the session is not persisted.
    fn stop_persisting(&mut self, id: SessionId) {
        let state = self.connections[self.sessions[&id]].client.snapshot(id, self.now).unwrap();
        let unpersisted = Unpersisted { state, sent: Vec::new(), received: Vec::new(), requests: Vec::new() };
        self.unpersisted.entry(id).or_insert(unpersisted);
    }

    /// The session is persisted, and its client has received its messages.
    pub fn persist(&mut self, id: SessionId) {
        let sent = self.unpersisted.remove(&id).map(|unpersisted| unpersisted.sent);
        sent.into_iter().flatten().for_each(|text| self.checker.on_message(&text));
    }

    pub fn on_client_message(&mut self, id: SessionId, text: String) {
        match self.unpersisted.get_mut(&id) {
            Some(unpersisted) => unpersisted.sent.push(text),
            None => self.checker.on_message(&text),
        }
    }

    /// Kills the edge of a session: another edge restores the snapshot and gets the events since.
    fn kill_edge(&mut self, id: SessionId) {
        let Some(unpersisted) = self.unpersisted.remove(&id) else { return };
        self.restore_elsewhere(id, &unpersisted.state);
        let named = self.connections[self.sessions[&id]].client.names(id);
        let named = |who: &HandleRef| named.iter().any(|(handle, _)| *handle == who.handle);
        self.recorded.retain(|who| who.session != id || named(who));
        unpersisted.requests.iter().for_each(|transaction| self.checker.mark_lost(transaction));
        unpersisted.received.into_iter().for_each(|events| self.deliver(events));
    }

    pub fn record_in_mailbox(&mut self, events: &Events) {
        if let Some(unpersisted) = self.unpersisted.get_mut(&events.session) {
            unpersisted.received.push(events.clone());
        }
        if let Some(Change::Registered(_)) = &events.change {
            let who = HandleRef { session: events.session, handle: events.handle };
            self.recorded.insert(who);
        }
        let mailbox = self.mailbox.entry(events.session).or_default();
        mailbox.push_back(events.clone());
        if mailbox.len() > MAX_REDELIVERED {
            mailbox.pop_front();
        }
    }

    /// The snapshots are up to date, except those of sessions that report a change.
    pub fn check_snapshots(&mut self) {
        for (id, at) in &self.sessions {
            let client = &mut self.connections[*at].client;
            for changed in client.take_changed() {
                self.saved.insert(changed, client.snapshot(changed, self.now).unwrap());
            }
            assert_eq!(client.snapshot(*id, self.now), self.saved.get(id).cloned());
        }
    }
}
