//! The end of a call: both handles are detached, both sides are told, and the call is remembered as
//! ended.

use super::act::{Action, EndedCall, FinalNotices};
use super::call::Call;
use super::closing::{self, HangupCause};
use super::{Calls, ENDED_CALL_TTL};
use bus::ack_tracker::AckGuard;
use bus::message::{CallEvent, Change, ClientEvent, EndKind, Events};
use common::{CallId, ServiceId};
use protocol::videocall::{self, PluginError};
use protocol::{Raw, Side};
use tokio::time::Instant;

impl Calls {
    /// Ends a call. One that is not here is remembered as ended: its `place` may come yet.
    pub(super) fn end(&mut self, id: CallId, cause: HangupCause, now: Instant, acts: &mut Vec<Action>) {
        let tell = |call: &mut Call| {
            let actor = cause.actor().unwrap_or(Side::Callee);
            let sides = [actor.peer(), actor].into_iter();
            sides.filter_map(|side| end_events(call, side, &cause)).collect()
        };
        self.finish(id, (&cause.reason(), cause.kind()), tell, now, acts);
    }

    /// Ends a call whose media server failed it: a caller that cannot have heard of it is refused.
    pub(super) fn fail(&mut self, id: CallId, cause: HangupCause, now: Instant, acts: &mut Vec<Action>) {
        match self.calls.get(&id) {
            Some(call) if !call.resumed && !call.leg(Side::Caller).joined => {
                self.refuse(id, videocall::error(&PluginError::backend_failed()), now, acts);
            }
            _ => self.end(id, cause, now, acts),
        }
    }

    /// Ends a call that Janus' plugin refuses. Janus keeps the PeerConnection then.
    pub(super) fn refuse(&mut self, id: CallId, data: Raw, now: Instant, acts: &mut Vec<Action>) {
        let Some(transaction) = self.calls.get(&id).map(|call| call.transaction.clone()) else { return };
        let event = ClientEvent::Plugin { transaction: Some(transaction), data, jsep: None };
        self.refuse_with(id, vec![event], now, acts);
    }

    /// Ends a call whose offer Janus' core refuses.
    pub(super) fn refuse_core(
        &mut self,
        id: CallId,
        code: u16,
        reason: String,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(transaction) = self.calls.get(&id).map(|call| call.transaction.clone()) else { return };
        self.refuse_with(id, vec![ClientEvent::Error { transaction, code, reason }], now, acts);
    }

    /// Ends a call that is refused with these events.
    pub(super) fn refuse_with(
        &mut self,
        id: CallId,
        events: Vec<ClientEvent>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let tell = |call: &mut Call| {
            let refusal = call.events(Side::Caller, Some(id.into()), Some(Change::Left), events);
            let callee = end_events(call, Side::Callee, &HangupCause::ClientGone(Side::Caller));
            refusal.into_iter().chain(callee).collect()
        };
        self.finish(id, ("refused by the media server", EndKind::Refused), tell, now, acts);
    }

    fn finish(
        &mut self,
        id: CallId,
        (reason, kind): (&str, EndKind),
        tell: impl FnOnce(&mut Call) -> Vec<(ServiceId, Events)>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        self.mark_ended(id, now);
        let running = self.calls.remove(&id);
        let Some(mut call) = running.or_else(|| self.awaiting_replay.remove(&id)) else { return };
        self.release_handles(&call, acts);
        let mut receipts = std::mem::take(&mut call.acks);
        receipts.extend(self.transactions.remove_call(id));
        let rang = call.leg(Side::Callee).joined;
        let log = rang.then(|| (call.log_record(&self.backend, CallEvent::Ended, Some(reason)), kind));
        let (tell, refused) = (tell(&mut call), call.take_proxy_refusal());
        acts.push(Action::EndCall(EndedCall {
            call: id,
            notices: FinalNotices { client_events: tell, proxy_refusal: refused, log },
            acks: receipts,
        }));
    }

    /// Gives back to Janus what a call had there.
    fn release_handles(&mut self, call: &Call, acts: &mut Vec<Action>) {
        for side in [Side::Caller, Side::Callee] {
            if let Some(handle) = call.leg(side).handle {
                self.legs.remove(&handle);
                self.detach(call.session, handle, acts);
            }
        }
        if let Some(session) = call.session.filter(|session| self.sessions.remove_call(*session)) {
            acts.push(Action::DestroySession(session));
        }
    }

    /// A message says that a call is over. Of one that never got here, or not yet, whatever handles
    /// it has are freed.
    pub(super) fn on_end(
        &mut self,
        id: CallId,
        cause: HangupCause,
        receipt: AckGuard,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        match self.calls.get_mut(&id).or_else(|| self.awaiting_replay.get_mut(&id)) {
            Some(call) => {
                call.acks.push(receipt);
                self.end(id, cause, now, acts);
            }
            None => self.end_unknown(id, Vec::new(), receipt, now, acts),
        }
    }

    /// A call that is not here is over; whoever asked is told.
    pub(super) fn end_unknown(
        &mut self,
        call: CallId,
        tell: Vec<(ServiceId, Events)>,
        receipt: AckGuard,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        self.mark_ended(call, now);
        let letter = FinalNotices { client_events: tell, ..FinalNotices::default() };
        acts.push(Action::EndCall(EndedCall { call, notices: letter, acks: vec![receipt] }));
    }

    /// This call is over: should its `place` come yet, it is not begun.
    pub(super) fn mark_ended(&mut self, id: CallId, now: Instant) {
        if self.ended.insert(id) {
            self.ended_expiry.push_back((now + ENDED_CALL_TTL, id));
        }
    }

    /// Forgets calls that have ended long ago.
    pub(super) fn expire_ended(&mut self, now: Instant) {
        while let Some((_, old)) = self.ended_expiry.pop_front_if(|(until, _)| *until <= now) {
            self.ended.remove(&old);
        }
    }
}

/// What the client of a side is told, after what still waited for it; a callee that cannot have
/// heard of the call hears nothing of its end.
fn end_events(call: &mut Call, side: Side, cause: &HangupCause) -> Option<(ServiceId, Events)> {
    let own = call.leg(side).party.username.clone();
    let peer = call.leg(side.peer()).party.username.clone();
    let joined = call.leg(side).joined || call.leg(side).client_active;
    let knows = joined || call.resumed;
    let answers = match cause {
        HangupCause::Hangup { side: actor, request, .. } if *actor == side => Some(*request),
        _ => (side == Side::Caller && !joined).then(|| call.id.into()),
    };
    let mut events = closing::for_side(cause, side, &own, &peer);
    if side == Side::Caller && !joined {
        events = answer_first(call, events, &peer);
    }
    let events = call.leg_mut(side).take_batch_with(events);
    if !knows && side == Side::Callee {
        return None;
    }
    call.events(side, answers, Some(Change::Left), events)
}

/// A caller that waits for the answer to its `call` gets one under its transaction.
fn answer_first(call: &Call, events: Vec<ClientEvent>, callee: &str) -> Vec<ClientEvent> {
    let data = videocall::event("hangup", Some(callee), Some("Remote WebRTC hangup"));
    let answer = ClientEvent::Plugin { transaction: Some(call.transaction.clone()), data, jsep: None };
    let core = events.into_iter().filter(|event| matches!(event, ClientEvent::Core { .. }));
    std::iter::once(answer).chain(core).collect()
}
