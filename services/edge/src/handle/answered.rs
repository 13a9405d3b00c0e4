//! Which request an answer is to.
//!
//! Mostly it is the one that is asked. But a session is written down a moment after it changes: the edge
//! that goes on with it may get answers to requests that it finds still waiting, or knows nothing of.
//! They are answers as any other. The ids of a handle's requests grow, so these are later than any
//! request it knows to be asked; once answered a request is known, and a second answer is none.

use super::{Asked, Handle};
use bus::message::{Change, ClientEvent, Events};
use protocol::videocall::Request;

/// What is to be known of a request when its answer comes.
pub(super) struct Answered {
    pub transaction: String,
    /// Whether the client still waits for its `ack`.
    pub owes_ack: bool,
    /// Whether it was a `call`.
    pub calls: bool,
    /// Whether the client has hung up meanwhile.
    pub hang_up: bool,
}

impl From<Asked> for Answered {
    fn from(Asked { transaction, owes_ack, request, hang_up, .. }: Asked) -> Self {
        Self { transaction, owes_ack, calls: request == Request::Call, hang_up }
    }
}

impl Handle {
    /// Whether these answer what is asked now, or was asked where the handle was before.
    pub(super) fn is_answer(&self, events: &Events) -> bool {
        self.asked.as_ref().is_some_and(|asked| events.answers == Some(asked.id)) || self.is_of_before(events)
    }

    /// Whether these are no answer, or one that somebody waits for.
    pub(super) fn is_wanted(&self, events: &Events) -> bool {
        events.answers.is_none() || self.is_answer(events)
    }

    /// The request that these are the answer to; it is done.
    pub(super) fn answered(&mut self, events: &Events) -> Option<Answered> {
        let asked = self.asked.take_if(|asked| events.answers == Some(asked.id));
        asked.map(Answered::from).or_else(|| self.answered_before(events))
    }

    fn is_of_before(&self, events: &Events) -> bool {
        events.answers > self.latest
    }

    /// Where nothing is known of the request, what it brought about tells whether it had a jsep.
    fn answered_before(&mut self, events: &Events) -> Option<Answered> {
        let id = events.answers.filter(|_| self.is_of_before(events))?;
        self.latest = Some(id);
        let place = self.waiting.iter().position(|waiting| waiting.id == id);
        let waiting = place.and_then(|place| self.waiting.remove(place));
        let calls = matches!(events.change, Some(Change::Joined { .. }));
        let negotiates = calls || events.change == Some(Change::Answered);
        Some(Answered {
            transaction: events.events.iter().find_map(transaction)?.to_owned(),
            owes_ack: waiting.map_or(negotiates, |waiting| waiting.jsep.is_some()),
            calls,
            hang_up: false,
        })
    }
}

fn transaction(event: &ClientEvent) -> Option<&str> {
    match event {
        ClientEvent::Plugin { transaction, .. } => transaction.as_deref(),
        ClientEvent::Error { transaction, .. } => Some(transaction),
        ClientEvent::Core { .. } => None,
    }
}
