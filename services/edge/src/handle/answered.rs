//! Which request an answer is to.
//!
//! Mostly it is the one that is asked. But a session is written down a moment after it changes: the edge
//! that goes on with it may get answers to requests that it finds still waiting, or knows nothing of.
//! They are answers as any other. The ids of a handle's requests grow: these are later than any that
//! was known when the session was restored, and earlier than any that was asked since.

use super::{Asked, Handle, Waiting};
use bus::message::{Change, ClientEvent, Events};
use protocol::MessageId;
use protocol::object::Object;
use protocol::videocall::{self, Request};

/// The requests that a handle knows to have been asked, by their ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The latest that was asked before the handle was restored, as far as it was told.
    before: Option<MessageId>,
    /// The first that was asked since.
    first: Option<MessageId>,
    /// The latest of all.
    latest: Option<MessageId>,
}

impl Known {
    /// For a handle that is restored: these were asked before.
    pub fn until(latest: Option<MessageId>) -> Self {
        Self { before: latest, first: None, latest }
    }

    /// The latest of all.
    pub fn latest(self) -> Option<MessageId> {
        self.latest
    }

    pub fn ask(&mut self, request: MessageId) {
        self.first.get_or_insert(request);
        self.latest = self.latest.max(Some(request));
    }

    fn asked_elsewhere(&mut self, request: MessageId) {
        self.before = Some(request);
        self.latest = self.latest.max(Some(request));
    }

    fn is_elsewhere(self, request: MessageId) -> bool {
        Some(request) > self.before && self.first.is_none_or(|first| request < first)
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
    /// Whether these are no answer, or one that the client waits for.
    pub(super) fn is_wanted(&self, events: &Events) -> bool {
        events.answers.is_none() || self.is_answer(events)
    }

    /// Whether these answer what is asked now, or was asked elsewhere.
    pub(super) fn is_answer(&self, events: &Events) -> bool {
        let is_asked = |request| self.asked.as_ref().is_some_and(|asked| asked.id == request);
        events.answers.is_some_and(|request| is_asked(request) || self.known.is_elsewhere(request))
    }

    /// The request that these are the answer to; it is done.
    pub(super) fn answered(&mut self, events: &Events) -> Option<Answered> {
        let asked = self.asked.take_if(|asked| events.answers == Some(asked.id));
        asked.map(Answered::from).or_else(|| self.answered_elsewhere(events))
    }

    /// Where nothing is known of the request, what it brought about tells whether it had a jsep.
    fn answered_elsewhere(&mut self, events: &Events) -> Option<Answered> {
        let request = events.answers.filter(|request| self.known.is_elsewhere(*request))?;
        self.known.asked_elsewhere(request);
        let place = self.waiting.iter().position(|waiting| waiting.id == request);
        let waiting = place.and_then(|place| self.waiting.remove(place));
        let joins = matches!(events.change, Some(Change::Joined { .. }));
        let negotiates = joins || events.change == Some(Change::Answered);
        Some(Answered {
            transaction: events.events.iter().find_map(transaction)?.to_owned(),
            owes_ack: waiting.as_ref().map_or(negotiates, |waiting| waiting.jsep.is_some()),
            calls: waiting.as_ref().map_or(joins, calls),
            hang_up: false,
        })
    }
}

fn calls(waiting: &Waiting) -> bool {
    let body = Object::parse(waiting.body.get()).unwrap_or_default();
    videocall::request(&body) == Ok(Request::Call)
}

/// The request that an event answers.
pub(super) fn transaction(event: &ClientEvent) -> Option<&str> {
    match event {
        ClientEvent::Plugin { transaction, .. } => transaction.as_deref(),
        ClientEvent::Error { transaction, .. } => Some(transaction),
        ClientEvent::Core { .. } => None,
    }
}
