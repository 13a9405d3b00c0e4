//! What becomes of an attempt to set a call up: whether it begins, what is reported to the circuit breaker, and
//! when the call is handed to the routers, for another backend.
//!
//! A call with a fallback rings only once Janus has candidates for both sides. Janus 1.1.2 announces the call
//! first and then finds out that its media ports are used up (measured: up to 20 ms later). Clients of such a
//! call learn nothing of the first attempt.

use super::action::{Action, SecondAttempt};
use super::attempt::{Admission, is_core_error_of_backend, is_ice_error, is_plugin_error_of_backend};
use super::call::Call;
use super::machine::Calls;
use crate::breaker::outcomes::{ClientId, SetupFailure};
use crate::janus::message::named_request;
use bus::message::{ClientRequest, Deadline, EndKind, FailedAttempt, LegRef};
use common::{CallId, MessageId};
use protocol::{Raw, Side};
use std::time::Duration;

/// How long a call waits for candidates of Janus once it could ring.
pub const CANDIDATES_TIMEOUT: Duration = Duration::from_millis(100);

impl Call {
    /// The request that the caller waits for.
    pub fn request(&self) -> MessageId {
        self.attempt.request.unwrap_or(self.id.into())
    }

    /// Whether the offer is needed for another attempt.
    pub(super) fn has_fallback(&self) -> bool {
        self.attempt.fallback.is_some()
    }

    /// Whether no client knows of the call, and another backend can take it.
    fn can_move(&self) -> bool {
        let knows = |side| self.leg(side).joined || self.leg(side).client_active;
        let is_unknown = !self.resumed && !knows(Side::Caller) && !knows(Side::Callee);
        let is_expired = self.attempt.deadline().is_some_and(Deadline::is_past);
        self.has_fallback() && is_unknown && !is_expired && self.remote_side().is_none()
    }

    /// Whether Janus has candidates of its own for both sides.
    fn has_candidates(&self) -> bool {
        let has = |side| self.leg(side).has_candidates || self.leg(side).is_remote();
        has(Side::Caller) && has(Side::Callee)
    }

    fn client(&self, side: Side) -> ClientId {
        let session = |of| Some(self.leg(of).party.address.as_ref()?.session.0);
        session(side).or_else(|| session(side.peer())).unwrap_or_default()
    }

    pub(super) fn take_second_attempt(&mut self) -> Option<SecondAttempt> {
        self.attempt.second.take()
    }
}

impl Calls {
    /// Sets which new calls are taken from now on.
    pub fn set_admission(&mut self, admission: Admission) {
        self.admission = admission;
    }

    /// Whether the setup of this call, which is among the calls already, may begin.
    pub(super) fn admits(&self, id: CallId) -> bool {
        let can_move = self.calls.get(&id).is_some_and(Call::can_move);
        let in_setup = || self.calls.values().filter(|call| !call.both_joined()).count();
        match self.admission {
            _ if !can_move => true,
            Admission::All => true,
            Admission::Trials(trials) => in_setup() <= trials,
            Admission::None => false,
        }
    }

    pub(super) fn begin_attempt(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.attempt.begin(self.now);
        }
    }

    /// Hands the call to the routers, for another backend. Returns false if that cannot be.
    pub(super) fn try_elsewhere(&mut self, id: CallId) -> bool {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.can_move()) else { return false };
        let (Some(from), Some(offer)) = (call.leg(Side::Caller).party.address.clone(), call.offer.take())
        else {
            return false;
        };
        let backend = self.config.backend.clone();
        tracing::debug!(%backend, call = %id, second = %id.second_attempt(), "handing a call over for another backend");
        let request = ClientRequest {
            from,
            transaction: call.transaction.clone(),
            body: named_request("call", &call.leg(Side::Callee).party.username),
            location: call.attempt.fallback.take().unwrap_or_default(),
            jsep: Some(offer),
            requested_at: call.timings.requested_at(),
            failed: Some(FailedAttempt { request: call.request(), backend }),
        };
        let deadline = call.attempt.deadline();
        call.attempt.second = Some(SecondAttempt { call: id.second_attempt(), deadline, request });
        self.finish(id, ("tried on another backend", EndKind::Refused), |_| Vec::new());
        true
    }

    /// The setup of a call has failed because of the backend. Returns true if another backend takes the call.
    pub(super) fn fail_attempt(&mut self, id: CallId, failure: SetupFailure) -> bool {
        self.report_failure(LegRef { call: id, side: Side::Caller }, failure);
        self.try_elsewhere(id)
    }

    /// Janus' core has refused the offer. Returns true if another backend takes the call.
    pub(super) fn fails_for_core_error(&mut self, id: CallId, code: u16) -> bool {
        is_core_error_of_backend(code) && self.fail_attempt(id, SetupFailure::Offer(code.into()))
    }

    /// The plugin has refused the offer. Returns true if another backend takes the call.
    pub(super) fn fails_for_plugin_error(&mut self, id: CallId, error: Option<i64>) -> bool {
        // In a call with a remote user the error may be about that user.
        let Some(code) = error.filter(|code| is_plugin_error_of_backend(*code)) else { return false };
        !self.has_remote_side(id) && self.fail_attempt(id, SetupFailure::Offer(code))
    }

    /// Janus has closed a PeerConnection for this reason. Returns true if another backend takes the call.
    pub(super) fn fails_for_hangup(&mut self, leg: LegRef, reason: &str) -> bool {
        let is_answered = self.calls.get(&leg.call).is_none_or(|call| call.answered);
        is_ice_error(reason) && !is_answered && self.fail_attempt(leg.call, SetupFailure::Ice)
    }

    pub(super) fn report_failure(&mut self, leg: LegRef, failure: SetupFailure) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.attempt.is_reported = true;
        let client = call.client(leg.side);
        self.out.push(Action::ReportSetup(client, Err(failure)));
    }

    /// Reports that the setup has succeeded, once it is certain: Janus has candidates, or the call is answered.
    pub(super) fn report_success(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let is_certain = call.both_joined() && (call.has_candidates() || call.answered);
        let Some(took) = call.attempt.took.filter(|_| is_certain && !call.attempt.is_reported) else {
            return;
        };
        call.attempt.is_reported = true;
        let client = call.client(Side::Caller);
        self.out.push(Action::ReportSetup(client, Ok(took)));
    }

    /// The call rings now, and can no longer be tried elsewhere.
    pub(super) fn end_attempt(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.attempt.end(now);
        call.offer = None;
    }

    /// Keeps the event of Janus for the callee until the call rings. Returns it if the call does not wait.
    pub(super) fn hold_incoming(&mut self, id: CallId, jsep: Option<Raw>) -> Option<Option<Raw>> {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.has_fallback()) else {
            return Some(jsep);
        };
        let has_candidates = jsep.as_ref().is_some_and(|jsep| jsep.get().contains("a=candidate:"));
        call.leg_mut(Side::Callee).has_candidates |= has_candidates;
        call.attempt.incoming = Some(jsep);
        self.await_candidates(id);
        None
    }

    /// Keeps the event of Janus for the caller until the call rings. Returns it if the call does not wait.
    pub(super) fn hold_calling(&mut self, id: CallId, data: Raw) -> Option<Raw> {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.has_fallback()) else {
            return Some(data);
        };
        call.attempt.calling = Some(data);
        self.await_candidates(id);
        None
    }

    fn await_candidates(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.attempt.ring_at.get_or_insert(now + CANDIDATES_TIMEOUT);
        self.schedule(id);
        self.ring_if_ready(id);
    }

    /// Janus has a candidate for this leg, or says that there are no more.
    pub(super) fn on_candidates(&mut self, leg: LegRef) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if !std::mem::replace(&mut call.leg_mut(leg.side).has_candidates, true) {
            self.ring_if_ready(leg.call);
            self.report_success(leg.call);
        }
    }

    fn ring_if_ready(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let has_events = call.attempt.incoming.is_some() && call.attempt.calling.is_some();
        if has_events && call.has_candidates() {
            self.ring(id);
        }
    }

    /// The time to wait for candidates is over. While a hang-up is suspected, its reason is awaited.
    pub(super) fn on_candidates_timeout(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let is_due = call.attempt.ring_at.take_if(|at| *at <= now).is_some();
        if is_due && call.suspected_hangup.is_none() {
            self.ring(id);
        }
    }

    /// Lets the call ring with what Janus has sent.
    fn ring(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.attempt.ring_at = None;
        call.attempt.fallback = None;
        let (incoming, calling) = (call.attempt.incoming.take(), call.attempt.calling.take());
        if let Some(jsep) = incoming {
            self.on_incoming(id, jsep);
        }
        if let Some(data) = calling {
            self.on_calling(id, data);
        }
    }
}
