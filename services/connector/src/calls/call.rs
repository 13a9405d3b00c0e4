//! One call on a backend: its two legs, where it stands, and what the next connector is to know.

use super::clock::CallTimings;
use super::closing::{CLOSE_PC, HangupCause};
use super::leg::Leg;
use super::peers::ProxyLeg;
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::{
    Address, CallEvent, CallRecord, Change, ClientEvent, Deadline, Events, Party, Place, Sequence,
    StepDurations,
};
use common::{BackendName, CallId, MessageId, ServiceId, entropy};
use directory::record::{self, CallParty, Owner};
use protocol::{Raw, Side};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// The state of a call. What is not skipped is written down for the next connector, once both sides
/// know of the call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The transaction of the caller's request.
    pub transaction: String,
    /// The session on Janus that its handles are in.
    pub session: Option<JanusId>,
    /// The callee has accepted.
    pub answered: bool,
    /// The term in which it was set up.
    setup_term: u64,
    /// When it was opened, unix milliseconds.
    opened: u64,
    caller: Leg,
    callee: Leg,
    /// The term in which its clients are told.
    #[serde(skip)]
    term: u64,
    /// A former connector had begun with it: its clients may know more than this one has told them.
    #[serde(skip)]
    pub resumed: bool,
    /// The caller's offer, until it is sent.
    #[serde(skip)]
    pub offer: Option<Raw>,
    /// When it has rung for too long.
    #[serde(skip)]
    pub ring_deadline: Option<Instant>,
    /// Who seems to have lost its PeerConnection, while the reason is awaited.
    #[serde(skip)]
    pub suspected_hangup: Option<SuspectedHangup>,
    /// What is between it and the peer whose user is on its far side, until ours knows of it.
    #[serde(skip)]
    pub proxy_leg: Option<ProxyLeg>,
    /// Messages that are done when what has followed from them is written down.
    #[serde(skip)]
    pub acks: Vec<AckGuard>,
    /// How long its steps take.
    #[serde(skip)]
    pub timings: CallTimings,
}

/// A PeerConnection that seems to be gone.
#[derive(Debug)]
pub struct SuspectedHangup {
    /// Whose.
    pub side: Side,
    /// Why, in the words of a peer's user that hung up.
    pub reason: Option<String>,
    /// Until when Janus may still say why.
    pub deadline: Instant,
}

impl SuspectedHangup {
    /// What has ended the call, if this is all that Janus says.
    pub fn cause(self) -> HangupCause {
        match self.reason {
            Some(reason) => HangupCause::RemoteHangup(self.side, reason),
            None => HangupCause::PeerConnection(self.side, CLOSE_PC.to_owned()),
        }
    }
}

impl Call {
    /// A call that is to be set up, in this term; past the deadline nobody waits for that.
    pub fn new(place: Place, deadline: Option<Deadline>, term: u64) -> Self {
        let Place { call, caller, callee, transaction, offer, proxy_side: peer, timestamps: times } = place;
        let parties = (Leg::new(caller), Leg::new(callee));
        let proxy_leg = peer.map(|side| ProxyLeg::new(side, deadline));
        let timings = CallTimings::start(times);
        Self {
            transaction,
            offer,
            proxy_leg,
            timings,
            ..Self::with_legs(call, parties, term, entropy::unix_millis())
        }
    }

    /// A call of which no more is known than that it was to be set up.
    pub fn from_record(record: &record::Call, term: u64) -> Self {
        let leg = |side| Leg::new(party(record.party(side)));
        let parties = (leg(Side::Caller), leg(Side::Callee));
        let mut call = Self::with_legs(record.id, parties, term, record.opened);
        call.caller.joined = true;
        call.callee.joined = true;
        call
    }

    fn with_legs(id: CallId, (caller, callee): (Leg, Leg), term: u64, opened: u64) -> Self {
        Self {
            id,
            transaction: String::new(),
            session: None,
            answered: false,
            setup_term: term,
            opened,
            caller,
            callee,
            term,
            resumed: false,
            offer: None,
            ring_deadline: None,
            suspected_hangup: None,
            proxy_leg: None,
            acks: Vec::new(),
            timings: CallTimings::default(),
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

    /// The side that is a peer's.
    pub fn remote_side(&self) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.leg(*side).is_remote())
    }

    /// Whether both clients know of it, as far as they are ours.
    pub fn both_joined(&self) -> bool {
        self.caller.joined && self.callee.joined
    }

    /// The name a side is registered under on Janus: of this call and this attempt alone, so that
    /// no two are in each other's way there. With a peer's user it is its own, the only one that the
    /// peer knows.
    pub fn alias(&self, side: Side) -> String {
        let (id, set_up) = (self.id, self.setup_term);
        match side {
            _ if self.remote_side().is_some() => self.leg(side).party.username.clone(),
            Side::Caller => format!("{id}-{set_up}-caller"),
            Side::Callee => format!("{id}-{set_up}-callee"),
        }
    }

    /// The side that has this alias.
    pub fn side_of_alias(&self, alias: &str) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.alias(*side) == alias)
    }

    /// Events for the client of a side, the next that it is told; none for a peer's user.
    pub fn events(
        &mut self,
        side: Side,
        answers: Option<MessageId>,
        change: Option<Change>,
        events: Vec<ClientEvent>,
    ) -> Option<(ServiceId, Events)> {
        let (call, term) = (Some(self.id), self.term);
        let leg = self.leg_mut(side);
        let address = leg.party.address.clone()?;
        leg.sent += 1;
        let stamp = Some(Sequence { term, number: leg.sent });
        let events = Events {
            call,
            sequence: stamp,
            in_reply_to: answers,
            change,
            ..Events::for_handle(address.handle_ref(), events)
        };
        Some((address.edge, events))
    }

    /// From now on its clients are told in this term.
    pub fn enter_term(&mut self, term: u64) {
        self.term = term;
        self.caller.sent = 0;
        self.callee.sent = 0;
    }

    /// A line of the `calls` log.
    pub fn log_record(&self, backend: &BackendName, event: CallEvent, reason: Option<&str>) -> CallRecord {
        let lasted = entropy::unix_millis().saturating_sub(self.opened);
        CallRecord {
            call: self.id,
            event,
            caller: self.caller.party.username.clone(),
            callee: self.callee.party.username.clone(),
            backend: backend.clone(),
            reason: reason.map(str::to_owned),
            duration_ms: (event != CallEvent::Ringing).then_some(lasted),
            steps: match event {
                CallEvent::Ringing => self.timings.ringing_steps(),
                CallEvent::Answered => self.timings.answered_steps(),
                CallEvent::Ended => StepDurations::default(),
            },
        }
    }

    /// How long ago it was opened.
    pub fn age(&self) -> Duration {
        Duration::from_millis(entropy::unix_millis().saturating_sub(self.opened))
    }

    /// Its record in the directory.
    pub fn to_record(&self, backend: &BackendName) -> record::Call {
        let party = |leg: &Leg| {
            let Party { username, address } = leg.party.clone();
            let owner = |address: Address| Owner { handle: address.handle_ref(), edge: address.edge };
            CallParty { username, owner: address.map(owner) }
        };
        let (caller, callee) = (party(&self.caller), party(&self.callee));
        record::Call { id: self.id, backend: backend.clone(), caller, callee, opened: self.opened }
    }

    /// When something of this call is due.
    pub fn next_timer(&self) -> Option<Instant> {
        let suspect = self.suspected_hangup.as_ref().map(|suspect| suspect.deadline);
        let rings_until = self.ring_deadline.filter(|_| !self.answered);
        let peering = self.proxy_leg.as_ref().and_then(ProxyLeg::next_timer);
        let batches = [self.caller.batch_deadline, self.callee.batch_deadline];
        [suspect, rings_until, peering].into_iter().chain(batches).flatten().min()
    }
}

fn party(party: &CallParty) -> Party {
    let CallParty { username, owner } = party.clone();
    let address = |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
    Party { username, address: owner.map(address) }
}
