//! One call on a backend: its two legs, and what waits on them.

use crate::janus::message::JanusId;
use bus::message::{Address, CallEvent, CallRecord, Change, ClientEvent, Events, Party, Place, Stamp};
use protocol::{BackendName, CallId, MessageId, Raw, ServiceId, Side};
use std::time::Duration;
use tokio::time::Instant;

/// Candidates that may wait on a leg; past that the oldest is dropped.
const MAX_HELD: usize = 512;

/// The state of a call.
#[derive(Debug)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The transaction of the caller's request.
    pub transaction: String,
    /// The caller's offer, until it is sent.
    pub offer: Option<Raw>,
    /// The callee has accepted.
    pub answered: bool,
    /// When it has rung for too long.
    pub rings_until: Option<Instant>,
    /// Who seems to have lost its PeerConnection, while the reason is awaited.
    pub suspect: Option<Suspect>,
    began: Instant,
    term: u64,
    caller: Leg,
    callee: Leg,
}

/// One side of a call.
#[derive(Debug)]
pub struct Leg {
    /// The client.
    pub party: Party,
    /// Its handle on Janus.
    pub handle: Option<JanusId>,
    /// The handle has its name.
    pub registered: bool,
    /// The client knows of the call.
    pub joined: bool,
    /// How often the client was told something in this term.
    said: u64,
    /// The client's candidates that Janus is to get later.
    pub held: Vec<Raw>,
    /// Events that are to travel together.
    pub batch: Vec<ClientEvent>,
    /// When the batch leaves at the latest.
    pub batch_due: Option<Instant>,
}

/// A PeerConnection that seems to be gone.
#[derive(Clone, Copy, Debug)]
pub struct Suspect {
    /// Whose.
    pub side: Side,
    /// Until when Janus may still say why.
    pub until: Instant,
}

impl Call {
    /// A call that is to be set up, in this term.
    pub fn new(place: Place, term: u64, now: Instant) -> Self {
        let leg = |party| Leg {
            party,
            handle: None,
            registered: false,
            joined: false,
            said: 0,
            held: Vec::new(),
            batch: Vec::new(),
            batch_due: None,
        };
        Self {
            id: place.call,
            transaction: place.transaction,
            offer: Some(place.offer),
            answered: false,
            rings_until: None,
            suspect: None,
            began: now,
            term,
            caller: leg(place.caller),
            callee: leg(place.callee),
        }
    }

    /// A side.
    pub fn leg(&self, side: Side) -> &Leg {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    /// A side, to be changed.
    pub fn leg_mut(&mut self, side: Side) -> &mut Leg {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }

    /// The name a side is registered under on Janus: of this call alone, so that no two calls are
    /// in each other's way there.
    pub fn alias(&self, side: Side) -> String {
        match side {
            Side::Caller => format!("{}-caller", self.id),
            Side::Callee => format!("{}-callee", self.id),
        }
    }

    /// The side that has this alias.
    pub fn side_of_alias(&self, alias: &str) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.alias(*side) == alias)
    }

    /// Events for the client of a side, the next that it is told.
    pub fn events(
        &mut self,
        side: Side,
        answers: Option<MessageId>,
        change: Option<Change>,
        events: Vec<ClientEvent>,
    ) -> (ServiceId, Events) {
        let (call, term) = (Some(self.id), self.term);
        let leg = self.leg_mut(side);
        leg.said += 1;
        let stamp = Some(Stamp { term, number: leg.said });
        let Address { edge, session, handle } = leg.party.address.clone();
        (edge, Events { session, handle, call, stamp, answers, change, events })
    }

    /// A line of the `calls` log.
    pub fn record(
        &self,
        backend: &BackendName,
        event: CallEvent,
        reason: Option<&str>,
        now: Instant,
    ) -> CallRecord {
        CallRecord {
            call: self.id,
            event,
            caller: self.caller.party.username.clone(),
            callee: self.callee.party.username.clone(),
            backend: backend.clone(),
            reason: reason.map(str::to_owned),
            duration_ms: (event != CallEvent::Ringing).then(|| (now - self.began).as_millis() as u64),
        }
    }

    /// When something of this call is due.
    pub fn due(&self) -> Option<Instant> {
        let suspect = self.suspect.map(|suspect| suspect.until);
        let rings_until = self.rings_until.filter(|_| !self.answered);
        [suspect, rings_until, self.caller.batch_due, self.callee.batch_due].into_iter().flatten().min()
    }
}

impl Leg {
    /// Keeps candidates for later.
    pub fn hold(&mut self, candidates: Vec<Raw>) {
        self.held.extend(candidates);
        let excess = self.held.len().saturating_sub(MAX_HELD);
        self.held.drain(..excess);
    }

    /// Adds an event to the batch, which leaves within `window`; before the client knows of the
    /// call it waits for that.
    pub fn gather(&mut self, event: ClientEvent, now: Instant, window: Duration) {
        self.batch.push(event);
        if self.joined {
            let due = now + window;
            self.batch_due = Some(self.batch_due.map_or(due, |earlier| earlier.min(due)));
        }
    }

    /// The batch, and then these.
    pub fn with_batch(&mut self, events: Vec<ClientEvent>) -> Vec<ClientEvent> {
        self.batch_due = None;
        let mut all = std::mem::take(&mut self.batch);
        all.extend(events);
        all
    }
}
