//! Setting a call up: a fresh handle for each side that is ours, registered under a name of this call
//! alone, then the caller's offer.

use super::Calls;
use super::act::Act;
use super::asking::Asked;
use super::call::Call;
use super::clock::Clock;
use super::closing::Cause;
use crate::janus::message::{JanusId, ToJanus, named};
use bus::ledger::Receipt;
use bus::message::{CallEvent, Change, ClientEvent, Deadline, LegRef, PeerSide, Place};
use protocol::videocall::{self, PLUGIN};
use protocol::{CallId, Raw, Side};
use tokio::time::Instant;

impl Calls {
    /// A call to set up. One that nobody waits for any more, or that has ended, only frees its
    /// handles.
    pub(super) fn place(
        &mut self,
        place: Place,
        deadline: Option<Deadline>,
        receipt: Receipt,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let id = place.call;
        if let Some(call) = self.calls.get(&id) {
            return acts.extend(call.agrees_again(&place));
        }
        let session = self.sessions.newest();
        let has_ended = self.ended.contains(&id);
        let late = deadline.is_some_and(Deadline::is_past);
        let can_begin = session.is_some() && !late && !has_ended && makes_sense(&place);
        let mut call = Call::new(place, deadline, self.term);
        call.session = session;
        call.again = self.expected.remove(&id).is_some();
        if call.again {
            call.clock = Clock::default();
        }
        call.receipts.push(receipt);
        self.calls.insert(id, call);
        match can_begin {
            true => self.attach_ours(id, now, acts),
            false if has_ended => self.end(id, Cause::Gone(Side::Callee), now, acts),
            false => self.fail(id, Cause::Because("The media server is not available".to_owned()), now, acts),
        }
    }

    fn attach_ours(&mut self, call: CallId, now: Instant, acts: &mut Vec<Act>) {
        let far_side = self.calls.get(&call).and_then(Call::far_side);
        for side in [Side::Caller, Side::Callee].into_iter().filter(|side| Some(*side) != far_side) {
            let opaque_id = Some(call.to_string());
            let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
            self.ask(Asked::Attach(LegRef { call, side }), attach, now, acts);
        }
    }

    /// A leg has its handle. One that comes when its call is over, or after patience, is given back:
    /// nothing but an attach is answered with an id.
    pub(super) fn on_success(
        &mut self,
        transaction: &str,
        session: Option<JanusId>,
        id: Option<JanusId>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let Some(handle) = id else { return };
        let Some(Asked::Attach(leg)) = self.questions.answered(transaction) else {
            return self.detach(session, handle, acts);
        };
        let Some(call) = self.calls.get_mut(&leg.call) else { return self.detach(session, handle, acts) };
        call.leg_mut(leg.side).handle = Some(handle);
        self.legs.insert(handle, leg);
        self.register(leg, now, acts);
    }

    /// Gives a leg its name.
    pub(super) fn register(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let Some(handle) = call.leg(leg.side).handle else { return };
        let alias = call.alias(leg.side);
        self.ask_plugin(Asked::Register(leg), handle, named("register", &alias), None, now, acts);
    }

    /// A leg has its name; when both have, the offer goes out.
    pub(super) fn on_registered(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).registered = true;
        if call.far_side().is_some() {
            return self.on_registered_for_peer(leg.call, now, acts);
        }
        if call.leg(Side::Caller).registered && call.leg(Side::Callee).registered {
            self.offer(leg.call, now, acts);
        }
    }

    /// The offer goes out.
    pub(super) fn offer(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (Some(handle), Some(offer)) = (call.leg(Side::Caller).handle, call.offer.take()) else { return };
        call.clock.offered();
        let body = named("call", &call.alias(Side::Callee));
        let caller = LegRef { call: id, side: Side::Caller };
        self.ask_plugin(Asked::Call(caller), handle, body, Some(&offer), now, acts);
    }

    /// Janus calls: the caller hears it, and all that came for it before.
    pub(super) fn on_calling(&mut self, id: CallId, data: Raw, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get(&id) else { return };
        if call.far_side().is_some() {
            self.begin_to_ring(id, now, acts);
        }
        let Some(call) = self.calls.get(&id) else { return };
        let event = ClientEvent::Plugin { transaction: Some(call.transaction.clone()), data, jsep: None };
        self.join(id, Side::Caller, event, acts);
    }

    /// The callee's side rings.
    pub(super) fn on_incoming(&mut self, id: CallId, jsep: Option<Raw>, now: Instant, acts: &mut Vec<Act>) {
        self.begin_to_ring(id, now, acts);
        let Some(call) = self.calls.get(&id) else { return };
        let caller = &call.leg(Side::Caller).party.username;
        let data = videocall::event("incomingcall", Some(caller), None);
        self.join(id, Side::Callee, ClientEvent::Plugin { transaction: None, data, jsep }, acts);
    }

    fn begin_to_ring(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.rings_until = self.rules.ring_timeout.map(|time| now + time);
        acts.push(Act::Log(call.line(&self.backend, CallEvent::Ringing, None)));
        self.schedule(id);
    }

    fn join(&mut self, id: CallId, side: Side, event: ClientEvent, acts: &mut Vec<Act>) {
        let backend = self.backend.clone();
        let Some(call) = self.calls.get_mut(&id) else { return };
        let leg = call.leg_mut(side);
        leg.joined = true;
        let mut events = vec![event];
        events.extend(leg.with_batch(Vec::new()));
        let peer = call.leg_mut(side.peer());
        peer.joined |= peer.is_far();
        call.peering = None;
        let answers = (side == Side::Caller).then(|| id.into());
        let events = call.events(side, answers, Some(Change::Joined { backend, side }), events);
        acts.extend(events.map(Act::edge));
        self.save(id, acts);
    }
}

/// Whether each side is one of ours or the peer's that it is said to be.
fn makes_sense(place: &Place) -> bool {
    let ours = [&place.caller, &place.callee].map(|party| party.address.is_some());
    match &place.peer {
        None => ours == [true, true] && place.offer.is_some(),
        Some(PeerSide::Calls(_)) => ours == [false, true],
        Some(PeerSide::IsCalled(_)) => ours == [true, false] && place.offer.is_some(),
    }
}
