//! What the two sides of a call say to Janus, and what Janus says to them. Clients always see each
//! other's real names.

use super::Calls;
use super::act::Act;
use super::asking::{Asked, ClientAsks};
use super::call::Suspect;
use super::closing::{CLOSED, Cause, LOST};
use super::recording::confined;
use crate::janus::message::{JanusId, PluginData, ToJanus};
use bus::ledger::Receipt;
use bus::message::{Change, ClientEvent, Events, LegRef, LegRequest, Trickle};
use protocol::object::Object;
use protocol::videocall::{self, Request};
use protocol::{CallId, MessageId, Raw, Side};
use std::time::Duration;
use tokio::time::Instant;

/// How long candidates from Janus gather to travel together.
const CANDIDATES_WINDOW: Duration = Duration::from_millis(10);
/// How long news of media (`webrtcup`, `media`, `slowlink`) gather to travel together.
const MEDIA_WINDOW: Duration = Duration::from_millis(40);
/// How long Janus may take to say why a PeerConnection is gone, once it has told the peer.
pub(super) const SUSPICION: Duration = Duration::from_millis(300);

impl Calls {
    /// A plugin request of a client: `hangup` ends the call here, all else goes to Janus.
    pub(super) fn request(
        &mut self,
        id: MessageId,
        asks: LegRequest,
        receipt: Receipt,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let LegRequest { leg, transaction, body, jsep } = asks;
        let object = Object::parse(body.get()).unwrap_or_default();
        match videocall::request(&object) {
            Ok(Request::Hangup) if self.knows(leg.call) => {
                let reason = videocall::hangup_reason(&object);
                let transaction = transaction.unwrap_or_default();
                let cause = Cause::Hangup { side: leg.side, request: id, transaction, reason };
                self.hear_end(leg.call, cause, receipt, now, acts);
            }
            Ok(Request::Hangup) => {}
            Ok(verb) => {
                let asks = ClientAsks { leg, request: id, transaction, verb, receipt };
                self.pass_on(asks, body, jsep, now, acts);
            }
            Err(error) => {
                tracing::warn!(%error, call = %leg.call, "an edge passed on what it should have refused")
            }
        }
    }

    /// What goes to Janus, if the client speaks of what this connector has told it.
    fn pass_on(&mut self, asks: ClientAsks, body: Raw, jsep: Option<Raw>, now: Instant, acts: &mut Vec<Act>) {
        let LegRef { call: id, side } = asks.leg;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let again = call.again;
        if asks.verb == Request::Accept {
            call.clock.accepted();
        }
        let leg = call.leg_mut(side);
        match leg.handle {
            _ if leg.answered(asks.request) => {}
            Some(handle) if leg.joined || !again => {
                if jsep.is_some() {
                    leg.asks_to_negotiate(asks.request);
                }
                match confined(body, self.rules.record_dir.as_deref(), id, side) {
                    Ok(body) => {
                        self.ask_plugin(Asked::Request(asks), handle, body, jsep.as_deref(), now, acts)
                    }
                    Err(error) => self.answer(asks, videocall::error(&error), None, None, acts),
                }
            }
            // It answers what a former connector had told it; there is no such leg any more.
            _ if again => self.end(id, Cause::Because(LOST.to_owned()), now, acts),
            _ => {}
        }
    }

    /// Candidates of a client. Janus drops those that wait for an answer too long, so they are held
    /// until there is one.
    pub(super) fn trickle(&mut self, trickle: Trickle, receipt: Receipt, acts: &mut Vec<Act>) {
        let Trickle { leg, candidates } = trickle;
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).hold(candidates);
        if call.answered {
            return self.send_held(leg, acts);
        }
        call.receipts.push(receipt);
        self.save(leg.call, acts);
    }

    pub(super) fn send_held(&mut self, leg: LegRef, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let session = call.session;
        let leg = call.leg_mut(leg.side);
        let (Some(handle), false) = (leg.handle, leg.held.is_empty()) else { return };
        let candidates = std::mem::take(&mut leg.held);
        let handle_id = Some(handle);
        let trickle =
            ToJanus { janus: "trickle", handle_id, candidates: Some(&candidates), ..ToJanus::default() };
        self.tell(session, trickle, acts);
    }

    /// A plugin event of Janus' own accord.
    pub(super) fn on_notification(
        &mut self,
        sender: JanusId,
        data: Raw,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let Some(leg) = self.legs.get(&sender).copied() else { return };
        let Some(call) = self.calls.get(&leg.call) else { return };
        let plugin = PluginData::read(&data);
        match plugin.event.as_str() {
            "incomingcall" | "hangup" if call.far_side().is_some() => {
                self.on_peer_says(leg, plugin, jsep, now, acts);
            }
            "incomingcall" => self.on_incoming(leg.call, jsep, now, acts),
            "hangup" => {
                let side = plugin.username.and_then(|alias| call.side_of_alias(&alias));
                self.suspect(leg.call, side.unwrap_or(leg.side.peer()), now);
            }
            "accepted" => {
                let peer = &call.leg(leg.side.peer()).party.username;
                let data = videocall::event("accepted", Some(peer), None);
                let event = ClientEvent::Plugin { transaction: None, data, jsep };
                self.client_hears_of_peer(leg, Some(Change::Answered), event, acts);
                self.on_far_answer(leg, acts);
            }
            _ => {
                let event = ClientEvent::Plugin { transaction: None, data, jsep };
                self.client_hears_of_peer(leg, None, event, acts);
            }
        }
    }

    /// A core event.
    pub(super) fn on_core(
        &mut self,
        sender: JanusId,
        name: String,
        fields: Raw,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let Some(leg) = self.legs.get(&sender).copied() else { return };
        match name.as_str() {
            "hangup" => self.on_core_hangup(leg, &fields, now, acts),
            "detached" => {
                let reason = "The media server closed the connection".to_owned();
                self.end(leg.call, Cause::Because(reason), now, acts);
            }
            _ => {
                let window = if name == "trickle" { CANDIDATES_WINDOW } else { MEDIA_WINDOW };
                let Some(call) = self.calls.get_mut(&leg.call) else { return };
                call.leg_mut(leg.side).gather(ClientEvent::Core { janus: name, fields }, now, window);
                self.schedule(leg.call);
            }
        }
    }

    /// Janus says why a PeerConnection is gone: its own reason names whose it was; "Close PC" only
    /// follows from the other side's.
    fn on_core_hangup(&mut self, leg: LegRef, fields: &Raw, now: Instant, acts: &mut Vec<Act>) {
        let fields = Object::parse(fields.get()).unwrap_or_default();
        let reason = fields.string("reason").map(|reason| reason.into_owned()).unwrap_or_default();
        match reason.as_str() {
            _ if self.forgets_stranger(leg) => {}
            CLOSED if self.is_with_peer(leg.call) => self.suspect_peer(leg.call, None, now, acts),
            CLOSED => self.suspect(leg.call, leg.side.peer(), now),
            _ => self.end(leg.call, Cause::PeerConnection(leg.side, reason), now, acts),
        }
    }

    fn suspect(&mut self, id: CallId, side: Side, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.suspect.get_or_insert(Suspect { side, said: None, until: now + SUSPICION });
        self.schedule(id);
    }

    pub(super) fn client_hears(
        &mut self,
        leg: LegRef,
        answers: Option<MessageId>,
        change: Option<Change>,
        event: ClientEvent,
        acts: &mut Vec<Act>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let events = call.leg_mut(leg.side).with_batch(vec![event]);
        acts.extend(call.events(leg.side, answers, change, events).map(Act::edge));
    }

    /// What follows from something that the other side asked.
    fn client_hears_of_peer(
        &mut self,
        leg: LegRef,
        change: Option<Change>,
        event: ClientEvent,
        acts: &mut Vec<Act>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let follows = call.leg(leg.side.peer()).negotiates();
        let events = call.leg_mut(leg.side).with_batch(vec![event]);
        let events = call.events(leg.side, None, change, events);
        acts.extend(events.map(|(edge, events)| Act::Edge(edge, Events { follows, ..events })));
    }

    pub(super) fn flush_batches(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        for side in [Side::Caller, Side::Callee] {
            let leg = call.leg_mut(side);
            if leg.batch_due.is_some_and(|due| due <= now) {
                let events = leg.with_batch(Vec::new());
                acts.extend(call.events(side, None, None, events).map(Act::edge));
            }
        }
        self.schedule(id);
    }
}
