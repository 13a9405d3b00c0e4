//! The requests of a handle, one in flight at a time, and which of them a reply belongs to.
//!
//! A reply usually belongs to the request in flight. But a session is stored some milliseconds after it changes. The
//! edge that takes it over may get replies to requests that it has in its queue, or does not know. It delivers them
//! like any other. The ids of a handle's requests increase. The unknown ones are greater than all that were stored with
//! the session, and smaller than those that this edge has sent.

use bus::message::{Change, ClientEvent, Events};
use common::MessageId;
use protocol::Raw;
use protocol::jsep::Kind;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginRequest};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long a request may take until its client gets an error.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How many requests of one handle may be queued.
const MAX_QUEUED_REQUESTS: usize = 64;

/// The requests of a handle that have no reply yet.
#[derive(Debug, Default)]
pub struct RequestQueue {
    pub(super) in_flight: Option<InFlight>,
    pub(super) queue: VecDeque<Queued>,
    pub(super) issued: IssuedIds,
}

/// The request that a router or connector handles now.
#[derive(Debug)]
pub struct InFlight {
    pub id: MessageId,
    pub transaction: String,
    pub request: PluginRequest,
    /// The client still waits for its `ack`: with a jsep, an error may come instead.
    pub ack_pending: bool,
    pub deadline: Instant,
    /// The client has hung up since.
    pub hung_up: bool,
    /// The request itself. It is queued again if its call ends before the reply comes.
    pub requeue: Option<Queued>,
}

/// A request that waits for its turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Queued {
    /// The id of its message on the bus. It stays the same on every edge, so that the request runs once.
    pub id: MessageId,
    pub transaction: String,
    pub body: Raw,
    pub jsep: Option<(Raw, Kind)>,
}

impl Queued {
    fn bytes(&self) -> usize {
        let jsep = self.jsep.as_ref().map_or(0, |(jsep, _)| jsep.get().len());
        size_of::<Self>() + self.transaction.len() + self.body.get().len() + jsep
    }
}

/// A request whose reply has come.
pub struct Completed {
    pub transaction: String,
    /// The client still waits for its `ack`.
    pub ack_pending: bool,
    pub is_call: bool,
    /// The client has hung up since.
    pub hung_up: bool,
}

/// The error for a request when the queue of the handle is full.
pub struct QueueFull;

impl RequestQueue {
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// # Errors
    /// With [`MAX_QUEUED_REQUESTS`] in the queue, or if the request takes more bytes than `room`.
    pub fn push(
        &mut self,
        transaction: String,
        body: Raw,
        jsep: Option<(Raw, Kind)>,
        room: usize,
    ) -> Result<(), QueueFull> {
        let newest = self.queue.back().map(|queued| queued.id).max(self.issued.latest());
        let request = Queued { id: MessageId::after(newest), transaction, body, jsep };
        if self.queue.len() >= MAX_QUEUED_REQUESTS || request.bytes() > room {
            return Err(QueueFull);
        }
        self.queue.push_back(request);
        Ok(())
    }

    /// The bytes of the requests that are held.
    pub fn bytes(&self) -> usize {
        let in_flight = self
            .in_flight
            .iter()
            .map(|request| request.transaction.len() + request.requeue.as_ref().map_or(0, Queued::bytes));
        self.queue.iter().map(Queued::bytes).chain(in_flight).sum()
    }

    /// The next request to handle; none while one is in flight.
    pub fn pop(&mut self) -> Option<Queued> {
        if self.in_flight.is_some() { None } else { self.queue.pop_front() }
    }

    pub fn start(&mut self, request: InFlight) {
        self.issued.record(request.id);
        self.in_flight = Some(request);
    }

    /// If the request in flight is a `call`, notes that its client has hung up.
    pub fn hang_up_call(&mut self) {
        if let Some(request) =
            self.in_flight.as_mut().filter(|request| request.request == PluginRequest::Call)
        {
            request.hung_up = true;
        }
    }

    /// Puts the request in flight back in the queue, because its call is over; it is handled again, without the call.
    pub fn requeue_in_flight(&mut self) {
        let unanswered = self.in_flight.take_if(|request| request.requeue.is_some());
        if let Some(request) = unanswered.and_then(|request| request.requeue) {
            self.queue.push_front(request);
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.in_flight.as_ref().map(|request| request.deadline)
    }

    pub fn take_expired(&mut self, now: Instant) -> Option<InFlight> {
        self.in_flight.take_if(|request| request.deadline <= now)
    }

    pub fn take_failed(&mut self, message: MessageId) -> Option<InFlight> {
        self.in_flight.take_if(|request| request.id == message)
    }

    /// Whether the events are no reply, or a reply that the client waits for.
    pub fn is_expected(&self, events: &Events) -> bool {
        events.in_reply_to.is_none() || self.is_reply(events)
    }

    /// Whether the events reply to the request in flight, or to one that a former edge has sent.
    pub fn is_reply(&self, events: &Events) -> bool {
        let is_in_flight = |id| self.in_flight.as_ref().is_some_and(|request| request.id == id);
        events.in_reply_to.is_some_and(|id| is_in_flight(id) || self.issued.is_from_elsewhere(id))
    }

    /// Removes and returns the request that the events reply to.
    pub fn complete(&mut self, events: &Events) -> Option<Completed> {
        let id = events.in_reply_to?;
        match self.in_flight.take_if(|request| request.id == id) {
            Some(request) => Some(request.into()),
            None if self.issued.is_from_elsewhere(id) => self.complete_elsewhere(id, events),
            None => None,
        }
    }

    /// Completes a request of a former edge. If this edge does not know it, its effect shows whether it had a jsep.
    fn complete_elsewhere(&mut self, id: MessageId, events: &Events) -> Option<Completed> {
        self.issued.record_elsewhere(id);
        let position = self.queue.iter().position(|queued| queued.id == id);
        let queued = position.and_then(|position| self.queue.remove(position));
        let joins = matches!(events.change, Some(Change::Joined { .. }));
        let negotiates = joins || events.change == Some(Change::Answered);
        Some(Completed {
            transaction: events.events.iter().find_map(transaction_of)?.to_owned(),
            ack_pending: queued.as_ref().map_or(negotiates, |queued| queued.jsep.is_some()),
            is_call: queued.as_ref().map_or(joins, is_call),
            hung_up: false,
        })
    }
}

impl From<InFlight> for Completed {
    fn from(InFlight { transaction, ack_pending, request, hung_up, .. }: InFlight) -> Self {
        Self { transaction, ack_pending, is_call: request == PluginRequest::Call, hung_up }
    }
}

/// The ids of the requests that were sent for a handle, here and on former edges.
#[derive(Clone, Copy, Debug, Default)]
pub struct IssuedIds {
    /// The latest that a former edge sent, as far as this one knows.
    before_restore: Option<MessageId>,
    /// The first that this edge sent.
    first_since_restore: Option<MessageId>,
    latest: Option<MessageId>,
}

impl IssuedIds {
    /// For a handle that a former edge has stored.
    pub fn restored(latest: Option<MessageId>) -> Self {
        Self { before_restore: latest, first_since_restore: None, latest }
    }

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

fn is_call(queued: &Queued) -> bool {
    let body = LazyObject::parse(queued.body.get()).unwrap_or_default();
    videocall::request(&body) == Ok(PluginRequest::Call)
}

/// The transaction of the client's request that an event replies to.
pub fn transaction_of(event: &ClientEvent) -> Option<&str> {
    match event {
        ClientEvent::Plugin { transaction, .. } => transaction.as_deref(),
        ClientEvent::Error { transaction, .. } => Some(transaction),
        ClientEvent::Core { .. } => None,
    }
}
