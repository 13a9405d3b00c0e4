//! What a connection gives to the scribe: each of its sessions when it has changed and its client has
//! been told all of it, see [`unsaved`](crate::unsaved).

use super::Connection;
use crate::act::{Act, Road};
use crate::scribe::Draft;
use bus::ledger::Receipt;
use bus::message::{Address, Attend, Body, Message, Restore};
use protocol::{HandleId, HandleRef, SessionId};
use tokio::time::Instant;

impl Connection {
    /// Gives the scribe what is ready.
    pub(super) fn save(&mut self) {
        let now = Instant::now();
        for session in self.client.take_changed() {
            self.unsaved.note(session, now);
        }
        let all_is_told = self.outlet.all_is_told();
        for session in self.unsaved.ready(all_is_told, now) {
            let receipts = self.unsaved.take(session);
            if let Some(draft) = self.draft(session, receipts) {
                let is_behind = !all_is_told && !draft.unheard.is_empty();
                self.shared.scribe.save(draft);
                if is_behind {
                    self.unsaved.note_unheard(session);
                }
            }
        }
    }

    /// A session as it is now; none for one that is not here.
    pub(super) fn draft(&mut self, session: SessionId, receipts: Vec<Receipt>) -> Option<Draft> {
        let now = Instant::now();
        let state = self.client.save(session, now)?;
        let (unheard, known) = self.outlet.to_write_down(session);
        let away_since = self.client.away_for(now).and_then(|away| now.checked_sub(away));
        let origin = self.route.clone();
        Some(Draft { session, state, unheard, known, away_since, receipts, origin })
    }

    /// The directory may have lost a session.
    pub(super) fn save_again(&mut self, session: SessionId) {
        self.outlet.write_down_again(session);
        self.unsaved.note(session, Instant::now());
    }

    /// The directory had lost a session: its names are asked for again, and its calls, which may have
    /// ended unheard.
    pub(super) async fn restore(&mut self, session: SessionId) {
        let names = self.client.names(session).into_iter();
        let named = names.filter_map(|(handle, name)| name.map(|name| (handle, name)));
        let mut acts: Vec<Act> = named
            .map(|(handle, username)| {
                let body = Body::Restore(Restore { who: self.address(session, handle), username });
                send(Road::Requests, body, session, handle)
            })
            .collect();
        acts.extend(self.client.legs(session).into_iter().map(|(handle, leg, backend)| {
            let body = Body::Attend(Attend { leg, address: self.address(session, handle) });
            send(Road::Backend(backend), body, session, handle)
        }));
        self.perform(acts).await;
    }

    pub(super) fn address(&self, session: SessionId, handle: HandleId) -> Address {
        Address { edge: self.shared.context.id.clone(), session, handle }
    }
}

fn send(road: Road, body: Body, session: SessionId, handle: HandleId) -> Act {
    Act::Send(road, Box::new(Message::new(body)), HandleRef { session, handle })
}
