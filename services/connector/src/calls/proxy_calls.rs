//! Calls in which one side is a user of a janus-cloud proxy. The proxy has a handle of its own for its user
//! on the same Janus. So that side is *remote*: it has no address, no handle of this connector, and no
//! client to notify. Both users are registered on Janus under their own names, the only ones that the
//! proxy knows.
//!
//! The proxy of a remote caller waits for a rest service to say that the local callee is registered. Then
//! its user must call within [`INCOMING_CALL_TIMEOUT`], as with janus-cloud (measured on 1.0.0). The
//! proxy of a remote callee is invited once the local caller is registered. The offer is sent when the
//! proxy agrees. A remote leg joins together with the local one, and only Janus reports its hangup.
//!
//! # Failures
//! A remote user that does not call in time is dropped silently: the local client does not know of the
//! call. If the proxy of a remote callee does not reply, the caller is refused. Anyone may call a name
//! that Janus knows, so an unknown caller is ignored. A name may be taken by a handle that Janus is about
//! to detach: it is registered again for up to
//! [`NAME_TAKEN_TIMEOUT`](super::leg::NAME_TAKEN_TIMEOUT). A proxy delays the mailbox by at most
//! [`MAX_ACK_DELAY`](super::leg::MAX_ACK_DELAY): if the connector dies after that, the call ends
//! and is not set up again.

use super::action::Action;
use super::call::{Call, HANGUP_GRACE, SuspectedHangup};
use super::janus_state::Pending;
use super::leg::{INCOMING_CALL_TIMEOUT, ProxyLeg};
use super::machine::Calls;
use crate::janus::message::PluginData;
use bus::ack_tracker::AckGuard;
use bus::message::{ClientEvent, LegRef, Place, ProxyInvite, ProxyRefusal, ProxyReply, ProxySide};
use common::{CallId, ServiceId};
use protocol::hangup::{CLOSE_PC, HangupCause, REMOTE_HANGUP, core_hangup};
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use protocol::{Raw, Side, raw};
use serde_json::value::RawValue;
use std::ops::RangeInclusive;
use tokio::time::Instant;

/// Janus' error for a name that another handle has.
pub const NAME_TAKEN: i64 = 476;
/// Janus' errors for a `call` after which it closes the PeerConnection.
const CLOSING_ERRORS: RangeInclusive<i64> = 473..=480;
/// The errors of Janus that a proxy may get as an HTTP status.
const HTTP_ERRORS: RangeInclusive<i64> = 400..=599;
/// The refusal for the caller if the callee's proxy does not reply.
const NO_PROXY_REPLY: &str = "The other server does not answer";

impl Call {
    /// Handles a redelivered `place`: repeats the agreement for the proxy of a remote caller.
    pub(super) fn repeat_agreement(&self, place: &Place) -> Option<Action> {
        let Some(ProxySide::Caller(rest)) = &place.proxy_side else { return None };
        let callee = self.leg(Side::Callee);
        let is_ready = callee.registered || callee.joined;
        is_ready.then(|| Action::ReplyToRest(rest.clone(), agreement(self.id)))
    }

    /// The call has ended. Returns the refusal for the proxy of a remote caller that still waits.
    pub(super) fn take_proxy_refusal(&mut self) -> Option<(ServiceId, ProxyReply)> {
        let ProxyLeg { side, agreed: false, refusal, .. } = self.proxy_leg.take()? else { return None };
        let ProxySide::Caller(rest) = side else { return None };
        let PluginError { code, text } = PluginError::backend_failed();
        let refusal = refusal.unwrap_or(ProxyRefusal { code, text });
        Some((rest, ProxyReply { call: self.id, refusal: Some(refusal) }))
    }

    /// Whether events of Janus on this side may be about an unknown caller: the side is in no call yet.
    fn accepts_unknown_callers(&self, side: Side) -> bool {
        let leg = self.leg(side);
        self.remote_side().is_some() && !leg.joined && (side == Side::Callee || self.offer.is_some())
    }
}

impl Calls {
    pub(super) fn has_remote_side(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| call.remote_side().is_some())
    }

    /// The local user is registered on Janus. Now the remote user may call, or its proxy is invited.
    pub(super) fn on_registered_with_proxy(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let caller = call.leg(Side::Caller).party.username.clone();
        let callee = call.leg(Side::Callee).party.username.clone();
        let Some(proxy_leg) = &mut call.proxy_leg else { return };
        match proxy_leg.side.clone() {
            ProxySide::Caller(rest) => {
                proxy_leg.agreed = true;
                proxy_leg.await_proxy(INCOMING_CALL_TIMEOUT, self.now);
                call.timings.mark_offered();
                self.out.push(Action::ReplyToRest(rest, agreement(id)));
            }
            ProxySide::Callee(_) if proxy_leg.agreed => return self.send_offer(id),
            ProxySide::Callee(proxy) => {
                proxy_leg.await_proxy(proxy_leg.reply_timeout(), self.now);
                let (backend, backend_url) = (self.config.backend.clone(), self.config.url.clone());
                let invite = ProxyInvite { call: id, backend, backend_url, proxy, caller, callee };
                self.out.push(Action::InviteProxy(invite, proxy_leg.invite_deadline()));
            }
        }
        self.schedule(id);
    }

    /// Handles the reply of the callee's proxy. It may come twice. It may also come before this
    /// connector has invited the proxy: then a former connector had.
    pub(super) fn on_proxy_reply(&mut self, reply: ProxyReply, ack: AckGuard) {
        let ProxyReply { call: id, refusal } = reply;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(proxy_leg) = &mut call.proxy_leg else { return };
        if proxy_leg.local_side() == Side::Callee || proxy_leg.agreed {
            return;
        }
        call.acks.push(ack);
        if let Some(refusal) = refusal {
            return self.refuse_for_proxy(id, refusal);
        }
        proxy_leg.agreed = true;
        proxy_leg.response_deadline = None;
        if call.leg(Side::Caller).registered {
            self.send_offer(id);
        }
    }

    fn refuse_for_proxy(&mut self, id: CallId, refusal: ProxyRefusal) {
        let ProxyRefusal { code, text } = refusal;
        match self.calls.get(&id) {
            // A former connector may have sent the caller that the call rings.
            Some(call) if call.resumed => self.end(id, HangupCause::MediaServer(text)),
            _ => self.refuse_and_close(id, videocall::error(&PluginError { code, text })),
        }
    }

    /// Janus has refused the offer.
    pub(super) fn on_call_refused(&mut self, id: CallId, data: Raw, error: Option<i64>) {
        // A refusal without an error says that the callee is busy.
        let closes = error.is_none_or(|code| CLOSING_ERRORS.contains(&code));
        if closes && self.has_remote_side(id) {
            self.refuse_and_close(id, data);
        } else {
            self.refuse(id, data);
        }
    }

    /// Refuses a call as Janus does when it also closes the PeerConnection.
    fn refuse_and_close(&mut self, id: CallId, data: Raw) {
        let Some(call) = self.calls.get(&id) else { return };
        let transaction = Some(call.transaction.clone());
        let answer = ClientEvent::Plugin { transaction, data, jsep: None };
        self.refuse_with(id, vec![answer, core_hangup(CLOSE_PC).into()]);
    }

    /// Returns whether a taken name will be registered again.
    pub(super) fn retry_register(&mut self, id: CallId) -> bool {
        let now = self.now;
        let proxy_leg = self.calls.get_mut(&id).and_then(|call| call.proxy_leg.as_mut());
        let retries = proxy_leg.is_some_and(|proxy_leg| proxy_leg.retry_register(now));
        if retries {
            self.schedule(id);
        }
        retries
    }

    /// Keeps the error of Janus' plugin as the refusal for the proxy.
    pub(super) fn record_refusal(&mut self, id: CallId, error: Option<i64>, data: &RawValue) {
        let proxy_leg = self.calls.get_mut(&id).and_then(|call| call.proxy_leg.as_mut());
        if let (Some(proxy_leg), Some(code)) = (proxy_leg, error.filter(|code| HTTP_ERRORS.contains(code))) {
            let data = LazyObject::parse(data.get()).unwrap_or_default();
            let text = data.string("error").unwrap_or_default().into_owned();
            proxy_leg.refusal = Some(ProxyRefusal { code: code as u16, text });
        }
    }

    /// Janus tells the local leg that a user calls it, or has hung up.
    pub(super) fn on_remote_event(&mut self, leg: LegRef, plugin: PluginData, jsep: Option<Raw>) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let callee = call.leg(Side::Callee);
        let is_awaited = leg.side == Side::Callee && callee.registered && !callee.joined;
        let is_caller = plugin.username.as_ref() == Some(&call.leg(Side::Caller).party.username);
        match plugin.event.as_str() {
            "incomingcall" if is_awaited && is_caller => self.on_incoming(leg.call, jsep),
            "hangup" if !self.discard_unknown_caller(leg) => {
                let reason = plugin.reason.filter(|reason| reason != REMOTE_HANGUP);
                self.suspect_remote_hangup(leg.call, reason);
            }
            _ => {}
        }
    }

    /// A user has hung up. If that was an unknown caller, drops the events of its call and returns true.
    pub(super) fn discard_unknown_caller(&mut self, leg: LegRef) -> bool {
        let call = self.calls.get_mut(&leg.call);
        let Some(call) = call.filter(|call| call.accepts_unknown_callers(leg.side)) else { return false };
        call.leg_mut(leg.side).take_batch_with(Vec::new());
        true
    }

    /// The remote user seems to have hung up. Janus says so twice or more, in any order, once with the
    /// reason if there is one. Its plugin uses the local handle until it has handled the request of the
    /// remote user: if the handle is detached meanwhile, Janus can crash. The plugin handles requests one
    /// after the other, so the reply to a [`barrier`](Pending::Barrier) comes after that, and after the
    /// reason.
    pub(super) fn suspect_remote_hangup(&mut self, id: CallId, reason: Option<String>) {
        let deadline = self.now + HANGUP_GRACE;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(side) = call.remote_side() else { return };
        if let Some(suspected) = &mut call.suspected_hangup {
            suspected.reason = suspected.reason.take().or(reason);
            return;
        }
        call.suspected_hangup = Some(SuspectedHangup { side, reason, local_end: None, deadline });
        let (leg, handle) = (LegRef { call: id, side: side.peer() }, call.leg(side.peer()).handle);
        self.schedule(id);
        if let Some(handle) = handle {
            self.send_plugin_request(Pending::Barrier(leg), handle, barrier_body(), None);
        }
    }

    /// Janus has handled what the remote user sent before its hangup was noticed.
    pub(super) fn on_barrier(&mut self, id: CallId) {
        let suspected = self.calls.get_mut(&id).and_then(|call| call.suspected_hangup.take());
        if let Some(suspected) = suspected {
            self.end(id, suspected.cause());
        }
    }

    /// The remote callee has accepted. Only the local caller's leg learns of it.
    pub(super) fn on_remote_answer(&mut self, leg: LegRef) {
        if leg.side == Side::Caller && self.has_remote_side(leg.call) {
            self.on_call_answered(leg.call);
            self.save(leg.call);
        }
    }

    pub(super) fn on_proxy_timer(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(proxy_leg) = &mut call.proxy_leg else { return };
        let is_due = |timer: &mut Option<Instant>| timer.take_if(|due| *due <= now).is_some();
        let side = proxy_leg.local_side();
        if is_due(&mut proxy_leg.acks_held_until) {
            call.acks.clear();
        }
        if is_due(&mut proxy_leg.register_at) {
            self.register(LegRef { call: id, side });
        } else if is_due(&mut proxy_leg.response_deadline) {
            self.on_proxy_timeout(id, side);
        }
    }

    fn on_proxy_timeout(&mut self, id: CallId, local_side: Side) {
        match local_side {
            Side::Callee => self.end(id, HangupCause::ClientGone(Side::Caller)),
            Side::Caller => {
                let refusal = ProxyRefusal { code: 502, text: NO_PROXY_REPLY.to_owned() };
                self.refuse_for_proxy(id, refusal);
            }
        }
    }
}

/// A request that changes nothing, and that Janus does not log. It reads less of the peer's state than the
/// no-op of a [check](Pending::Check).
fn barrier_body() -> Raw {
    #[derive(serde::Serialize)]
    struct BarrierBody {
        request: &'static str,
    }
    raw(&BarrierBody { request: "set" })
}

fn agreement(call: CallId) -> ProxyReply {
    ProxyReply { call, refusal: None }
}
