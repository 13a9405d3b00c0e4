//! Forwards between the clients of a call and Janus. Clients see each other's usernames, never aliases.

use super::action::Action;
use super::call::{HANGUP_GRACE, SuspectedHangup};
use super::end::CONNECTION_LOST;
use super::janus_state::{ClientRequest, Pending};
use super::machine::Calls;
use super::recording::sandboxed;
use crate::janus::message::{JanusId, PluginData, ToJanus};
use bus::ack_tracker::AckGuard;
use bus::message::{Change, ClientEvent, Events, LegRef, LegRequest, Trickle};
use common::text::truncate;
use common::{CallId, ErrorLog, MessageId, warn_failure};
use protocol::hangup::{CLOSE_PC, HangupCause};
use protocol::object::LazyObject;
use protocol::videocall::{self, MAX_REASON, PluginRequest};
use protocol::{Raw, Side};
use std::time::Duration;

static PARSING: ErrorLog = ErrorLog::new("understanding requests from edges");

/// How long candidates from Janus are batched.
const CANDIDATES_WINDOW: Duration = Duration::from_millis(10);
/// How long `webrtcup`, `media` and `slowlink` events are batched.
const MEDIA_WINDOW: Duration = Duration::from_millis(40);

impl Calls {
    /// Handles a client's plugin request: `hangup` ends the call here, all else is forwarded to Janus.
    pub(super) fn on_client_request(&mut self, id: MessageId, request: LegRequest, ack: AckGuard) {
        let LegRequest { leg, transaction, body, jsep } = request;
        let object = LazyObject::parse(body.get()).unwrap_or_default();
        match videocall::request(&object) {
            Ok(PluginRequest::Hangup) if self.contains(leg.call) => {
                let reason = videocall::hangup_reason(&object);
                let transaction = transaction.unwrap_or_default();
                let cause = HangupCause::Hangup { side: leg.side, request: id, transaction, reason };
                self.on_end(leg.call, cause, ack);
            }
            Ok(PluginRequest::Hangup) => {}
            Ok(verb) => {
                let client_request = ClientRequest { leg, request: id, transaction, verb, ack };
                self.forward_to_janus(client_request, body, jsep);
            }
            Err(error) => {
                warn_failure!(PARSING, %error, call = %leg.call, "invalid request from an edge, ignored");
            }
        }
    }

    fn forward_to_janus(&mut self, request: ClientRequest, body: Raw, jsep: Option<Raw>) {
        let LegRef { call: id, side } = request.leg;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let resumed = call.resumed;
        if request.verb == PluginRequest::Accept {
            call.timings.mark_accepted();
        }
        let leg = call.leg_mut(side);
        match leg.handle {
            _ if leg.is_answered(request.request) => {}
            Some(handle) if leg.joined || !resumed => {
                if jsep.is_some() {
                    leg.begin_negotiation(request.request);
                }
                match sandboxed(body, self.config.policy.record_dir.as_deref(), id, side) {
                    Ok(body) => {
                        self.send_plugin_request(Pending::Request(request), handle, body, jsep.as_deref());
                    }
                    Err(error) => self.reply_to_client(request, videocall::error(&error), None, None),
                }
            }
            // The client replies to an event of a former connector, whose leg no longer exists.
            _ if resumed => self.end(id, HangupCause::MediaServer(CONNECTION_LOST.to_owned())),
            _ => {}
        }
    }

    /// Handles candidates of a client. Janus drops candidates that wait too long for an answer, so they
    /// are held until the call is answered.
    pub(super) fn on_trickle(&mut self, trickle: Trickle, ack: AckGuard) {
        let Trickle { leg, candidates } = trickle;
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).hold_candidates(candidates);
        if call.answered {
            return self.send_held_candidates(leg);
        }
        call.acks.push(ack);
        self.save(leg.call);
    }

    pub(super) fn send_held_candidates(&mut self, leg: LegRef) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let session = call.session;
        let leg = call.leg_mut(leg.side);
        let (Some(handle), false) = (leg.handle, leg.held_candidates.is_empty()) else { return };
        let candidates = std::mem::take(&mut leg.held_candidates);
        let handle_id = Some(handle);
        let trickle =
            ToJanus { janus: "trickle", handle_id, candidates: Some(&candidates), ..ToJanus::default() };
        self.send_oneway(session, trickle);
    }

    /// Handles a plugin event that replies to no request.
    pub(super) fn on_notification(&mut self, sender: JanusId, data: Raw, jsep: Option<Raw>) {
        let Some(leg) = self.legs.get(&sender).copied() else { return };
        let Some(call) = self.calls.get(&leg.call) else { return };
        let plugin = PluginData::read(&data);
        match plugin.event.as_str() {
            "incomingcall" | "hangup" if call.remote_side().is_some() => {
                self.on_remote_event(leg, plugin, jsep);
            }
            "incomingcall" => self.on_incoming(leg.call, jsep),
            "hangup" => {
                let side = plugin.username.and_then(|alias| call.side_of_alias(&alias));
                self.suspect_hangup(leg.call, side.unwrap_or(leg.side.peer()));
            }
            "accepted" => {
                let peer = &call.leg(leg.side.peer()).party.username;
                let accepted = videocall::event("accepted", Some(peer), None);
                let event = ClientEvent::Plugin { transaction: None, data: accepted, jsep };
                self.relay_to_client(leg, Some(Change::Answered), event);
                self.on_remote_answer(leg);
            }
            _ => {
                let event = ClientEvent::Plugin { transaction: None, data, jsep };
                self.relay_to_client(leg, None, event);
            }
        }
    }

    pub(super) fn on_core_event(&mut self, sender: JanusId, name: String, fields: Raw) {
        let Some(leg) = self.legs.get(&sender).copied() else { return };
        match name.as_str() {
            "hangup" => self.on_core_hangup(leg, &fields),
            "detached" => {
                let reason = "The media server closed the connection".to_owned();
                self.end(leg.call, HangupCause::MediaServer(reason));
            }
            _ => {
                let is_candidate = name == "trickle";
                let window = if is_candidate { CANDIDATES_WINDOW } else { MEDIA_WINDOW };
                let Some(call) = self.calls.get_mut(&leg.call) else { return };
                let event = ClientEvent::Core { janus: name, fields };
                call.leg_mut(leg.side).add_to_batch(event, self.now, window);
                self.schedule(leg.call);
                if is_candidate {
                    self.on_candidates(leg);
                }
            }
        }
    }

    /// Janus gives the reason for a lost PeerConnection. "Close PC" means that the other side's was lost.
    /// Any other reason is about this side's own.
    fn on_core_hangup(&mut self, leg: LegRef, fields: &Raw) {
        let fields = LazyObject::parse(fields.get()).unwrap_or_default();
        let reason =
            fields.string("reason").map(|text| truncate(&text, MAX_REASON).to_owned()).unwrap_or_default();
        match reason.as_str() {
            _ if self.discard_unknown_caller(leg) => {}
            CLOSE_PC if self.has_remote_side(leg.call) => self.suspect_remote_hangup(leg.call, None),
            CLOSE_PC => self.suspect_hangup(leg.call, leg.side.peer()),
            _ if self.fails_for_hangup(leg, &reason) => {}
            _ => self.end(leg.call, HangupCause::PeerConnection(leg.side, reason)),
        }
    }

    fn suspect_hangup(&mut self, id: CallId, side: Side) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let deadline = self.now + HANGUP_GRACE;
        call.suspected_hangup.get_or_insert(SuspectedHangup {
            side,
            reason: None,
            local_end: None,
            deadline,
        });
        self.schedule(id);
    }

    pub(super) fn send_to_client(
        &mut self,
        leg: LegRef,
        in_reply_to: Option<MessageId>,
        change: Option<Change>,
        event: ClientEvent,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let events = call.leg_mut(leg.side).take_batch_with(vec![event]);
        let events = call.events(leg.side, in_reply_to, change, events);
        self.out.extend(events.map(Action::send_to_edge));
    }

    /// Sends an event that follows from a request of the other side.
    fn relay_to_client(&mut self, leg: LegRef, change: Option<Change>, event: ClientEvent) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let caused_by = call.leg(leg.side.peer()).current_negotiation();
        let events = call.leg_mut(leg.side).take_batch_with(vec![event]);
        let events = call.events(leg.side, None, change, events);
        let relayed = events.map(|(edge, events)| Action::SendToEdge(edge, Events { caused_by, ..events }));
        self.out.extend(relayed);
    }

    pub(super) fn flush_batches(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&id) else { return };
        for side in [Side::Caller, Side::Callee] {
            let leg = call.leg_mut(side);
            if leg.batch_deadline.is_some_and(|due| due <= now) {
                let events = leg.take_batch_with(Vec::new());
                self.out.extend(call.events(side, None, None, events).map(Action::send_to_edge));
            }
        }
        self.schedule(id);
    }
}
