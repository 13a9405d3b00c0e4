//! Calls in which one side is a peer's user. Its proxy has a handle of its own for it on the same Janus,
//! so that side is *far*: no address, no handle of ours, and nobody here to tell. Both users are
//! registered on Janus under their own names, the only ones that the peer knows.
//!
//! A peer that calls waits for a rest service to say that our callee is registered; then it has
//! [`CALLS_WITHIN`] for its call, as at janus-cloud (measured on 1.0.0). A peer that is called is asked
//! once our caller is registered, and the offer goes out when it agrees. A far leg joins along with ours,
//! and Janus alone says that it has hung up.
//!
//! How it fails: a peer that does not call in time is forgotten without a word, because our client knows
//! of nothing; one that is not answered for is refused to the caller. Anybody may call a name that Janus
//! knows: a stranger is let be. A name may be taken by a handle that Janus is still about to detach: it is
//! asked for again for [`TAKEN_FOR`]. A mailbox is not held up by a peer for longer than [`HELD_FOR`]:
//! should the connector die later than that, the call is over and not set up again.

use super::Calls;
use super::act::Act;
use super::call::{Call, Suspect};
use super::closing::{self, CLOSED, Cause, LATE};
use super::relay::SUSPICION;
use crate::janus::message::PluginData;
use bus::ledger::Receipt;
use bus::message::{AskPeer, ClientEvent, Deadline, LegRef, PeerAnswer, PeerRefusal, PeerSide, Place};
use protocol::object::Object;
use protocol::outside::unix_millis;
use protocol::videocall::{self, PluginError};
use protocol::{CallId, Raw, ServiceId, Side};
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::Instant;

/// How long a peer that was told to call may take to do so.
pub const CALLS_WITHIN: Duration = Duration::from_secs(10);
/// How long before its deadline a call without an answer of the peer is refused, so that the caller
/// hears it from here.
const SPARE: Duration = Duration::from_secs(1);
/// How long a name may be taken: Janus 1.1.2 frees it up to 0.3 s after `detach` (measured).
pub const TAKEN_FOR: Duration = Duration::from_secs(1);
/// The pause before it is asked for again.
pub const PAUSE: Duration = Duration::from_millis(50);
/// How long a message may wait in the mailbox for a peer.
pub const HELD_FOR: Duration = Duration::from_secs(2);
/// Janus' answer to a name that another handle has.
pub const NAME_TAKEN: i64 = 476;
/// Janus' answers to a `call` after which it closes the PeerConnection (janus-api.md 5.3).
const CLOSING: std::ops::RangeInclusive<i64> = 473..=480;
/// What a peer may be told as an HTTP status.
const STATUS: std::ops::RangeInclusive<i64> = 400..=599;
/// What the caller hears of a peer that does not answer.
const SILENT: &str = "The other server does not answer";

/// What is between a call and the peer, until our side knows of it.
#[derive(Debug)]
pub struct Peering {
    side: PeerSide,
    /// Past it nobody waits for the call any more.
    deadline: Option<Deadline>,
    /// The peer that calls was told to; the peer that is called has agreed.
    agreed: bool,
    /// What the peer that calls is told if it comes to nothing.
    refusal: Option<PeerRefusal>,
    /// Until when the peer has to call, or to answer.
    until: Option<Instant>,
    /// Until when a name may be taken.
    taken_until: Option<Instant>,
    /// When it is asked for again.
    registers_at: Option<Instant>,
    /// Until when the call's messages stay in the mailbox.
    held_until: Option<Instant>,
}

impl Peering {
    /// Nothing has been said to the peer.
    pub fn new(side: PeerSide, deadline: Option<Deadline>) -> Self {
        let (until, taken_until, registers_at, held_until) = Default::default();
        Self { side, deadline, agreed: false, refusal: None, until, taken_until, registers_at, held_until }
    }

    /// When something is due.
    pub fn due(&self) -> Option<Instant> {
        [self.until, self.registers_at, self.held_until].into_iter().flatten().min()
    }

    /// The side that is ours.
    fn ours(&self) -> Side {
        match self.side {
            PeerSide::Calls(_) => Side::Callee,
            PeerSide::IsCalled(_) => Side::Caller,
        }
    }

    /// Our user has its name on Janus, and the peer has to do its part.
    fn begin(&mut self, patience: Duration, now: Instant) {
        self.until = Some(now + patience);
        self.held_until = Some(now + HELD_FOR);
    }

    /// Past it the peer must not be asked: the caller has been refused.
    fn asks_until(&self) -> Option<Deadline> {
        let spare = SPARE.as_millis() as u64;
        self.deadline.map(|deadline| Deadline(deadline.0.saturating_sub(spare)))
    }

    /// How long the peer may take to answer.
    fn patience(&self) -> Duration {
        let left = |deadline: Deadline| Duration::from_millis(deadline.0.saturating_sub(unix_millis()));
        self.deadline.map_or(CALLS_WITHIN, left).saturating_sub(SPARE)
    }
}

impl Call {
    /// A `place` has come again: a peer that waits is told again that it may call.
    pub(super) fn agrees_again(&self, place: &Place) -> Option<Act> {
        let Some(PeerSide::Calls(rest)) = &place.peer else { return None };
        let callee = self.leg(Side::Callee);
        (callee.registered || callee.joined).then(|| Act::Answer(rest.clone(), agreement(self.id)))
    }

    /// The call is over: what a peer that waits is told.
    pub(super) fn unanswered_peer(&mut self) -> Option<(ServiceId, PeerAnswer)> {
        let Peering { side, agreed: false, refusal, .. } = self.peering.take()? else { return None };
        let PeerSide::Calls(rest) = side else { return None };
        let PluginError { code, text } = PluginError::backend_failed();
        let refusal = Some(refusal.unwrap_or(PeerRefusal { code, text }));
        Some((rest, PeerAnswer { call: self.id, refusal }))
    }

    /// Whether Janus may have said something to this side that is about a stranger: it is in no call yet.
    fn is_open_to_strangers(&self, side: Side) -> bool {
        let leg = self.leg(side);
        self.far_side().is_some() && !leg.joined && (side == Side::Callee || self.offer.is_some())
    }
}

impl Calls {
    /// Whether one side of this call is a peer's.
    pub(super) fn is_with_peer(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| call.far_side().is_some())
    }

    /// Our user has its name on Janus: now the peer may call, or is asked.
    pub(super) fn on_registered_for_peer(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (caller, callee) = (call.leg(Side::Caller), call.leg(Side::Callee));
        let names = (caller.party.username.clone(), callee.party.username.clone());
        let Some(peering) = &mut call.peering else { return };
        match peering.side.clone() {
            PeerSide::Calls(rest) => {
                peering.agreed = true;
                peering.begin(CALLS_WITHIN, now);
                call.clock.offered();
                acts.push(Act::Answer(rest, agreement(id)));
            }
            PeerSide::IsCalled(_) if peering.agreed => return self.offer(id, now, acts),
            PeerSide::IsCalled(proxy) => {
                peering.begin(peering.patience(), now);
                let (backend, backend_url) = (self.backend.clone(), self.url.clone());
                let (caller, callee) = names;
                let ask = AskPeer { call: id, backend, backend_url, proxy, caller, callee };
                acts.push(Act::Ask(ask, peering.asks_until()));
            }
        }
        self.schedule(id);
    }

    /// The peer that is called has answered. It may do so twice, and before this connector has asked:
    /// then a former one had.
    pub(super) fn on_peer_answer(
        &mut self,
        answer: PeerAnswer,
        receipt: Receipt,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let PeerAnswer { call: id, refusal } = answer;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(Peering { side: PeerSide::IsCalled(_), agreed, until, .. }) = &mut call.peering else {
            return;
        };
        if *agreed {
            return;
        }
        call.receipts.push(receipt);
        match refusal {
            Some(refusal) => return self.refuse_for_peer(id, refusal, now, acts),
            None => (*agreed, *until) = (true, None),
        }
        if call.leg(Side::Caller).registered {
            self.offer(id, now, acts);
        }
    }

    /// The caller hears what the peer has against its call.
    fn refuse_for_peer(&mut self, id: CallId, refusal: PeerRefusal, now: Instant, acts: &mut Vec<Act>) {
        let PeerRefusal { code, text } = refusal;
        match self.calls.get(&id) {
            // It may have heard from a former connector that it rings.
            Some(call) if call.again => self.end(id, Cause::Because(text), now, acts),
            _ => self.refuse_and_close(id, videocall::error(&PluginError { code, text }), now, acts),
        }
    }

    /// Janus does not take the offer.
    pub(super) fn on_call_refused(
        &mut self,
        id: CallId,
        data: Raw,
        error: Option<i64>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        // One without an error says that the callee is busy.
        match self.is_with_peer(id) && error.is_none_or(|code| CLOSING.contains(&code)) {
            true => self.refuse_and_close(id, data, now, acts),
            false => self.refuse(id, data, now, acts),
        }
    }

    /// Refuses a call as Janus does when it closes the PeerConnection too.
    fn refuse_and_close(&mut self, id: CallId, data: Raw, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get(&id) else { return };
        let transaction = Some(call.transaction.clone());
        let answer = ClientEvent::Plugin { transaction, data, jsep: None };
        self.refuse_with(id, vec![answer, closing::core_hangup(CLOSED)], now, acts);
    }

    /// Whether a name that is taken is asked for again.
    pub(super) fn registers_again(&mut self, id: CallId, now: Instant) -> bool {
        let peering = self.calls.get_mut(&id).and_then(|call| call.peering.as_mut());
        let Some(peering) = peering else { return false };
        if *peering.taken_until.get_or_insert(now + TAKEN_FOR) <= now {
            return false;
        }
        peering.registers_at = Some(now + PAUSE);
        self.schedule(id);
        true
    }

    /// Janus' plugin does not register our user: the peer hears why.
    pub(super) fn note_refusal(&mut self, id: CallId, error: Option<i64>, data: &RawValue) {
        let peering = self.calls.get_mut(&id).and_then(|call| call.peering.as_mut());
        if let (Some(peering), Some(code)) = (peering, error.filter(|code| STATUS.contains(code))) {
            let data = Object::parse(data.get()).unwrap_or_default();
            let text = data.string("error").unwrap_or_default().into_owned();
            peering.refusal = Some(PeerRefusal { code: code as u16, text });
        }
    }

    /// Janus says to a leg that somebody calls it, or has hung up.
    pub(super) fn on_peer_says(
        &mut self,
        leg: LegRef,
        says: PluginData,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let callee = call.leg(Side::Callee);
        let is_awaited = leg.side == Side::Callee && callee.registered && !callee.joined;
        let is_caller = says.username.as_ref() == Some(&call.leg(Side::Caller).party.username);
        match says.event.as_str() {
            "incomingcall" if is_awaited && is_caller => self.on_incoming(leg.call, jsep, now, acts),
            "hangup" if !self.forgets_stranger(leg) => {
                let reason = says.reason.filter(|reason| reason != LATE);
                self.suspect_peer(leg.call, reason, now, acts);
            }
            _ => {}
        }
    }

    /// Somebody has hung up. If that was a stranger, what Janus said of its call is forgotten.
    pub(super) fn forgets_stranger(&mut self, leg: LegRef) -> bool {
        let call = self.calls.get_mut(&leg.call);
        let Some(call) = call.filter(|call| call.is_open_to_strangers(leg.side)) else { return false };
        call.leg_mut(leg.side).with_batch(Vec::new());
        true
    }

    /// The peer's user seems to be gone. Janus says so twice or more, in any order, once with the reason if
    /// there is one; and our handle must not be detached while it does the first: that can crash it
    /// (janus-api.md 5.5).
    pub(super) fn suspect_peer(
        &mut self,
        id: CallId,
        said: Option<String>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(side) = call.far_side() else { return };
        match call.suspect.take() {
            Some(suspect) => {
                let suspect = Suspect { said: suspect.said.or(said), ..suspect };
                match suspect.said {
                    Some(_) => self.end(id, suspect.cause(), now, acts),
                    None => call.suspect = Some(suspect),
                }
            }
            None => {
                call.suspect = Some(Suspect { side, said, until: now + SUSPICION });
                self.schedule(id);
            }
        }
    }

    /// The peer's user has accepted, as its caller hears from Janus.
    pub(super) fn on_far_answer(&mut self, leg: LegRef, acts: &mut Vec<Act>) {
        if leg.side == Side::Caller && self.is_with_peer(leg.call) {
            self.on_answered(leg.call, acts);
            self.save(leg.call, acts);
        }
    }

    /// Does what is due for a call's peer.
    pub(super) fn on_peering_due(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(peering) = &mut call.peering else { return };
        let is_due = |due: &mut Option<Instant>| due.take_if(|due| *due <= now).is_some();
        let side = peering.ours();
        if is_due(&mut peering.held_until) {
            call.receipts.clear();
        }
        if is_due(&mut peering.registers_at) {
            self.register(LegRef { call: id, side }, now, acts);
        } else if is_due(&mut peering.until) {
            self.on_peer_silent(id, side, now, acts);
        }
    }

    fn on_peer_silent(&mut self, id: CallId, ours: Side, now: Instant, acts: &mut Vec<Act>) {
        match ours {
            Side::Callee => self.end(id, Cause::Gone(Side::Caller), now, acts),
            Side::Caller => {
                let refusal = PeerRefusal { code: 502, text: SILENT.to_owned() };
                self.refuse_for_peer(id, refusal, now, acts);
            }
        }
    }
}

fn agreement(call: CallId) -> PeerAnswer {
    PeerAnswer { call, refusal: None }
}
