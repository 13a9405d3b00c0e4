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
use super::act::Action;
use super::call::{Call, SuspectedHangup};
use super::closing::{self, CLOSE_PC, HangupCause, REMOTE_HANGUP};
use super::relay::HANGUP_GRACE;
use crate::janus::message::PluginData;
use bus::ack_tracker::AckGuard;
use bus::message::{ClientEvent, Deadline, LegRef, Place, ProxyInvite, ProxyRefusal, ProxyReply, ProxySide};
use common::entropy::unix_millis;
use common::{CallId, ServiceId};
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use protocol::{Raw, Side};
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::Instant;

/// How long a peer that was told to call may take to do so.
pub const INCOMING_CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long before its deadline a call without an answer of the peer is refused, so that the caller
/// hears it from here.
const REFUSAL_MARGIN: Duration = Duration::from_secs(1);
/// How long a name may be taken: Janus 1.1.2 frees it up to 0.3 s after `detach` (measured).
pub const NAME_TAKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before it is asked for again.
pub const REGISTER_RETRY_DELAY: Duration = Duration::from_millis(50);
/// How long a message may wait in the mailbox for a peer.
pub const MAX_ACK_DELAY: Duration = Duration::from_secs(2);
/// Janus' answer to a name that another handle has.
pub const NAME_TAKEN: i64 = 476;
/// Janus' answers to a `call` after which it closes the PeerConnection (janus-api.md 5.3).
const CLOSING_ERRORS: std::ops::RangeInclusive<i64> = 473..=480;
/// What a peer may be told as an HTTP status.
const HTTP_ERRORS: std::ops::RangeInclusive<i64> = 400..=599;
/// What the caller hears of a peer that does not answer.
const NO_PROXY_REPLY: &str = "The other server does not answer";

/// What is between a call and the peer, until our side knows of it.
#[derive(Debug)]
pub struct ProxyLeg {
    side: ProxySide,
    /// Past it nobody waits for the call any more.
    deadline: Option<Deadline>,
    /// The peer that calls was told to; the peer that is called has agreed.
    agreed: bool,
    /// What the peer that calls is told if it comes to nothing.
    refusal: Option<ProxyRefusal>,
    /// Until when the peer has to call, or to answer.
    response_deadline: Option<Instant>,
    /// Until when a name may be taken.
    register_retry_until: Option<Instant>,
    /// When it is asked for again.
    register_at: Option<Instant>,
    /// Until when the call's messages stay in the mailbox.
    acks_held_until: Option<Instant>,
}

impl ProxyLeg {
    /// Nothing has been said to the peer.
    pub fn new(side: ProxySide, deadline: Option<Deadline>) -> Self {
        let (response_deadline, register_retry_until, register_at, acks_held_until) = Default::default();
        Self {
            side,
            deadline,
            agreed: false,
            refusal: None,
            response_deadline,
            register_retry_until,
            register_at,
            acks_held_until,
        }
    }

    /// When something is due.
    pub fn next_timer(&self) -> Option<Instant> {
        [self.response_deadline, self.register_at, self.acks_held_until].into_iter().flatten().min()
    }

    /// The side that is ours.
    fn local_side(&self) -> Side {
        match self.side {
            ProxySide::Caller(_) => Side::Callee,
            ProxySide::Callee(_) => Side::Caller,
        }
    }

    /// Our user has its name on Janus, and the peer has to do its part.
    fn await_proxy(&mut self, patience: Duration, now: Instant) {
        self.response_deadline = Some(now + patience);
        self.acks_held_until = Some(now + MAX_ACK_DELAY);
    }

    /// Past it the peer must not be asked: the caller has been refused.
    fn invite_deadline(&self) -> Option<Deadline> {
        let spare = REFUSAL_MARGIN.as_millis() as u64;
        self.deadline.map(|deadline| Deadline(deadline.0.saturating_sub(spare)))
    }

    /// How long the peer may take to answer.
    fn reply_timeout(&self) -> Duration {
        let left = |deadline: Deadline| Duration::from_millis(deadline.0.saturating_sub(unix_millis()));
        self.deadline.map_or(INCOMING_CALL_TIMEOUT, left).saturating_sub(REFUSAL_MARGIN)
    }
}

impl Call {
    /// A `place` has come again: a peer that waits is told again that it may call.
    pub(super) fn repeat_agreement(&self, place: &Place) -> Option<Action> {
        let Some(ProxySide::Caller(rest)) = &place.proxy_side else { return None };
        let callee = self.leg(Side::Callee);
        (callee.registered || callee.joined).then(|| Action::ReplyToRest(rest.clone(), agreement(self.id)))
    }

    /// The call is over: what a peer that waits is told.
    pub(super) fn take_proxy_refusal(&mut self) -> Option<(ServiceId, ProxyReply)> {
        let ProxyLeg { side, agreed: false, refusal, .. } = self.proxy_leg.take()? else { return None };
        let ProxySide::Caller(rest) = side else { return None };
        let PluginError { code, text } = PluginError::backend_failed();
        let refusal = Some(refusal.unwrap_or(ProxyRefusal { code, text }));
        Some((rest, ProxyReply { call: self.id, refusal }))
    }

    /// Whether Janus may have said something to this side that is about a stranger: it is in no call yet.
    fn accepts_unknown_callers(&self, side: Side) -> bool {
        let leg = self.leg(side);
        self.remote_side().is_some() && !leg.joined && (side == Side::Callee || self.offer.is_some())
    }
}

impl Calls {
    /// Whether one side of this call is a peer's.
    pub(super) fn has_remote_side(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| call.remote_side().is_some())
    }

    /// Our user has its name on Janus: now the peer may call, or is asked.
    pub(super) fn on_registered_with_proxy(&mut self, id: CallId, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (caller, callee) = (call.leg(Side::Caller), call.leg(Side::Callee));
        let names = (caller.party.username.clone(), callee.party.username.clone());
        let Some(peering) = &mut call.proxy_leg else { return };
        match peering.side.clone() {
            ProxySide::Caller(rest) => {
                peering.agreed = true;
                peering.await_proxy(INCOMING_CALL_TIMEOUT, now);
                call.timings.mark_offered();
                acts.push(Action::ReplyToRest(rest, agreement(id)));
            }
            ProxySide::Callee(_) if peering.agreed => return self.send_offer(id, now, acts),
            ProxySide::Callee(proxy) => {
                peering.await_proxy(peering.reply_timeout(), now);
                let (backend, backend_url) = (self.backend.clone(), self.url.clone());
                let (caller, callee) = names;
                let ask = ProxyInvite { call: id, backend, backend_url, proxy, caller, callee };
                acts.push(Action::InviteProxy(ask, peering.invite_deadline()));
            }
        }
        self.schedule(id);
    }

    /// The peer that is called has answered. It may do so twice, and before this connector has asked:
    /// then a former one had.
    pub(super) fn on_proxy_reply(
        &mut self,
        answer: ProxyReply,
        receipt: AckGuard,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let ProxyReply { call: id, refusal } = answer;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(ProxyLeg { side: ProxySide::Callee(_), agreed, response_deadline: until, .. }) =
            &mut call.proxy_leg
        else {
            return;
        };
        if *agreed {
            return;
        }
        call.acks.push(receipt);
        match refusal {
            Some(refusal) => return self.refuse_for_proxy(id, refusal, now, acts),
            None => (*agreed, *until) = (true, None),
        }
        if call.leg(Side::Caller).registered {
            self.send_offer(id, now, acts);
        }
    }

    /// The caller hears what the peer has against its call.
    fn refuse_for_proxy(&mut self, id: CallId, refusal: ProxyRefusal, now: Instant, acts: &mut Vec<Action>) {
        let ProxyRefusal { code, text } = refusal;
        match self.calls.get(&id) {
            // It may have heard from a former connector that it rings.
            Some(call) if call.resumed => self.end(id, HangupCause::MediaServer(text), now, acts),
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
        acts: &mut Vec<Action>,
    ) {
        // One without an error says that the callee is busy.
        match self.has_remote_side(id) && error.is_none_or(|code| CLOSING_ERRORS.contains(&code)) {
            true => self.refuse_and_close(id, data, now, acts),
            false => self.refuse(id, data, now, acts),
        }
    }

    /// Refuses a call as Janus does when it closes the PeerConnection too.
    fn refuse_and_close(&mut self, id: CallId, data: Raw, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get(&id) else { return };
        let transaction = Some(call.transaction.clone());
        let answer = ClientEvent::Plugin { transaction, data, jsep: None };
        self.refuse_with(id, vec![answer, closing::core_hangup(CLOSE_PC)], now, acts);
    }

    /// Whether a name that is taken is asked for again.
    pub(super) fn retry_register(&mut self, id: CallId, now: Instant) -> bool {
        let peering = self.calls.get_mut(&id).and_then(|call| call.proxy_leg.as_mut());
        let Some(peering) = peering else { return false };
        if *peering.register_retry_until.get_or_insert(now + NAME_TAKEN_TIMEOUT) <= now {
            return false;
        }
        peering.register_at = Some(now + REGISTER_RETRY_DELAY);
        self.schedule(id);
        true
    }

    /// Janus' plugin does not register our user: the peer hears why.
    pub(super) fn record_refusal(&mut self, id: CallId, error: Option<i64>, data: &RawValue) {
        let peering = self.calls.get_mut(&id).and_then(|call| call.proxy_leg.as_mut());
        if let (Some(peering), Some(code)) = (peering, error.filter(|code| HTTP_ERRORS.contains(code))) {
            let data = LazyObject::parse(data.get()).unwrap_or_default();
            let text = data.string("error").unwrap_or_default().into_owned();
            peering.refusal = Some(ProxyRefusal { code: code as u16, text });
        }
    }

    /// Janus says to a leg that somebody calls it, or has hung up.
    pub(super) fn on_remote_event(
        &mut self,
        leg: LegRef,
        says: PluginData,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let callee = call.leg(Side::Callee);
        let is_awaited = leg.side == Side::Callee && callee.registered && !callee.joined;
        let is_caller = says.username.as_ref() == Some(&call.leg(Side::Caller).party.username);
        match says.event.as_str() {
            "incomingcall" if is_awaited && is_caller => self.on_incoming(leg.call, jsep, now, acts),
            "hangup" if !self.discard_unknown_caller(leg) => {
                let reason = says.reason.filter(|reason| reason != REMOTE_HANGUP);
                self.suspect_remote_hangup(leg.call, reason, now, acts);
            }
            _ => {}
        }
    }

    /// Somebody has hung up. If that was a stranger, what Janus said of its call is forgotten.
    pub(super) fn discard_unknown_caller(&mut self, leg: LegRef) -> bool {
        let call = self.calls.get_mut(&leg.call);
        let Some(call) = call.filter(|call| call.accepts_unknown_callers(leg.side)) else { return false };
        call.leg_mut(leg.side).take_batch_with(Vec::new());
        true
    }

    /// The peer's user seems to be gone. Janus says so twice or more, in any order, once with the reason if
    /// there is one; and our handle must not be detached while it does the first: that can crash it
    /// (janus-api.md 5.5).
    pub(super) fn suspect_remote_hangup(
        &mut self,
        id: CallId,
        said: Option<String>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(side) = call.remote_side() else { return };
        match call.suspected_hangup.take() {
            Some(suspect) => {
                let suspect = SuspectedHangup { reason: suspect.reason.or(said), ..suspect };
                match suspect.reason {
                    Some(_) => self.end(id, suspect.cause(), now, acts),
                    None => call.suspected_hangup = Some(suspect),
                }
            }
            None => {
                call.suspected_hangup =
                    Some(SuspectedHangup { side, reason: said, deadline: now + HANGUP_GRACE });
                self.schedule(id);
            }
        }
    }

    /// The peer's user has accepted, as its caller hears from Janus.
    pub(super) fn on_remote_answer(&mut self, leg: LegRef, acts: &mut Vec<Action>) {
        if leg.side == Side::Caller && self.has_remote_side(leg.call) {
            self.on_call_answered(leg.call, acts);
            self.save(leg.call, acts);
        }
    }

    /// Does what is due for a call's peer.
    pub(super) fn on_proxy_timer(&mut self, id: CallId, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(peering) = &mut call.proxy_leg else { return };
        let is_due = |due: &mut Option<Instant>| due.take_if(|due| *due <= now).is_some();
        let side = peering.local_side();
        if is_due(&mut peering.acks_held_until) {
            call.acks.clear();
        }
        if is_due(&mut peering.register_at) {
            self.register(LegRef { call: id, side }, now, acts);
        } else if is_due(&mut peering.response_deadline) {
            self.on_proxy_timeout(id, side, now, acts);
        }
    }

    fn on_proxy_timeout(&mut self, id: CallId, ours: Side, now: Instant, acts: &mut Vec<Action>) {
        match ours {
            Side::Callee => self.end(id, HangupCause::ClientGone(Side::Caller), now, acts),
            Side::Caller => {
                let refusal = ProxyRefusal { code: 502, text: NO_PROXY_REPLY.to_owned() };
                self.refuse_for_proxy(id, refusal, now, acts);
            }
        }
    }
}

fn agreement(call: CallId) -> ProxyReply {
    ProxyReply { call, refusal: None }
}
