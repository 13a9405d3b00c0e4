//! One side of a call, and what waits on it.

use crate::janus::message::JanusId;
use crate::numbers;
use bus::message::{ClientEvent, Party};
use common::MessageId;
use protocol::Raw;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Candidates that may wait on a leg; past that the oldest is dropped.
const MAX_HELD_CANDIDATES: usize = 512;
/// So many answered requests are remembered, for the next connector: they may come to it again.
const MAX_ANSWERED_REQUESTS: usize = 16;

/// One side of a call. What is not skipped is written down for the next connector.
#[derive(Debug, Serialize, Deserialize)]
pub struct Leg {
    /// The client.
    pub party: Party,
    /// Its handle on Janus.
    pub handle: Option<JanusId>,
    /// The client knows of the call; a peer's counts as knowing as soon as the other does.
    pub joined: bool,
    /// The client's candidates that Janus is to get later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_candidates: Vec<Raw>,
    /// Requests of the client that were answered.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    answered_requests: VecDeque<MessageId>,
    /// The client has said something on it: it knows of the call, from whichever connector.
    #[serde(skip)]
    pub client_active: bool,
    /// The client's requests with a session description that Janus is being asked. It tells the other side of
    /// one before it answers it, and does them in this order.
    #[serde(skip)]
    negotiations: VecDeque<MessageId>,
    /// The handle has its name.
    #[serde(skip)]
    pub registered: bool,
    /// How often the client was told something in this term.
    #[serde(skip)]
    pub sent: u64,
    /// Events that are to travel together.
    #[serde(skip)]
    batch: Vec<ClientEvent>,
    /// When the batch leaves at the latest.
    #[serde(skip)]
    pub batch_deadline: Option<Instant>,
}

impl Leg {
    /// A client that has not been told anything.
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
            sent: 0,
            batch: Vec::new(),
            batch_deadline: None,
        }
    }

    /// Whether it is a peer's: no client of ours is on it, and its handle on Janus is not ours.
    pub fn is_remote(&self) -> bool {
        self.party.address.is_none()
    }

    /// Keeps candidates for later.
    pub fn hold_candidates(&mut self, candidates: Vec<Raw>) {
        self.held_candidates.extend(candidates);
        let excess = self.held_candidates.len().saturating_sub(MAX_HELD_CANDIDATES);
        self.held_candidates.drain(..excess).for_each(|_| numbers::record_full(numbers::CANDIDATES));
    }

    /// Janus is asked for something that the other side will hear of.
    pub fn begin_negotiation(&mut self, request: MessageId) {
        self.negotiations.push_back(request);
    }

    /// The request that the other side hears of, when it hears of one.
    pub fn current_negotiation(&self) -> Option<MessageId> {
        self.negotiations.front().copied()
    }

    /// Remembers that a request was answered.
    pub fn mark_answered(&mut self, request: MessageId) {
        self.negotiations.retain(|asked| *asked != request);
        self.answered_requests.push_back(request);
        if self.answered_requests.len() > MAX_ANSWERED_REQUESTS {
            self.answered_requests.pop_front();
        }
    }

    /// Whether a request was answered before.
    pub fn is_answered(&self, request: MessageId) -> bool {
        self.answered_requests.contains(&request)
    }

    /// Adds an event to the batch, which leaves within `window`; before the client knows of the
    /// call it waits for that.
    pub fn add_to_batch(&mut self, event: ClientEvent, now: Instant, window: Duration) {
        self.batch.push(event);
        if self.joined {
            let due = now + window;
            self.batch_deadline = Some(self.batch_deadline.map_or(due, |earlier| earlier.min(due)));
        }
    }

    /// The batch, and then these.
    pub fn take_batch_with(&mut self, events: Vec<ClientEvent>) -> Vec<ClientEvent> {
        self.batch_deadline = None;
        let mut all = std::mem::take(&mut self.batch);
        all.extend(events);
        all
    }
}
