//! The end of a call: both handles are detached, both sides are told, and the call is remembered as
//! ended.

use super::act::{Act, Ended, Letter};
use super::call::Call;
use super::closing::{self, Cause};
use super::{Calls, REMEMBERED};
use bus::ledger::Receipt;
use bus::message::{CallEvent, Change, ClientEvent, EndKind, Events};
use protocol::videocall::{self, PluginError};
use protocol::{CallId, Raw, ServiceId, Side};
use tokio::time::Instant;

impl Calls {
    /// Ends a call. One that is not here is remembered as ended: its `place` may come yet.
    pub(super) fn end(&mut self, id: CallId, cause: Cause, now: Instant, acts: &mut Vec<Act>) {
        let tell = |call: &mut Call| {
            let actor = cause.actor().unwrap_or(Side::Callee);
            let sides = [actor.peer(), actor].into_iter();
            sides.filter_map(|side| closing_events(call, side, &cause)).collect()
        };
        self.close(id, (&cause.reason(), cause.kind()), tell, now, acts);
    }

    /// Ends a call whose media server failed it: a caller that cannot have heard of it is refused.
    pub(super) fn fail(&mut self, id: CallId, cause: Cause, now: Instant, acts: &mut Vec<Act>) {
        match self.calls.get(&id) {
            Some(call) if !call.again && !call.leg(Side::Caller).joined => {
                self.refuse(id, videocall::error(&PluginError::backend_failed()), now, acts);
            }
            _ => self.end(id, cause, now, acts),
        }
    }

    /// Ends a call that Janus' plugin refuses. Janus keeps the PeerConnection then.
    pub(super) fn refuse(&mut self, id: CallId, data: Raw, now: Instant, acts: &mut Vec<Act>) {
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
        acts: &mut Vec<Act>,
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
        acts: &mut Vec<Act>,
    ) {
        let tell = |call: &mut Call| {
            let refusal = call.events(Side::Caller, Some(id.into()), Some(Change::Left), events);
            let callee = closing_events(call, Side::Callee, &Cause::Gone(Side::Caller));
            refusal.into_iter().chain(callee).collect()
        };
        self.close(id, ("refused by the media server", EndKind::Refused), tell, now, acts);
    }

    fn close(
        &mut self,
        id: CallId,
        (reason, kind): (&str, EndKind),
        tell: impl FnOnce(&mut Call) -> Vec<(ServiceId, Events)>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        self.has_ended(id, now);
        let running = self.calls.remove(&id);
        let Some(mut call) = running.or_else(|| self.expected.remove(&id)) else { return };
        self.let_go(&call, acts);
        let mut receipts = std::mem::take(&mut call.receipts);
        receipts.extend(self.questions.forget(id));
        let rang = call.leg(Side::Callee).joined;
        let log = rang.then(|| (call.line(&self.backend, CallEvent::Ended, Some(reason)), kind));
        let (tell, refused) = (tell(&mut call), call.unanswered_peer());
        acts.push(Act::End(Ended { call: id, letter: Letter { tell, refused, log }, receipts }));
    }

    /// Gives back to Janus what a call had there.
    fn let_go(&mut self, call: &Call, acts: &mut Vec<Act>) {
        for side in [Side::Caller, Side::Callee] {
            if let Some(handle) = call.leg(side).handle {
                self.legs.remove(&handle);
                self.detach(call.session, handle, acts);
            }
        }
        if let Some(session) = call.session.filter(|session| self.sessions.leave(*session)) {
            acts.push(Act::Destroy(session));
        }
    }

    /// A message says that a call is over. Of one that never got here, or not yet, whatever handles
    /// it has are freed.
    pub(super) fn hear_end(
        &mut self,
        id: CallId,
        cause: Cause,
        receipt: Receipt,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        match self.calls.get_mut(&id).or_else(|| self.expected.get_mut(&id)) {
            Some(call) => {
                call.receipts.push(receipt);
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
        receipt: Receipt,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        self.has_ended(call, now);
        let letter = Letter { tell, ..Letter::default() };
        acts.push(Act::End(Ended { call, letter, receipts: vec![receipt] }));
    }

    /// This call is over: should its `place` come yet, it is not begun.
    pub(super) fn has_ended(&mut self, id: CallId, now: Instant) {
        if self.ended.insert(id) {
            self.ended_in_order.push_back((now + REMEMBERED, id));
        }
    }

    /// Forgets calls that have ended long ago.
    pub(super) fn forget_ended(&mut self, now: Instant) {
        while let Some((_, old)) = self.ended_in_order.pop_front_if(|(until, _)| *until <= now) {
            self.ended.remove(&old);
        }
    }
}

/// What the client of a side is told, after what still waited for it; a callee that cannot have
/// heard of the call hears nothing of its end.
fn closing_events(call: &mut Call, side: Side, cause: &Cause) -> Option<(ServiceId, Events)> {
    let own = call.leg(side).party.username.clone();
    let peer = call.leg(side.peer()).party.username.clone();
    let joined = call.leg(side).joined || call.leg(side).spoke;
    let knows = joined || call.again;
    let answers = match cause {
        Cause::Hangup { side: actor, request, .. } if *actor == side => Some(*request),
        _ => (side == Side::Caller && !joined).then(|| call.id.into()),
    };
    let mut events = closing::events(cause, side, &own, &peer);
    if side == Side::Caller && !joined {
        events = answer_first(call, events, &peer);
    }
    let events = call.leg_mut(side).with_batch(events);
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
