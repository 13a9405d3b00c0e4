//! Which request an answer is to.
//!
//! Mostly it is the one that is asked. But a session is written down a moment after it changes: the edge
//! that goes on with it may get answers to requests that it finds still waiting, or knows nothing of.
//! They are answers as any other, for as long as a client waits for answers; unless the request is one of
//! those that are known to be done, for its answer may come again.

use super::{Asked, Handle};
use bus::message::{Change, ClientEvent, Events};
use protocol::MessageId;
use protocol::videocall::Request;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tokio::time::Instant;

/// How many requests are known to be done. Their answers come again only if they were heard just
/// before the session was written down for the last time.
const MAX_DONE: usize = 16;

/// The requests that were done last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Done(VecDeque<MessageId>);

impl Done {
    fn note(&mut self, request: MessageId) {
        self.0.push_back(request);
        if self.0.len() > MAX_DONE {
            self.0.pop_front();
        }
    }
}

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
    /// Takes the request that is asked, if it is this one: it is done.
    pub(super) fn done_if(&mut self, is_it: impl FnOnce(&mut Asked) -> bool) -> Option<Asked> {
        let asked = self.asked.take_if(is_it)?;
        self.done.note(asked.id);
        Some(asked)
    }

    /// Whether these are no answer, or one that the client waits for.
    pub(super) fn is_wanted(&self, events: &Events, now: Instant) -> bool {
        events.answers.is_none() || self.is_answer(events, now)
    }

    /// Whether these answer what is asked now, or was asked elsewhere.
    pub(super) fn is_answer(&self, events: &Events, now: Instant) -> bool {
        let is_asked = self.asked.as_ref().is_some_and(|asked| events.answers == Some(asked.id));
        is_asked || self.asked_elsewhere(events, now).is_some()
    }

    /// The request that these are the answer to; it is done.
    pub(super) fn answered(&mut self, events: &Events, now: Instant) -> Option<Answered> {
        let asked = self.done_if(|asked| events.answers == Some(asked.id));
        asked.map(Answered::from).or_else(|| self.answered_elsewhere(events, now))
    }

    fn asked_elsewhere(&self, events: &Events, now: Instant) -> Option<MessageId> {
        self.restored_until.filter(|until| now < *until)?;
        events.answers.filter(|request| !self.done.0.contains(request))
    }

    /// Where nothing is known of the request, what it brought about tells whether it had a jsep.
    fn answered_elsewhere(&mut self, events: &Events, now: Instant) -> Option<Answered> {
        let request = self.asked_elsewhere(events, now)?;
        self.done.note(request);
        let place = self.waiting.iter().position(|waiting| waiting.id == request);
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
