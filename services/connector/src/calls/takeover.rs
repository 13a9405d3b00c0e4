//! Takes over the calls that a former connector left on the backend.
//!
//! A call that both sides had joined was saved. It resumes if its session on Janus was claimed. Janus
//! repeats nothing that it sent in the meantime, so each leg is checked: is it still in its call?
//! A call that has ended has its final notices sent again. Any other call is set up again from its `place`,
//! which is still in the mailbox. A call that cannot continue ends, with both sides notified.

use super::action::{Action, EndedCall, FinalNotices, SaveCall};
use super::call::{Call, SuspectedHangup};
use super::end::CONNECTION_LOST;
use super::janus_state::Pending;
use super::machine::Calls;
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::{Change, ClientMoved, Events, LegRef, Sequence};
use common::CallId;
use directory::record::{self, OrphanedCall};
use protocol::hangup::{CLOSE_PC, HangupCause, events_for_unknown_call};
use protocol::{Raw, Side, raw};
use std::time::Duration;
use tokio::time::Instant;

/// How long the `place` of a call that was not set up may take to be redelivered.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(5);
/// Janus' error for a leg without a call.
pub(super) const NO_CALL: i64 = 481;
/// The state that is saved of a call that is not set up yet.
const NO_STATE: &str = "null";

impl Calls {
    /// Takes over these calls. Janus still has the claimed sessions.
    pub fn take_over(
        &mut self,
        orphaned: Vec<OrphanedCall>,
        claimed: &[JanusId],
        now: Instant,
    ) -> Vec<Action> {
        self.step(now, |calls| {
            claimed.iter().for_each(|session| calls.sessions.add_claimed(*session));
            for OrphanedCall { call, state, final_notices } in orphaned {
                let saved = state.and_then(|state| serde_json::from_str::<Option<Call>>(&state).ok()?);
                match (final_notices, saved) {
                    (Some(notices), _) => calls.send_final_notices(&call, &notices),
                    (None, Some(saved)) => calls.resume_call(saved),
                    (None, None) => calls.await_replay(Call::from_record(&call, calls.term)),
                }
            }
            let unused = calls.sessions.remove_unused();
            calls.out.extend(unused.into_iter().map(Action::DestroySession));
        })
    }

    /// Sends the notices of a call that has ended: its clients may not have got them. A router that ends
    /// a call stores none that can be read.
    fn send_final_notices(&mut self, call: &record::Call, notices: &str) {
        let Ok(mut notices) = serde_json::from_str::<FinalNotices>(notices) else {
            self.awaiting_replay.insert(call.id, Call::from_record(call, self.term));
            return self.end(call.id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()));
        };
        self.ended.insert(call.id, self.now);
        for (_, events) in &mut notices.client_events {
            events.sequence = Some(Sequence { term: self.term, number: 1 });
        }
        self.out.push(Action::EndCall(EndedCall { call: call.id, notices, acks: Vec::new() }));
    }

    fn resume_call(&mut self, mut call: Call) {
        let id = call.id;
        call.enter_term(self.term);
        if !call.session.is_some_and(|session| self.sessions.add_call(session)) {
            for side in [Side::Caller, Side::Callee] {
                call.leg_mut(side).handle = None;
            }
            self.calls.insert(id, call);
            return self.end(id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()));
        }
        let ring_timeout = self.config.policy.ring_timeout;
        call.ring_deadline = ring_timeout.map(|timeout| self.now + timeout.saturating_sub(call.age()));
        self.calls.insert(id, call);
        for side in [Side::Caller, Side::Callee] {
            self.resume_leg(LegRef { call: id, side });
        }
        self.save(id);
        self.schedule(id);
    }

    /// Sends the leg's edge the new term, so that the edge drops what the former connector may still
    /// send.
    fn resume_leg(&mut self, leg: LegRef) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        self.out.extend(call.events(leg.side, None, None, Vec::new()).map(Action::send_to_edge));
        if let Some(handle) = call.leg(leg.side).handle {
            self.legs.insert(handle, leg);
            self.check_leg(leg, handle);
        }
    }

    fn check_leg(&mut self, leg: LegRef, handle: JanusId) {
        self.send_plugin_request(Pending::Check(leg), handle, no_op_body(), None);
    }

    /// Checks each leg after messages of Janus were dropped.
    pub fn check_all_legs(&mut self, now: Instant) -> Vec<Action> {
        self.step(now, |calls| {
            let joined = |leg: &LegRef| calls.calls.get(&leg.call).is_some_and(Call::both_joined);
            let legs = calls.legs.iter().filter(|(_, leg)| joined(leg));
            for (handle, leg) in legs.map(|(&handle, &leg)| (handle, leg)).collect::<Vec<_>>() {
                calls.check_leg(leg, handle);
            }
        })
    }

    fn await_replay(&mut self, call: Call) {
        let id = call.id;
        self.awaiting_replay.insert(id, call);
        self.replay_deadline = Some(self.now + REPLAY_TIMEOUT);
        let save = SaveCall { call: id, state: NO_STATE.to_owned(), acks: Vec::new() };
        self.out.push(Action::SaveCall(save));
    }

    /// Ends the calls whose `place` was not redelivered in time.
    pub(super) fn expire_awaited(&mut self) {
        let now = self.now;
        if self.replay_deadline.take_if(|deadline| *deadline <= now).is_none() {
            return;
        }
        for id in self.awaiting_replay.keys().copied().collect::<Vec<_>>() {
            self.end(id, HangupCause::MediaServer(CONNECTION_LOST.to_owned()));
        }
    }

    /// Ends the call of a leg that Janus no longer has in a call, with the reason if Janus has given one.
    pub(super) fn end_missing_leg(&mut self, leg: LegRef) {
        let suspected = self.calls.get_mut(&leg.call).and_then(|call| call.suspected_hangup.take());
        let unknown = || HangupCause::PeerConnection(leg.side, CLOSE_PC.to_owned());
        self.end(leg.call, suspected.map_or_else(unknown, SuspectedHangup::cause));
    }

    /// Ends a call that the former connector ended while this one took it over. Its clients know, Janus
    /// does not.
    pub fn on_ended_elsewhere(&mut self, call: CallId, now: Instant) -> Vec<Action> {
        self.step(now, |calls| {
            if calls.contains(call) {
                calls.end(call, HangupCause::MediaServer(CONNECTION_LOST.to_owned()));
            }
        })
    }

    /// Ends the calls of a session that Janus has ended.
    pub(super) fn on_session_ended(&mut self, session: Option<JanusId>) {
        let Some(session) = session else { return };
        self.sessions.remove(session);
        let lost = self.calls.values().filter(|call| call.session == Some(session)).map(|call| call.id);
        for id in lost.collect::<Vec<_>>() {
            if !self.try_elsewhere(id) {
                self.fail(id, HangupCause::MediaServer("The media server ended the session".to_owned()));
            }
        }
    }

    /// Sends further events of a leg to its client's new address. If the call is unknown, it has ended,
    /// and the client is notified.
    pub(super) fn on_client_moved(&mut self, moved: ClientMoved, ack: AckGuard) {
        let ClientMoved { leg, address } = moved;
        let known = self.calls.get_mut(&leg.call).or_else(|| self.awaiting_replay.get_mut(&leg.call));
        let Some(call) = known else {
            // The events have no sequence: how many were sent of the call is not known.
            let hangup = events_for_unknown_call().into_iter().map(Into::into).collect();
            let events = Events {
                call: Some(leg.call),
                change: Some(Change::Left),
                ..Events::for_handle(address.handle_ref(), hangup)
            };
            return self.end_unknown(leg.call, vec![(address.edge, events)], ack);
        };
        call.leg_mut(leg.side).party.address = Some(address);
        call.acks.push(ack);
        self.save(leg.call);
    }

    /// Saves all calls in a directory that has lost them: the lease has a new token, although no other
    /// connector had it.
    pub fn enter_term(&mut self, term: u64) -> Vec<Action> {
        self.step(self.now, |calls| {
            calls.term = term;
            for call in calls.calls.values_mut().chain(calls.awaiting_replay.values_mut()) {
                call.enter_term(term);
                let state = if call.both_joined() { raw(call).get().to_owned() } else { NO_STATE.to_owned() };
                let record = call.to_record(&calls.config.backend);
                calls.out.push(Action::RestoreCall(Box::new(record), state));
            }
        })
    }
}

/// A request that changes nothing. Janus refuses it with 481 on a leg without a call. On a leg in a call
/// Janus refuses it with 482, because it has no answer.
fn no_op_body() -> Raw {
    #[derive(serde::Serialize)]
    struct NoOpBody {
        request: &'static str,
    }
    raw(&NoOpBody { request: "accept" })
}
