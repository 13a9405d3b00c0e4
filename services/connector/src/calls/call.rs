//! One call on a backend: its two legs, its progress, and what is saved of it for the next connector.

use super::attempt::Attempt;
use super::leg::{Leg, ProxyLeg};
use super::timings::CallTimings;
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::{
    Address, CallEvent, CallRecord, Change, ClientEvent, Deadline, EndKind, Events, Party, Place, Sequence,
    StepDurations,
};
use common::clock;
use common::{BackendName, CallId, MessageId, ServiceId};
use directory::record::{self, CallParty, Owner};
use protocol::hangup::{CLOSE_PC, HangupCause};
use protocol::{Raw, Side};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// How long the end of a call may wait for Janus: for the reason of a lost PeerConnection, once Janus has
/// notified the peer, or for the reply to the barrier after a remote hangup.
pub(super) const HANGUP_GRACE: Duration = Duration::from_millis(300);

/// The state of a call. The fields that are not skipped are saved once both sides have joined.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    /// The transaction of the caller's request.
    pub transaction: String,
    /// The session on Janus that its handles are in.
    pub session: Option<JanusId>,
    /// The callee has accepted.
    pub answered: bool,
    /// The term in which the call was set up.
    setup_term: u64,
    /// When the call was opened, in unix milliseconds.
    opened: u64,
    caller: Leg,
    callee: Leg,
    /// The term of the events to its clients.
    #[serde(skip)]
    term: u64,
    /// A former connector had begun to set the call up, so its clients may have got events that this
    /// connector has not sent.
    #[serde(skip)]
    pub resumed: bool,
    /// The caller's offer, until it is sent to Janus.
    #[serde(skip)]
    pub offer: Option<Raw>,
    /// When the call ends if the callee has not accepted by then.
    #[serde(skip)]
    pub ring_deadline: Option<Instant>,
    #[serde(skip)]
    pub suspected_hangup: Option<SuspectedHangup>,
    /// The exchange with the proxy of the remote side, until the local client has joined.
    #[serde(skip)]
    pub proxy_leg: Option<ProxyLeg>,
    /// The mailbox messages that are handled once the call is saved.
    #[serde(skip)]
    pub acks: Vec<AckGuard>,
    #[serde(skip)]
    pub timings: CallTimings,
    #[serde(skip)]
    pub attempt: Attempt,
}

/// A hangup that Janus has reported, while the reason may still come.
#[derive(Debug)]
pub struct SuspectedHangup {
    pub side: Side,
    /// The reason that a remote user gave for hanging up.
    pub reason: Option<String>,
    /// The local side has ended the call since. The handle is detached once Janus permits it.
    pub local_end: Option<HangupCause>,
    /// When the call ends, whatever Janus has said by then.
    pub deadline: Instant,
}

impl SuspectedHangup {
    /// The cause of the end, if no more is said about it.
    pub fn cause(self) -> HangupCause {
        match (self.local_end, self.reason) {
            (Some(cause), _) => cause,
            (None, Some(reason)) => HangupCause::RemoteHangup(self.side, reason),
            (None, None) => HangupCause::PeerConnection(self.side, CLOSE_PC.to_owned()),
        }
    }
}

impl Call {
    /// A call that this connector sets up. After the deadline no client waits for it.
    pub fn new(place: Place, deadline: Option<Deadline>, term: u64) -> Self {
        let Place { call, caller, callee, transaction, offer, proxy_side, timestamps, request, fallback } =
            place;
        let legs = (Leg::new(caller), Leg::new(callee));
        let opened = clock::unix_millis();
        Self {
            transaction,
            offer,
            proxy_leg: proxy_side.map(|side| ProxyLeg::new(side, deadline)),
            timings: CallTimings::start(timestamps),
            attempt: Attempt::new(fallback, request, deadline),
            ..Self::with_legs(call, legs, term, opened)
        }
    }

    /// A call that a former connector began to set up. Only its directory record is known.
    pub fn from_record(record: &record::Call, term: u64) -> Self {
        let leg = |side| Leg::new(party(record.party(side)));
        let legs = (leg(Side::Caller), leg(Side::Callee));
        let mut call = Self::with_legs(record.id, legs, term, record.opened);
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
            attempt: Attempt::default(),
        }
    }

    pub fn leg(&self, side: Side) -> &Leg {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    pub fn leg_mut(&mut self, side: Side) -> &mut Leg {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }

    /// The side whose user is at a janus-cloud proxy.
    pub fn remote_side(&self) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.leg(*side).is_remote())
    }

    /// Whether both clients know of the call. A remote user counts as knowing with the local one.
    pub fn both_joined(&self) -> bool {
        self.caller.joined && self.callee.joined
    }

    /// The name a side is registered under on Janus. It contains the call and the term, so that no two
    /// attempts collide. In a call with a remote user it is the user's own name, the only one that the
    /// proxy knows.
    pub fn alias(&self, side: Side) -> String {
        let (id, setup_term) = (self.id, self.setup_term);
        match side {
            _ if self.remote_side().is_some() => self.leg(side).party.username.clone(),
            Side::Caller => format!("{id}-{setup_term}-caller"),
            Side::Callee => format!("{id}-{setup_term}-callee"),
        }
    }

    pub fn side_of_alias(&self, alias: &str) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.alias(*side) == alias)
    }

    /// Events for the client of a side, under its next sequence number; none for a remote user.
    pub fn events(
        &mut self,
        side: Side,
        in_reply_to: Option<MessageId>,
        change: Option<Change>,
        events: Vec<ClientEvent>,
    ) -> Option<(ServiceId, Events)> {
        let (call, term) = (self.id, self.term);
        let leg = self.leg_mut(side);
        let address = leg.party.address.clone()?;
        leg.sent += 1;
        let events = Events {
            call: Some(call),
            sequence: Some(Sequence { term, number: leg.sent }),
            in_reply_to,
            change,
            ..Events::for_handle(address.handle_ref(), events)
        };
        Some((address.edge, events))
    }

    /// Sends further events in this term. Their sequence starts at 1.
    pub fn enter_term(&mut self, term: u64) {
        self.term = term;
        self.caller.sent = 0;
        self.callee.sent = 0;
    }

    /// A record for the `calls` log.
    pub fn log_record(
        &self,
        backend: &BackendName,
        event: CallEvent,
        end: Option<(&str, EndKind)>,
    ) -> CallRecord {
        CallRecord {
            call: self.id,
            event,
            caller: self.caller.party.username.clone(),
            callee: self.callee.party.username.clone(),
            backend: backend.clone(),
            kind: end.map(|(_, kind)| kind),
            reason: end.map(|(reason, _)| reason.to_owned()),
            duration_ms: (event != CallEvent::Ringing).then_some(self.age_ms()),
            steps: match event {
                CallEvent::Ringing => self.timings.ringing_steps(),
                CallEvent::Answered => self.timings.answered_steps(),
                CallEvent::Ended => StepDurations::default(),
            },
        }
    }

    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms())
    }

    fn age_ms(&self) -> u64 {
        clock::unix_millis().saturating_sub(self.opened)
    }

    /// Returns the record of the call for the directory.
    pub fn to_record(&self, backend: &BackendName) -> record::Call {
        let party = |leg: &Leg| {
            let Party { username, address } = leg.party.clone();
            let owner = |at: Address| Owner { handle: at.handle_ref(), edge: at.edge };
            CallParty { username, owner: address.map(owner) }
        };
        let (caller, callee) = (party(&self.caller), party(&self.callee));
        record::Call { id: self.id, backend: backend.clone(), caller, callee, opened: self.opened }
    }

    /// When the call's next timer is due.
    pub fn next_timer(&self) -> Option<Instant> {
        let timers = [
            self.suspected_hangup.as_ref().map(|suspected| suspected.deadline),
            self.ring_deadline.filter(|_| !self.answered),
            self.attempt.ring_at,
            self.proxy_leg.as_ref().and_then(ProxyLeg::next_timer),
            self.caller.batch_deadline,
            self.callee.batch_deadline,
        ];
        timers.into_iter().flatten().min()
    }
}

fn party(party: &CallParty) -> Party {
    let CallParty { username, owner } = party.clone();
    let address = |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
    Party { username, address: owner.map(address) }
}
