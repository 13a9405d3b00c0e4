//! Sessions that go on at another edge, from what was written down of them, and what comes by two roads.

use super::world::World;
use crate::session::Session;
use bus::message::Events;
use protocol::{ServiceId, SessionId, outside};

/// Of how many messages it may not be known that they were heard when their edge died.
const UNSURE: usize = 8;

impl World {
    pub fn moves_step(&mut self, what: u8, which: u8, how: u8) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        match (what, ids.get(usize::from(which) % ids.len().max(1))) {
            (32, Some(id)) => self.moves(*id, usize::from(how) % UNSURE),
            (33, _) => self.by_other_road = how > 96,
            (34, _) if how > 240 => self.outside.term = self.outside.term.map(|term| term + 1),
            (34, _) => drop(self.arrives(usize::from(how))),
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
        let (from, to) = (self.sessions[&id], self.connects());
        let state = self.connections[from].client.save(id, self.now).unwrap();
        assert!(self.connections[from].client.lose(id));
        let edge = ServiceId::from("edge-2");
        let session = Session::restore(&state, id, &edge, self.now, outside::unix_millis()).unwrap();
        assert_eq!(session.save(self.now, outside::unix_millis()), state);
        self.connections[to].client.inherited(session, self.now);
        self.sessions.insert(id, to);
        if self.outside.term.is_some() {
            let mailbox = self.mailbox.get(&id).cloned().unwrap_or_default();
            mailbox.iter().rev().take(unsure).rev().for_each(|events| self.is_heard(events.clone()));
        }
    }

    pub fn is_in_mailbox(&mut self, events: &Events) {
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
                self.saved.insert(id, client.save(id, self.now).unwrap());
            }
            assert_eq!(client.save(*id, self.now), self.saved.get(id).cloned());
        }
    }
}
