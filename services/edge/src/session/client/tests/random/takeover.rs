//! Sessions that go on at another edge, from what was written down of them, and what comes by two roads.

use super::model::Model;
use crate::session::Session;
use bus::message::{Change, Events};
use common::{ServiceId, entropy};
use protocol::{HandleRef, SessionId};

/// Of how many messages it may not be known that they were heard when their edge died.
const UNSURE: usize = 8;

/// What an edge knows of a session and has not written down.
pub struct Unwritten {
    /// The session when it was written down for the last time.
    state: String,
    /// What its client was told since.
    told: Vec<String>,
    /// What came for it since.
    came: Vec<Events>,
    /// What its client asked since.
    pub asked: Vec<String>,
}

impl Model {
    pub fn moves_step(&mut self, what: u8, which: u8, how: u8) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        match (what, ids.get(usize::from(which) % ids.len().max(1))) {
            (32, Some(id)) => self.moves(*id, usize::from(how) % UNSURE),
            (33, _) => self.by_other_road = how > 96,
            (34, _) if how > 240 => self.cluster.term = self.cluster.term.map(|term| term + 1),
            (34, _) => drop(self.arrives(usize::from(how))),
            (35, Some(id)) if how < 128 => self.is_not_written_down(*id),
            (35, Some(id)) => self.is_written_down(*id),
            // Without stamps nobody can tell what comes again.
            (36, Some(id)) if self.cluster.term.is_some() => self.dies(*id),
            _ => {}
        }
    }

    /// What went by the other road arrives; false when nothing is on it.
    pub fn arrives(&mut self, which: usize) -> bool {
        let there = !self.other_road.is_empty();
        if there {
            let events = self.other_road.remove(which % self.other_road.len());
            self.is_heard(events);
        }
        there
    }

    /// Another edge goes on with a session. Of what came last it is not known that it was heard.
    fn moves(&mut self, id: SessionId, unsure: usize) {
        self.is_written_down(id);
        let state = self.connections[self.sessions[&id]].client.snapshot(id, self.now).unwrap();
        self.goes_on(id, &state);
        assert_eq!(self.connections[self.sessions[&id]].client.snapshot(id, self.now).unwrap(), state);
        if self.cluster.term.is_some() {
            let mailbox = self.mailbox.get(&id).cloned().unwrap_or_default();
            mailbox.iter().rev().take(unsure).rev().for_each(|events| self.is_heard(events.clone()));
        }
    }

    fn goes_on(&mut self, id: SessionId, state: &str) {
        let (from, to) = (self.sessions[&id], self.connects());
        assert!(self.connections[from].client.discard(id));
        let edge = ServiceId::from("edge-2");
        let session = Session::restore(state, id, &edge, self.now, entropy::unix_millis()).unwrap();
        self.connections[to].client.add_claimed(session, self.now);
        self.sessions.insert(id, to);
    }

    /// From now on nothing of a session is written down.
    fn is_not_written_down(&mut self, id: SessionId) {
        let state = self.connections[self.sessions[&id]].client.snapshot(id, self.now).unwrap();
        let unwritten = Unwritten { state, told: Vec::new(), came: Vec::new(), asked: Vec::new() };
        self.unwritten.entry(id).or_insert(unwritten);
    }

    /// What a client was told has reached it, and its edge has written down what it knows.
    pub fn is_written_down(&mut self, id: SessionId) {
        let told = self.unwritten.remove(&id).map(|unwritten| unwritten.told);
        told.into_iter().flatten().for_each(|text| self.checker.hears(&text));
    }

    pub fn is_told(&mut self, id: SessionId, text: String) {
        match self.unwritten.get_mut(&id) {
            Some(unwritten) => unwritten.told.push(text),
            None => self.checker.hears(&text),
        }
    }

    /// The edge of a session dies: another goes on from what was written down and what came since.
    fn dies(&mut self, id: SessionId) {
        let Some(unwritten) = self.unwritten.remove(&id) else { return };
        self.goes_on(id, &unwritten.state);
        let recorded = self.connections[self.sessions[&id]].client.names(id);
        let recorded = |who: &HandleRef| recorded.iter().any(|(handle, _)| *handle == who.handle);
        self.known.retain(|who| who.session != id || recorded(who));
        unwritten.asked.iter().for_each(|transaction| self.checker.is_lost(transaction));
        unwritten.came.into_iter().for_each(|events| self.is_heard(events));
    }

    pub fn is_in_mailbox(&mut self, events: &Events) {
        if let Some(unwritten) = self.unwritten.get_mut(&events.session) {
            unwritten.came.push(events.clone());
        }
        if let Some(Change::Registered(_)) = &events.change {
            let who = HandleRef { session: events.session, handle: events.handle };
            self.known.insert(who);
        }
        let mailbox = self.mailbox.entry(events.session).or_default();
        mailbox.push_back(events.clone());
        if mailbox.len() > UNSURE {
            mailbox.pop_front();
        }
    }

    /// What is written down of a session is up to date, unless the session is said to have changed.
    pub fn what_changed_is_known(&mut self) {
        for (id, at) in &self.sessions {
            let client = &mut self.connections[*at].client;
            let changed = client.take_changed();
            for id in changed {
                self.saved.insert(id, client.snapshot(id, self.now).unwrap());
            }
            assert_eq!(client.snapshot(*id, self.now), self.saved.get(id).cloned());
        }
    }
}
