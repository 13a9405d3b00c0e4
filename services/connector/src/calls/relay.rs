//! What the two sides of a call say to Janus, and what Janus says to them. Clients always see each
//! other's real names.

use super::Calls;
use super::act::Action;
use super::asking::{ClientRequest, Pending};
use super::call::SuspectedHangup;
use super::closing::{CLOSE_PC, CONNECTION_LOST, HangupCause};
use super::recording::sandboxed;
use crate::janus::message::{JanusId, PluginData, ToJanus};
use bus::ack_tracker::AckGuard;
use bus::message::{Change, ClientEvent, Events, LegRef, LegRequest, Trickle};
use common::{CallId, MessageId};
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginRequest};
use protocol::{Raw, Side};
use std::time::Duration;
use tokio::time::Instant;

/// How long candidates from Janus gather to travel together.
const CANDIDATES_WINDOW: Duration = Duration::from_millis(10);
/// How long news of media (`webrtcup`, `media`, `slowlink`) gather to travel together.
const MEDIA_WINDOW: Duration = Duration::from_millis(40);
/// How long Janus may take to say why a PeerConnection is gone, once it has told the peer.
pub(super) const HANGUP_GRACE: Duration = Duration::from_millis(300);

impl Calls {
    /// A plugin request of a client: `hangup` ends the call here, all else goes to Janus.
    pub(super) fn on_client_request(
        &mut self,
        id: MessageId,
        asks: LegRequest,
        receipt: AckGuard,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let LegRequest { leg, transaction, body, jsep } = asks;
        let object = LazyObject::parse(body.get()).unwrap_or_default();
        match videocall::request(&object) {
            Ok(PluginRequest::Hangup) if self.contains(leg.call) => {
                let reason = videocall::hangup_reason(&object);
                let transaction = transaction.unwrap_or_default();
                let cause = HangupCause::Hangup { side: leg.side, request: id, transaction, reason };
                self.on_end(leg.call, cause, receipt, now, acts);
            }
            Ok(PluginRequest::Hangup) => {}
            Ok(verb) => {
                let asks = ClientRequest { leg, request: id, transaction, verb, ack: receipt };
                self.forward_to_janus(asks, body, jsep, now, acts);
            }
            Err(error) => {
                tracing::warn!(%error, call = %leg.call, "an edge passed on what it should have refused")
            }
        }
    }

    /// What goes to Janus, if the client speaks of what this connector has told it.
    fn forward_to_janus(
        &mut self,
        asks: ClientRequest,
        body: Raw,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let LegRef { call: id, side } = asks.leg;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let again = call.resumed;
        if asks.verb == PluginRequest::Accept {
            call.timings.mark_accepted();
        }
        let leg = call.leg_mut(side);
        match leg.handle {
            _ if leg.is_answered(asks.request) => {}
            Some(handle) if leg.joined || !again => {
                if jsep.is_some() {
                    leg.begin_negotiation(asks.request);
                }
                match sandboxed(body, self.policy.record_dir.as_deref(), id, side) {
                    Ok(body) => self.send_plugin_request(
                        Pending::Request(asks),
                        handle,
                        body,
                        jsep.as_deref(),
                        now,
                        acts,
                    ),
                    Err(error) => self.reply_to_client(asks, videocall::error(&error), None, None, acts),
                }
            }
            // It answers what a former connector had told it; there is no such leg any more.
            _ if again => self.end(id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()), now, acts),
            _ => {}
        }
    }

    /// Candidates of a client. Janus drops those that wait for an answer too long, so they are held
    /// until there is one.
    pub(super) fn on_trickle(&mut self, trickle: Trickle, receipt: AckGuard, acts: &mut Vec<Action>) {
        let Trickle { leg, candidates } = trickle;
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).hold_candidates(candidates);
        if call.answered {
            return self.send_held_candidates(leg, acts);
        }
        call.acks.push(receipt);
        self.save(leg.call, acts);
    }

    pub(super) fn send_held_candidates(&mut self, leg: LegRef, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let session = call.session;
        let leg = call.leg_mut(leg.side);
        let (Some(handle), false) = (leg.handle, leg.held_candidates.is_empty()) else { return };
        let candidates = std::mem::take(&mut leg.held_candidates);
        let handle_id = Some(handle);
        let trickle =
            ToJanus { janus: "trickle", handle_id, candidates: Some(&candidates), ..ToJanus::default() };
        self.send_oneway(session, trickle, acts);
    }

    /// A plugin event of Janus' own accord.
    pub(super) fn on_notification(
        &mut self,
        sender: JanusId,
        data: Raw,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(leg) = self.legs.get(&sender).copied() else { return };
        let Some(call) = self.calls.get(&leg.call) else { return };
        let plugin = PluginData::read(&data);
        match plugin.event.as_str() {
            "incomingcall" | "hangup" if call.remote_side().is_some() => {
                self.on_remote_event(leg, plugin, jsep, now, acts);
            }
            "incomingcall" => self.on_incoming(leg.call, jsep, now, acts),
            "hangup" => {
                let side = plugin.username.and_then(|alias| call.side_of_alias(&alias));
                self.suspect_hangup(leg.call, side.unwrap_or(leg.side.peer()), now);
            }
            "accepted" => {
                let peer = &call.leg(leg.side.peer()).party.username;
                let data = videocall::event("accepted", Some(peer), None);
                let event = ClientEvent::Plugin { transaction: None, data, jsep };
                self.relay_to_client(leg, Some(Change::Answered), event, acts);
                self.on_remote_answer(leg, acts);
            }
            _ => {
                let event = ClientEvent::Plugin { transaction: None, data, jsep };
                self.relay_to_client(leg, None, event, acts);
            }
        }
    }

    /// A core event.
    pub(super) fn on_core_event(
        &mut self,
        sender: JanusId,
        name: String,
        fields: Raw,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(leg) = self.legs.get(&sender).copied() else { return };
        match name.as_str() {
            "hangup" => self.on_core_hangup(leg, &fields, now, acts),
            "detached" => {
                let reason = "The media server closed the connection".to_owned();
                self.end(leg.call, HangupCause::MediaServer(reason), now, acts);
            }
            _ => {
                let window = if name == "trickle" { CANDIDATES_WINDOW } else { MEDIA_WINDOW };
                let Some(call) = self.calls.get_mut(&leg.call) else { return };
                call.leg_mut(leg.side).add_to_batch(ClientEvent::Core { janus: name, fields }, now, window);
                self.schedule(leg.call);
            }
        }
    }

    /// Janus says why a PeerConnection is gone: its own reason names whose it was; "Close PC" only
    /// follows from the other side's.
    fn on_core_hangup(&mut self, leg: LegRef, fields: &Raw, now: Instant, acts: &mut Vec<Action>) {
        let fields = LazyObject::parse(fields.get()).unwrap_or_default();
        let reason = fields.string("reason").map(|reason| reason.into_owned()).unwrap_or_default();
        match reason.as_str() {
            _ if self.discard_unknown_caller(leg) => {}
            CLOSE_PC if self.has_remote_side(leg.call) => {
                self.suspect_remote_hangup(leg.call, None, now, acts)
            }
            CLOSE_PC => self.suspect_hangup(leg.call, leg.side.peer(), now),
            _ => self.end(leg.call, HangupCause::PeerConnection(leg.side, reason), now, acts),
        }
    }

    fn suspect_hangup(&mut self, id: CallId, side: Side, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.suspected_hangup.get_or_insert(SuspectedHangup {
            side,
            reason: None,
            deadline: now + HANGUP_GRACE,
        });
        self.schedule(id);
    }

    pub(super) fn send_to_client(
        &mut self,
        leg: LegRef,
        answers: Option<MessageId>,
        change: Option<Change>,
        event: ClientEvent,
        acts: &mut Vec<Action>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let events = call.leg_mut(leg.side).take_batch_with(vec![event]);
        acts.extend(call.events(leg.side, answers, change, events).map(Action::send_to_edge));
    }

    /// What follows from something that the other side asked.
    fn relay_to_client(
        &mut self,
        leg: LegRef,
        change: Option<Change>,
        event: ClientEvent,
        acts: &mut Vec<Action>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let follows = call.leg(leg.side.peer()).current_negotiation();
        let events = call.leg_mut(leg.side).take_batch_with(vec![event]);
        let events = call.events(leg.side, None, change, events);
        acts.extend(
            events.map(|(edge, events)| Action::SendToEdge(edge, Events { caused_by: follows, ..events })),
        );
    }

    pub(super) fn flush_batches(&mut self, id: CallId, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        for side in [Side::Caller, Side::Callee] {
            let leg = call.leg_mut(side);
            if leg.batch_deadline.is_some_and(|due| due <= now) {
                let events = leg.take_batch_with(Vec::new());
                acts.extend(call.events(side, None, None, events).map(Action::send_to_edge));
            }
        }
        self.schedule(id);
    }
}
