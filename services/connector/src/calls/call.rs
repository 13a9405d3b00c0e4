//! One call on a backend: its two legs, where it stands, and what the next connector is to know.

use super::clock::Clock;
use super::closing::{CLOSED, Cause};
use super::leg::Leg;
use super::peers::Peering;
use crate::janus::message::JanusId;
use bus::ledger::Receipt;
use bus::message::{
    Address, CallEvent, CallRecord, Change, ClientEvent, Deadline, Events, Party, Place, Stamp, Steps,
};
use directory::record::{self, CallParty, Owner};
use protocol::{BackendName, CallId, MessageId, Raw, ServiceId, Side, outside};
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
    set_up: u64,
    /// When it was opened, unix milliseconds.
    opened: u64,
    caller: Leg,
    callee: Leg,
    /// The term in which its clients are told.
    #[serde(skip)]
    term: u64,
    /// A former connector had begun with it: its clients may know more than this one has told them.
    #[serde(skip)]
    pub again: bool,
    /// The caller's offer, until it is sent.
    #[serde(skip)]
    pub offer: Option<Raw>,
    /// When it has rung for too long.
    #[serde(skip)]
    pub rings_until: Option<Instant>,
    /// Who seems to have lost its PeerConnection, while the reason is awaited.
    #[serde(skip)]
    pub suspect: Option<Suspect>,
    /// What is between it and the peer whose user is on its far side, until ours knows of it.
    #[serde(skip)]
    pub peering: Option<Peering>,
    /// Messages that are done when what has followed from them is written down.
    #[serde(skip)]
    pub receipts: Vec<Receipt>,
    /// How long its steps take.
    #[serde(skip)]
    pub clock: Clock,
}

/// A PeerConnection that seems to be gone.
#[derive(Debug)]
pub struct Suspect {
    /// Whose.
    pub side: Side,
    /// Why, in the words of a peer's user that hung up.
    pub said: Option<String>,
    /// Until when Janus may still say why.
    pub until: Instant,
}

impl Suspect {
    /// What has ended the call, if this is all that Janus says.
    pub fn cause(self) -> Cause {
        match self.said {
            Some(reason) => Cause::PeerHangup(self.side, reason),
            None => Cause::PeerConnection(self.side, CLOSED.to_owned()),
        }
    }
}

impl Call {
    /// A call that is to be set up, in this term; past the deadline nobody waits for that.
    pub fn new(place: Place, deadline: Option<Deadline>, term: u64) -> Self {
        let Place { call, caller, callee, transaction, offer, peer, times } = place;
        let parties = (Leg::new(caller), Leg::new(callee));
        let peering = peer.map(|side| Peering::new(side, deadline));
        let clock = Clock::start(times);
        Self {
            transaction,
            offer,
            peering,
            clock,
            ..Self::between(call, parties, term, outside::unix_millis())
        }
    }

    /// A call of which no more is known than that it was to be set up.
    pub fn left(record: &record::Call, term: u64) -> Self {
        let leg = |side| Leg::new(party(record.party(side)));
        let parties = (leg(Side::Caller), leg(Side::Callee));
        let mut call = Self::between(record.id, parties, term, record.opened);
        call.caller.joined = true;
        call.callee.joined = true;
        call
    }

    fn between(id: CallId, (caller, callee): (Leg, Leg), term: u64, opened: u64) -> Self {
        Self {
            id,
            transaction: String::new(),
            session: None,
            answered: false,
            set_up: term,
            opened,
            caller,
            callee,
            term,
            again: false,
            offer: None,
            rings_until: None,
            suspect: None,
            peering: None,
            receipts: Vec::new(),
            clock: Clock::default(),
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
    pub fn far_side(&self) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.leg(*side).is_far())
    }

    /// Whether both clients know of it, as far as they are ours.
    pub fn rings(&self) -> bool {
        self.caller.joined && self.callee.joined
    }

    /// The name a side is registered under on Janus: of this call and this attempt alone, so that
    /// no two are in each other's way there. With a peer's user it is its own, the only one that the
    /// peer knows.
    pub fn alias(&self, side: Side) -> String {
        let (id, set_up) = (self.id, self.set_up);
        match side {
            _ if self.far_side().is_some() => self.leg(side).party.username.clone(),
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
        leg.said += 1;
        let stamp = Some(Stamp { term, number: leg.said });
        let events = Events { call, stamp, answers, change, ..Events::of(address.handle_ref(), events) };
        Some((address.edge, events))
    }

    /// From now on its clients are told in this term.
    pub fn enter_term(&mut self, term: u64) {
        self.term = term;
        self.caller.said = 0;
        self.callee.said = 0;
    }

    /// A line of the `calls` log.
    pub fn line(&self, backend: &BackendName, event: CallEvent, reason: Option<&str>) -> CallRecord {
        let lasted = outside::unix_millis().saturating_sub(self.opened);
        CallRecord {
            call: self.id,
            event,
            caller: self.caller.party.username.clone(),
            callee: self.callee.party.username.clone(),
            backend: backend.clone(),
            reason: reason.map(str::to_owned),
            duration_ms: (event != CallEvent::Ringing).then_some(lasted),
            steps: match event {
                CallEvent::Ringing => self.clock.until_it_rings(),
                CallEvent::Answered => self.clock.until_it_is_answered(),
                CallEvent::Ended => Steps::default(),
            },
        }
    }

    /// How long ago it was opened.
    pub fn age(&self) -> Duration {
        Duration::from_millis(outside::unix_millis().saturating_sub(self.opened))
    }

    /// Its record in the directory.
    pub fn record(&self, backend: &BackendName) -> record::Call {
        let party = |leg: &Leg| {
            let Party { username, address } = leg.party.clone();
            let owner = |address: Address| Owner { handle: address.handle_ref(), edge: address.edge };
            CallParty { username, owner: address.map(owner) }
        };
        let (caller, callee) = (party(&self.caller), party(&self.callee));
        record::Call { id: self.id, backend: backend.clone(), caller, callee, opened: self.opened }
    }

    /// When something of this call is due.
    pub fn due(&self) -> Option<Instant> {
        let suspect = self.suspect.as_ref().map(|suspect| suspect.until);
        let rings_until = self.rings_until.filter(|_| !self.answered);
        let peering = self.peering.as_ref().and_then(Peering::due);
        let batches = [self.caller.batch_due, self.callee.batch_due];
        [suspect, rings_until, peering].into_iter().chain(batches).flatten().min()
    }
}

fn party(party: &CallParty) -> Party {
    let CallParty { username, owner } = party.clone();
    let address = |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
    Party { username, address: owner.map(address) }
}
