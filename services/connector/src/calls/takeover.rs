//! Going on with the calls that a former connector left on the backend.
//!
//! A call whose sides both knew of it is written down: it goes on where its session on Janus was
//! claimed, and each leg is asked whether it still is in it, because Janus repeats nothing that it said
//! while nobody listened. One that had ended is told of, should its sides not know. Any other call is expected to come again: its `place` is not done yet. What
//! cannot go on ends, with both told.

use super::Calls;
use super::act::{Action, EndedCall, FinalNotices, SaveCall};
use super::asking::Pending;
use super::call::Call;
use super::closing::{self, CONNECTION_LOST, HangupCause};
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::{Change, ClientMoved, Events, LegRef, Sequence};
use common::CallId;
use directory::record::{self, OrphanedCall};
use protocol::{Raw, Side, raw};
use std::time::Duration;
use tokio::time::Instant;

/// How long the `place` of a call that was not set up may take to come.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(5);
/// Janus' answer on a leg without a call.
pub(super) const NO_CALL: i64 = 481;
/// What is written down of a call that is not set up: that this connector has it.
const NO_STATE: &str = "null";

impl Calls {
    /// Goes on with what was left, in those of its sessions that Janus still has.
    pub fn take_over(&mut self, left: Vec<OrphanedCall>, kept: &[JanusId], now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        kept.iter().for_each(|session| self.sessions.add_claimed(*session));
        for OrphanedCall { call, state, final_notices: letter } in left {
            let written = state.and_then(|state| serde_json::from_str::<Option<Call>>(&state).ok()?);
            match (letter, written) {
                (Some(letter), _) => self.send_final_notices(&call, &letter, now, &mut acts),
                (None, Some(call)) => self.resume_call(call, now, &mut acts),
                (None, None) => self.await_replay(Call::from_record(&call, self.term), now, &mut acts),
            }
        }
        acts.extend(self.sessions.remove_unused().into_iter().map(Action::DestroySession));
        acts
    }

    /// A call has ended, and perhaps nobody was told. One that a router has ended has no letter that makes
    /// sense.
    fn send_final_notices(
        &mut self,
        call: &record::Call,
        letter: &str,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Ok(mut letter) = serde_json::from_str::<FinalNotices>(letter) else {
            self.awaiting_replay.insert(call.id, Call::from_record(call, self.term));
            return self.end(call.id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()), now, acts);
        };
        self.mark_ended(call.id, now);
        for (_, events) in &mut letter.client_events {
            events.sequence = Some(Sequence { term: self.term, number: 1 });
        }
        acts.push(Action::EndCall(EndedCall { call: call.id, notices: letter, acks: Vec::new() }));
    }

    fn resume_call(&mut self, mut call: Call, now: Instant, acts: &mut Vec<Action>) {
        let id = call.id;
        call.enter_term(self.term);
        if !call.session.is_some_and(|session| self.sessions.add_call(session)) {
            let sides = [Side::Caller, Side::Callee];
            sides.into_iter().for_each(|side| call.leg_mut(side).handle = None);
            self.calls.insert(id, call);
            return self.end(id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()), now, acts);
        }
        let left = self.policy.ring_timeout.map(|time| time.saturating_sub(call.age()));
        call.ring_deadline = left.map(|left| now + left);
        self.calls.insert(id, call);
        for side in [Side::Caller, Side::Callee] {
            self.resume_leg(LegRef { call: id, side }, now, acts);
        }
        self.save(id, acts);
        self.schedule(id);
    }

    /// The edge of a leg learns the new term, so that it drops whatever the former connector may
    /// still say.
    fn resume_leg(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        acts.extend(call.events(leg.side, None, None, Vec::new()).map(Action::send_to_edge));
        if let Some(handle) = call.leg(leg.side).handle {
            self.legs.insert(handle, leg);
            self.check_leg(leg, handle, now, acts);
        }
    }

    /// Janus is asked whether a leg still is in its call.
    fn check_leg(&mut self, leg: LegRef, handle: JanusId, now: Instant, acts: &mut Vec<Action>) {
        self.send_plugin_request(Pending::Check(leg), handle, no_op_body(), None, now, acts);
    }

    /// Janus has said something that nobody heard: each leg is asked whether it still is in its call.
    pub fn check_all_legs(&mut self, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        let rings = |leg: &LegRef| self.calls.get(&leg.call).is_some_and(Call::both_joined);
        let legs: Vec<_> =
            self.legs.iter().filter(|(_, leg)| rings(leg)).map(|(&id, &leg)| (id, leg)).collect();
        for (handle, leg) in legs {
            self.check_leg(leg, handle, now, &mut acts);
        }
        acts
    }

    fn await_replay(&mut self, call: Call, now: Instant, acts: &mut Vec<Action>) {
        let (id, state) = (call.id, NO_STATE.to_owned());
        self.awaiting_replay.insert(id, call);
        self.replay_deadline = Some(now + REPLAY_TIMEOUT);
        acts.push(Action::SaveCall(SaveCall { call: id, state, acks: Vec::new() }));
    }

    /// Calls that did not come in time are over.
    pub(super) fn expire_awaited(&mut self, now: Instant, acts: &mut Vec<Action>) {
        if self.replay_deadline.take_if(|until| *until <= now).is_none() {
            return;
        }
        for id in self.awaiting_replay.keys().copied().collect::<Vec<_>>() {
            self.end(id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()), now, acts);
        }
    }

    /// Whether there is such a call.
    pub(super) fn contains(&self, id: CallId) -> bool {
        self.calls.contains_key(&id) || self.awaiting_replay.contains_key(&id)
    }

    /// A leg is not in its call any more, and nobody was there to hear why.
    pub(super) fn end_missing_leg(&mut self, leg: LegRef, now: Instant, acts: &mut Vec<Action>) {
        self.end(leg.call, HangupCause::PeerConnection(leg.side, closing::CLOSE_PC.to_owned()), now, acts);
    }

    /// A former connector has ended a call in the moment in which this one took it over: its sides know, and Janus
    /// does not.
    pub fn on_ended_elsewhere(&mut self, call: CallId, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        if self.contains(call) {
            self.end(call, HangupCause::MediaServer(CONNECTION_LOST.to_owned()), now, &mut acts);
        }
        acts
    }

    /// A session is over, and the calls in it.
    pub(super) fn on_session_ended(
        &mut self,
        session: Option<JanusId>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(session) = session else { return };
        self.sessions.remove(session);
        let lost = self.calls.values().filter(|call| call.session == Some(session)).map(|call| call.id);
        for id in lost.collect::<Vec<_>>() {
            self.fail(
                id,
                HangupCause::MediaServer("The media server ended the session".to_owned()),
                now,
                acts,
            );
        }
    }

    /// A leg's client is at this address now; if its call is over, it hears so.
    pub(super) fn on_client_moved(
        &mut self,
        attend: ClientMoved,
        receipt: AckGuard,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let ClientMoved { leg, address } = attend;
        let Some(call) = self.calls.get_mut(&leg.call).or_else(|| self.awaiting_replay.get_mut(&leg.call))
        else {
            let change = Some(Change::Left);
            // Without a stamp: nobody knows any more how much was said of it.
            let (call, stamp, answers) = (Some(leg.call), None, None);
            let events = closing::for_unknown_call();
            let left = Events {
                call,
                sequence: stamp,
                in_reply_to: answers,
                change,
                ..Events::for_handle(address.handle_ref(), events)
            };
            return self.end_unknown(leg.call, vec![(address.edge, left)], receipt, now, acts);
        };
        call.leg_mut(leg.side).party.address = Some(address);
        call.acks.push(receipt);
        self.save(leg.call, acts);
    }

    /// The lease has another token, though nobody else had it: the directory has lost everything, and
    /// gets back what is known here.
    pub fn enter_term(&mut self, term: u64) -> Vec<Action> {
        self.term = term;
        let mut acts = Vec::new();
        for call in self.calls.values_mut().chain(self.awaiting_replay.values_mut()) {
            call.enter_term(term);
            let state = if call.both_joined() { raw(call).get().to_owned() } else { NO_STATE.to_owned() };
            acts.push(Action::RestoreCall(Box::new(call.to_record(&self.backend)), state));
        }
        acts
    }
}

/// A request that changes nothing: Janus refuses it with 481 on a leg without a call, and with 482 on
/// one that is in a call, because there is no answer with it.
fn no_op_body() -> Raw {
    #[derive(serde::Serialize)]
    struct NoOpBody {
        request: &'static str,
    }
    raw(&NoOpBody { request: "accept" })
}
