//! What a connection gives to the scribe: each of its sessions when it has changed and its client has
//! been told all of it, see [`unsaved`](crate::unsaved).

use super::Connection;
use crate::act::{Act, Road};
use crate::scribe::Draft;
use bus::ledger::Receipt;
use bus::message::{Address, Attend, Body, Message, Restore};
use protocol::{HandleId, HandleRef, SessionId};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a client waits for its session to be written down: the directory may be away.
const PATIENCE: Duration = Duration::from_secs(1);

impl Connection {
    /// Gives the scribe what is ready; at once where the client is gone, for an edge that stops waits for no
    /// appointment of those.
    pub(super) fn save(&mut self) {
        let now = Instant::now();
        self.note_changed(now);
        if self.outlet.is_away() {
            self.unsaved.hurry(now);
        }
        let appoint = || self.shared.scribe.appointment(now);
        for session in self.unsaved.ready(self.outlet.all_is_told(), now, appoint) {
            self.hand_in(session);
        }
    }

    /// Waits until a session is written down as it is now.
    pub(super) async fn write_down(&mut self, session: SessionId) {
        self.note_changed(Instant::now());
        self.hand_in(session);
        self.shared.scribe.hurry();
        let _ = timeout(PATIENCE, self.shared.scribe.is_done_with(session)).await;
    }

    fn note_changed(&mut self, now: Instant) {
        for session in self.client.take_changed() {
            self.unsaved.note(session, now);
        }
    }

    fn hand_in(&mut self, session: SessionId) {
        let receipts = self.unsaved.take(session);
        if let Some(draft) = self.draft(session, receipts) {
            let is_behind = !self.outlet.all_is_told() && !draft.unheard.is_empty();
            self.shared.scribe.save(draft);
            if is_behind {
                self.unsaved.note_unheard(session);
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
