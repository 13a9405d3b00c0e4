//! One side of a call, and what waits to be sent on it. In a call with a user of a janus-cloud proxy also
//! the exchange with that proxy.

use crate::janus::message::JanusId;
use crate::metrics;
use bus::message::{ClientEvent, Deadline, Party, ProxyRefusal, ProxySide};
use common::MessageId;
use protocol::{Raw, Side};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Candidates that may wait on a leg, and their bytes. Above that the oldest is dropped.
const MAX_HELD_CANDIDATES: usize = 512;
const MAX_HELD_BYTES: usize = 128 * 1024;
/// The bytes of events that may wait to be sent together. Above that the oldest is dropped.
pub const MAX_BATCH_BYTES: usize = 64 * 1024;
/// Answered requests that are remembered: the next connector may get them again.
const MAX_ANSWERED_REQUESTS: usize = 16;

/// How long a remote user may take to call, once its proxy has the agreement.
pub const INCOMING_CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long before its deadline a call without a reply of the proxy is refused, so that the refusal
/// comes from this connector.
const REFUSAL_MARGIN: Duration = Duration::from_secs(1);
/// How long a name on Janus may stay taken: Janus 1.1.2 frees it up to 0.3 s after `detach` (measured).
pub const NAME_TAKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before a taken name is registered again.
pub const REGISTER_RETRY_DELAY: Duration = Duration::from_millis(50);
/// How long a proxy may keep messages in the mailbox unacknowledged.
pub const MAX_ACK_DELAY: Duration = Duration::from_secs(2);

/// One side of a call. The fields that are not skipped are saved for the next connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct Leg {
    pub party: Party,
    /// The leg's handle on Janus.
    pub handle: Option<JanusId>,
    /// The client knows of the call. A remote user counts as knowing with the local one.
    pub joined: bool,
    /// Candidates of the client that Janus gets once the call is answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_candidates: Vec<Raw>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    answered_requests: VecDeque<MessageId>,
    /// The client has sent a message on this leg, so it knows of the call.
    #[serde(skip)]
    pub client_active: bool,
    /// The client's requests with a session description that Janus is handling. Janus handles them in
    /// this order, and notifies the other side before it replies.
    #[serde(skip)]
    negotiations: VecDeque<MessageId>,
    /// The handle is registered under its alias.
    #[serde(skip)]
    pub registered: bool,
    /// Janus has candidates of its own for it.
    #[serde(skip)]
    pub has_candidates: bool,
    /// The sequence number of the last events sent to the client in this term.
    #[serde(skip)]
    pub sent: u64,
    /// Events that wait to be sent together.
    #[serde(skip)]
    batch: VecDeque<ClientEvent>,
    #[serde(skip)]
    pub batch_deadline: Option<Instant>,
}

impl Leg {
    pub fn new(party: Party) -> Self {
        Self {
            party,
            handle: None,
            joined: false,
            held_candidates: Vec::new(),
            answered_requests: VecDeque::new(),
            client_active: false,
            negotiations: VecDeque::new(),
            registered: false,
            has_candidates: false,
            sent: 0,
            batch: VecDeque::new(),
            batch_deadline: None,
        }
    }

    /// Whether the user is at a janus-cloud proxy: there is no client to notify, and the handle on Janus
    /// is the proxy's.
    pub fn is_remote(&self) -> bool {
        self.party.address.is_none()
    }

    pub fn hold_candidates(&mut self, candidates: Vec<Raw>) {
        self.held_candidates.extend(candidates);
        let mut room = MAX_HELD_BYTES;
        let fits = |candidate: &&Raw| {
            let rest = room.checked_sub(candidate.get().len());
            room = rest.unwrap_or(room);
            rest.is_some()
        };
        let newest = self.held_candidates.iter().rev().take(MAX_HELD_CANDIDATES);
        let excess = self.held_candidates.len() - newest.take_while(fits).count();
        self.held_candidates.drain(..excess).for_each(|_| metrics::record_full(metrics::CANDIDATES));
    }

    /// Notes a request of which Janus will notify the other side.
    pub fn begin_negotiation(&mut self, request: MessageId) {
        self.negotiations.push_back(request);
    }

    /// The request that the next notification to the other side follows from.
    pub fn current_negotiation(&self) -> Option<MessageId> {
        self.negotiations.front().copied()
    }

    pub fn mark_answered(&mut self, request: MessageId) {
        self.negotiations.retain(|pending| *pending != request);
        self.answered_requests.push_back(request);
        if self.answered_requests.len() > MAX_ANSWERED_REQUESTS {
            self.answered_requests.pop_front();
        }
    }

    pub fn is_answered(&self, request: MessageId) -> bool {
        self.answered_requests.contains(&request)
    }

    /// Adds an event to the batch, which is sent within `window`. A client that has not joined yet gets
    /// the batch when it joins.
    pub fn add_to_batch(&mut self, event: ClientEvent, now: Instant, window: Duration) {
        self.batch.push_back(event);
        while self.batch.iter().map(ClientEvent::size).sum::<usize>() > MAX_BATCH_BYTES {
            self.batch.pop_front();
            metrics::record_full(metrics::BATCH);
        }
        if self.joined {
            let due = now + window;
            self.batch_deadline = Some(self.batch_deadline.map_or(due, |earlier| earlier.min(due)));
        }
    }

    /// Empties the batch and returns its events, followed by these.
    pub fn take_batch_with(&mut self, events: Vec<ClientEvent>) -> Vec<ClientEvent> {
        self.batch_deadline = None;
        let mut all = Vec::from(std::mem::take(&mut self.batch));
        all.extend(events);
        all
    }
}

/// The exchange with the janus-cloud proxy of a remote user, until the local client joins the call.
#[derive(Debug)]
pub struct ProxyLeg {
    pub(super) side: ProxySide,
    /// After this deadline no client waits for the call.
    deadline: Option<Deadline>,
    /// The agreement was sent to the caller's proxy, or the callee's proxy has agreed.
    pub(super) agreed: bool,
    /// The refusal for the caller's proxy if the call fails.
    pub(super) refusal: Option<ProxyRefusal>,
    /// When the remote user must have called, or its proxy must have replied.
    pub(super) response_deadline: Option<Instant>,
    /// Until when the local user's name on Janus may be taken.
    register_retry_until: Option<Instant>,
    /// When a taken name is registered again.
    pub(super) register_at: Option<Instant>,
    /// When the call's messages are acknowledged, although the call is not saved.
    pub(super) acks_held_until: Option<Instant>,
}

impl ProxyLeg {
    pub fn new(side: ProxySide, deadline: Option<Deadline>) -> Self {
        Self {
            side,
            deadline,
            agreed: false,
            refusal: None,
            response_deadline: None,
            register_retry_until: None,
            register_at: None,
            acks_held_until: None,
        }
    }

    pub fn next_timer(&self) -> Option<Instant> {
        [self.response_deadline, self.register_at, self.acks_held_until].into_iter().flatten().min()
    }

    /// The side of the local client.
    pub(super) fn local_side(&self) -> Side {
        match self.side {
            ProxySide::Caller(_) => Side::Callee,
            ProxySide::Callee(_) => Side::Caller,
        }
    }

    /// Starts to wait for the proxy, which must reply, or whose user must call, within `timeout`.
    pub(super) fn await_proxy(&mut self, timeout: Duration, now: Instant) {
        self.response_deadline = Some(now + timeout);
        self.acks_held_until = Some(now + MAX_ACK_DELAY);
    }

    /// Until when the callee's proxy may be invited. After that the caller has been refused.
    pub(super) fn invite_deadline(&self) -> Option<Deadline> {
        self.deadline.map(|deadline| deadline.earlier_by(REFUSAL_MARGIN))
    }

    /// How long the callee's proxy may take to reply.
    pub(super) fn reply_timeout(&self) -> Duration {
        self.deadline.map_or(INCOMING_CALL_TIMEOUT, Deadline::remaining).saturating_sub(REFUSAL_MARGIN)
    }

    /// Sets the time of the next `register`. Returns false once the name was taken for too long.
    pub(super) fn retry_register(&mut self, now: Instant) -> bool {
        if *self.register_retry_until.get_or_insert(now + NAME_TAKEN_TIMEOUT) <= now {
            return false;
        }
        self.register_at = Some(now + REGISTER_RETRY_DELAY);
        true
    }
}
