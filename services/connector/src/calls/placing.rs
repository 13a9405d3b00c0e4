//! Setting a call up: a fresh handle for each side that is ours, registered under a name of this call
//! alone, then the caller's offer.

use super::Calls;
use super::act::Action;
use super::asking::Pending;
use super::call::Call;
use super::clock::CallTimings;
use super::closing::HangupCause;
use crate::janus::message::{JanusId, ToJanus, named_request};
use bus::ack_tracker::AckGuard;
use bus::message::{CallEvent, Change, ClientEvent, Deadline, LegRef, Place, ProxySide};
use common::CallId;
use protocol::videocall::{self, PLUGIN};
use protocol::{Raw, Side};
use tokio::time::Instant;

impl Calls {
    /// A call to set up. One that nobody waits for any more, or that has ended, only frees its
    /// handles.
    pub(super) fn setup(
        &mut self,
        place: Place,
        deadline: Option<Deadline>,
        receipt: AckGuard,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let id = place.call;
        if let Some(call) = self.calls.get(&id) {
            return acts.extend(call.repeat_agreement(&place));
        }
        let session = self.sessions.newest();
        let has_ended = self.ended.contains(&id);
        let late = deadline.is_some_and(Deadline::is_past);
        let can_begin = session.is_some() && !late && !has_ended && is_well_formed(&place);
        let mut call = Call::new(place, deadline, self.term);
        call.session = session;
        call.resumed = self.awaiting_replay.remove(&id).is_some();
        if call.resumed {
            call.timings = CallTimings::default();
        }
        call.acks.push(receipt);
        self.calls.insert(id, call);
        match can_begin {
            true => self.attach_local_legs(id, now, acts),
            false if has_ended => self.end(id, HangupCause::ClientGone(Side::Callee), now, acts),
            false => self.fail(
                id,
                HangupCause::MediaServer("The media server is not available".to_owned()),
                now,
                acts,
            ),
        }
    }

    fn attach_local_legs(&mut self, call: CallId, now: Instant, acts: &mut Vec<Action>) {
        let far_side = self.calls.get(&call).and_then(Call::remote_side);
        for side in [Side::Caller, Side::Callee].into_iter().filter(|side| Some(*side) != far_side) {
            let opaque_id = Some(call.to_string());
            let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
            self.send_request(Pending::Attach(LegRef { call, side }), attach, now, acts);
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
        acts: &mut Vec<Action>,
    ) {
        let Some(handle) = id else { return };
        let Some(Pending::Attach(leg)) = self.transactions.complete(transaction) else {
            return self.detach(session, handle, acts);
        };
        let Some(call) = self.calls.get_mut(&leg.call) else { return self.detach(session, handle, acts) };
        call.leg_mut(leg.side).handle = Some(handle);
        self.legs.insert(handle, leg);
        self.register(leg, now, acts);
    }

    /// Gives a leg its name.
    pub(super) fn register(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let Some(handle) = call.leg(leg.side).handle else { return };
        let alias = call.alias(leg.side);
        self.send_plugin_request(
            Pending::Register(leg),
            handle,
            named_request("register", &alias),
            None,
            now,
            acts,
        );
    }

    /// A leg has its name; when both have, the offer goes out.
    pub(super) fn on_registered(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).registered = true;
        if call.remote_side().is_some() {
            return self.on_registered_with_proxy(leg.call, now, acts);
        }
        if call.leg(Side::Caller).registered && call.leg(Side::Callee).registered {
            self.send_offer(leg.call, now, acts);
        }
    }

    /// The offer goes out.
    pub(super) fn send_offer(&mut self, id: CallId, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (Some(handle), Some(offer)) = (call.leg(Side::Caller).handle, call.offer.take()) else { return };
        call.timings.mark_offered();
        let body = named_request("call", &call.alias(Side::Callee));
        let caller = LegRef { call: id, side: Side::Caller };
        self.send_plugin_request(Pending::Call(caller), handle, body, Some(&offer), now, acts);
    }

    /// Janus calls: the caller hears it, and all that came for it before.
    pub(super) fn on_calling(&mut self, id: CallId, data: Raw, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get(&id) else { return };
        if call.remote_side().is_some() {
            self.start_ringing(id, now, acts);
        }
        let Some(call) = self.calls.get(&id) else { return };
        let event = ClientEvent::Plugin { transaction: Some(call.transaction.clone()), data, jsep: None };
        self.join(id, Side::Caller, event, acts);
    }

    /// The callee's side rings.
    pub(super) fn on_incoming(
        &mut self,
        id: CallId,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        self.start_ringing(id, now, acts);
        let Some(call) = self.calls.get(&id) else { return };
        let caller = &call.leg(Side::Caller).party.username;
        let data = videocall::event("incomingcall", Some(caller), None);
        self.join(id, Side::Callee, ClientEvent::Plugin { transaction: None, data, jsep }, acts);
    }

    fn start_ringing(&mut self, id: CallId, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.ring_deadline = self.policy.ring_timeout.map(|time| now + time);
        acts.push(Action::Log(call.log_record(&self.backend, CallEvent::Ringing, None)));
        self.schedule(id);
    }

    fn join(&mut self, id: CallId, side: Side, event: ClientEvent, acts: &mut Vec<Action>) {
        let backend = self.backend.clone();
        let Some(call) = self.calls.get_mut(&id) else { return };
        let leg = call.leg_mut(side);
        leg.joined = true;
        let mut events = vec![event];
        events.extend(leg.take_batch_with(Vec::new()));
        let peer = call.leg_mut(side.peer());
        peer.joined |= peer.is_remote();
        call.proxy_leg = None;
        let answers = (side == Side::Caller).then(|| id.into());
        let events = call.events(side, answers, Some(Change::Joined { backend, side }), events);
        acts.extend(events.map(Action::send_to_edge));
        self.save(id, acts);
    }
}

/// Whether each side is one of ours or the peer's that it is said to be.
fn is_well_formed(place: &Place) -> bool {
    let ours = [&place.caller, &place.callee].map(|party| party.address.is_some());
    match &place.proxy_side {
        None => ours == [true, true] && place.offer.is_some(),
        Some(ProxySide::Caller(_)) => ours == [false, true],
        Some(ProxySide::Callee(_)) => ours == [true, false] && place.offer.is_some(),
    }
}
