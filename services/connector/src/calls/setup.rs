//! Sets a call up, in the order of the exchange with Janus. Each local side gets a fresh handle, which is
//! registered under an alias. Then the caller's offer is sent, and both sides join.

use super::action::Action;
use super::call::Call;
use super::janus_state::Pending;
use super::machine::Calls;
use super::timings::CallTimings;
use crate::janus::message::{JanusId, ToJanus, named_request};
use bus::ack_tracker::AckGuard;
use bus::message::{CallEvent, Change, ClientEvent, Deadline, LegRef, Place, ProxySide};
use common::CallId;
use protocol::hangup::HangupCause;
use protocol::videocall::{self, PLUGIN};
use protocol::{Raw, Side};

impl Calls {
    /// Begins to set a call up. A call that is expired or has ended only has its handles freed.
    pub(super) fn setup(&mut self, place: Place, deadline: Option<Deadline>, ack: AckGuard) {
        let id = place.call;
        if let Some(call) = self.calls.get(&id) {
            return self.out.extend(call.repeat_agreement(&place));
        }
        let session = self.sessions.newest();
        let has_ended = self.ended.contains(id);
        let is_expired = deadline.is_some_and(Deadline::is_past);
        let can_begin = session.is_some() && !is_expired && !has_ended && is_well_formed(&place);
        let mut call = Call::new(place, deadline, self.term);
        call.session = session;
        call.resumed = self.awaiting_replay.remove(&id).is_some();
        if call.resumed {
            call.timings = CallTimings::default();
        }
        call.acks.push(ack);
        self.calls.insert(id, call);
        if can_begin && self.admits(id) {
            self.begin_attempt(id);
            self.attach_local_legs(id);
        } else if has_ended {
            self.end(id, HangupCause::ClientGone(Side::Callee));
        } else if !self.try_elsewhere(id) {
            self.fail(id, HangupCause::MediaServer("The media server is not available".to_owned()));
        }
    }

    fn attach_local_legs(&mut self, call: CallId) {
        let remote_side = self.calls.get(&call).and_then(Call::remote_side);
        for side in [Side::Caller, Side::Callee].into_iter().filter(|side| Some(*side) != remote_side) {
            let opaque_id = Some(call.to_string());
            let attach = ToJanus { janus: "attach", plugin: Some(PLUGIN), opaque_id, ..ToJanus::default() };
            self.send_request(Pending::Attach(LegRef { call, side }), attach);
        }
    }

    /// Takes the handle of a leg. Only a reply to `attach` has an id, so a handle that arrives after the
    /// end or the timeout of its call is detached.
    pub(super) fn on_success(&mut self, transaction: &str, session: Option<JanusId>, id: Option<JanusId>) {
        let Some(handle) = id else { return };
        let Some(Pending::Attach(leg)) = self.transactions.complete(transaction) else {
            return self.detach(session, handle);
        };
        let Some(call) = self.calls.get_mut(&leg.call) else { return self.detach(session, handle) };
        call.leg_mut(leg.side).handle = Some(handle);
        self.legs.insert(handle, leg);
        self.register(leg);
    }

    /// Registers a leg under its alias.
    pub(super) fn register(&mut self, leg: LegRef) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let Some(handle) = call.leg(leg.side).handle else { return };
        let body = named_request("register", &call.alias(leg.side));
        self.send_plugin_request(Pending::Register(leg), handle, body, None);
    }

    /// A leg is registered. Once both are, the offer is sent.
    pub(super) fn on_registered(&mut self, leg: LegRef) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).registered = true;
        if call.remote_side().is_some() {
            return self.on_registered_with_proxy(leg.call);
        }
        if call.leg(Side::Caller).registered && call.leg(Side::Callee).registered {
            self.send_offer(leg.call);
        }
    }

    pub(super) fn send_offer(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (Some(handle), Some(offer)) = (call.leg(Side::Caller).handle, call.offer.take()) else { return };
        call.timings.mark_offered();
        let body = named_request("call", &call.alias(Side::Callee));
        let caller = LegRef { call: id, side: Side::Caller };
        self.send_plugin_request(Pending::Call(caller), handle, body, Some(&offer));
        // Another backend may need it.
        if let Some(offered) = self.calls.get_mut(&id).filter(|offered| offered.has_fallback()) {
            offered.offer = Some(offer);
        }
    }

    /// Janus has taken the offer. The caller joins, and gets the events that came before.
    pub(super) fn on_calling(&mut self, id: CallId, data: Raw) {
        let Some(data) = self.hold_calling(id, data) else { return };
        if self.has_remote_side(id) {
            self.start_ringing(id);
        }
        let Some(call) = self.calls.get(&id) else { return };
        let event = ClientEvent::Plugin { transaction: Some(call.transaction.clone()), data, jsep: None };
        self.join(id, Side::Caller, event);
    }

    /// Janus has notified the callee's handle. The callee joins.
    pub(super) fn on_incoming(&mut self, id: CallId, jsep: Option<Raw>) {
        let Some(jsep) = self.hold_incoming(id, jsep) else { return };
        self.start_ringing(id);
        let Some(call) = self.calls.get(&id) else { return };
        let caller = &call.leg(Side::Caller).party.username;
        let data = videocall::event("incomingcall", Some(caller), None);
        self.join(id, Side::Callee, ClientEvent::Plugin { transaction: None, data, jsep });
    }

    fn start_ringing(&mut self, id: CallId) {
        self.end_attempt(id);
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.ring_deadline = self.config.policy.ring_timeout.map(|timeout| self.now + timeout);
        let record = call.log_record(&self.config.backend, CallEvent::Ringing, None);
        self.out.push(Action::Log(record));
        self.schedule(id);
    }

    fn join(&mut self, id: CallId, side: Side, event: ClientEvent) {
        let backend = self.config.backend.clone();
        let Some(call) = self.calls.get_mut(&id) else { return };
        let leg = call.leg_mut(side);
        leg.joined = true;
        let mut events = vec![event];
        events.extend(leg.take_batch_with(Vec::new()));
        let peer = call.leg_mut(side.peer());
        peer.joined |= peer.is_remote();
        call.proxy_leg = None;
        let in_reply_to = (side == Side::Caller).then(|| call.request());
        let events = call.events(side, in_reply_to, Some(Change::Joined { backend, side }), events);
        if side == Side::Caller {
            // No later reply needs it, and it may be long.
            call.transaction = String::new();
        }
        self.out.extend(events.map(Action::send_to_edge));
        self.report_success(id);
        self.save(id);
    }
}

/// Whether the sides have the addresses and the offer that their kind of call needs.
fn is_well_formed(place: &Place) -> bool {
    let has_client = [&place.caller, &place.callee].map(|party| party.address.is_some());
    match &place.proxy_side {
        None => has_client == [true, true] && place.offer.is_some(),
        Some(ProxySide::Caller(_)) => has_client == [false, true],
        Some(ProxySide::Callee(_)) => has_client == [true, false] && place.offer.is_some(),
    }
}
