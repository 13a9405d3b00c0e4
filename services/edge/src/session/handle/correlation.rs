//! Which request an answer is to.
//!
//! Mostly it is the one that is asked. But a session is written down a moment after it changes: the edge
//! that goes on with it may get answers to requests that it finds still waiting, or knows nothing of.
//! They are answers as any other. The ids of a handle's requests grow: these are later than any that
//! was known when the session was restored, and earlier than any that was asked since.

use super::{Handle, InFlight, Queued};
use bus::message::{Change, ClientEvent, Events};
use common::MessageId;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginRequest};

/// The requests that a handle knows to have been asked, by their ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IssuedIds {
    /// The latest that was asked before the handle was restored, as far as it was told.
    before_restore: Option<MessageId>,
    /// The first that was asked since.
    first_since_restore: Option<MessageId>,
    /// The latest of all.
    latest: Option<MessageId>,
}

impl IssuedIds {
    /// For a handle that is restored: these were asked before.
    pub fn restored(latest: Option<MessageId>) -> Self {
        Self { before_restore: latest, first_since_restore: None, latest }
    }

    /// The latest of all.
    pub fn latest(self) -> Option<MessageId> {
        self.latest
    }

    pub fn record(&mut self, request: MessageId) {
        self.first_since_restore.get_or_insert(request);
        self.latest = self.latest.max(Some(request));
    }

    fn record_elsewhere(&mut self, request: MessageId) {
        self.before_restore = Some(request);
        self.latest = self.latest.max(Some(request));
    }

    fn is_from_elsewhere(self, request: MessageId) -> bool {
        Some(request) > self.before_restore && self.first_since_restore.is_none_or(|first| request < first)
    }
}

/// What is to be known of a request when its answer comes.
pub(super) struct Completed {
    pub transaction: String,
    /// Whether the client still waits for its `ack`.
    pub ack_pending: bool,
    /// Whether it was a `call`.
    pub is_call: bool,
    /// Whether the client has hung up meanwhile.
    pub hung_up: bool,
}

impl From<InFlight> for Completed {
    fn from(
        InFlight { transaction, ack_pending: owes_ack, request, hung_up: hang_up, .. }: InFlight,
    ) -> Self {
        Self { transaction, ack_pending: owes_ack, is_call: request == PluginRequest::Call, hung_up: hang_up }
    }
}

impl Handle {
    /// Whether these are no answer, or one that the client waits for.
    pub(super) fn is_expected(&self, events: &Events) -> bool {
        events.in_reply_to.is_none() || self.is_reply(events)
    }

    /// Whether these answer what is asked now, or was asked elsewhere.
    pub(super) fn is_reply(&self, events: &Events) -> bool {
        let is_asked = |request| self.in_flight.as_ref().is_some_and(|asked| asked.id == request);
        events.in_reply_to.is_some_and(|request| is_asked(request) || self.issued.is_from_elsewhere(request))
    }

    /// The request that these are the answer to; it is done.
    pub(super) fn complete(&mut self, events: &Events) -> Option<Completed> {
        let asked = self.in_flight.take_if(|asked| events.in_reply_to == Some(asked.id));
        asked.map(Completed::from).or_else(|| self.complete_elsewhere(events))
    }

    /// Where nothing is known of the request, what it brought about tells whether it had a jsep.
    fn complete_elsewhere(&mut self, events: &Events) -> Option<Completed> {
        let request = events.in_reply_to.filter(|request| self.issued.is_from_elsewhere(*request))?;
        self.issued.record_elsewhere(request);
        let place = self.queue.iter().position(|waiting| waiting.id == request);
        let waiting = place.and_then(|place| self.queue.remove(place));
        let joins = matches!(events.change, Some(Change::Joined { .. }));
        let negotiates = joins || events.change == Some(Change::Answered);
        Some(Completed {
            transaction: events.events.iter().find_map(transaction_of)?.to_owned(),
            ack_pending: waiting.as_ref().map_or(negotiates, |waiting| waiting.jsep.is_some()),
            is_call: waiting.as_ref().map_or(joins, is_call),
            hung_up: false,
        })
    }
}

fn is_call(waiting: &Queued) -> bool {
    let body = LazyObject::parse(waiting.body.get()).unwrap_or_default();
    videocall::request(&body) == Ok(PluginRequest::Call)
}

/// The request that an event answers.
pub(super) fn transaction_of(event: &ClientEvent) -> Option<&str> {
    match event {
        ClientEvent::Plugin { transaction, .. } => transaction.as_deref(),
        ClientEvent::Error { transaction, .. } => Some(transaction),
        ClientEvent::Core { .. } => None,
    }
}
