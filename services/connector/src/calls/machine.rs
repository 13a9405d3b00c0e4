//! All calls on one Janus server, as a state machine without sockets or clock: input and time go in,
//! [`Action`]s come out. This file dispatches the inputs.
//!
//! A call is set up in `setup` and `attempt`, exchanges messages in `relay`, and ends in `end`. After a change of
//! connector, `takeover` resumes the calls that the former connector saved. `proxy_calls` has what differs
//! when one side is a user of a janus-cloud proxy.
//!
//! # Failures
//! A call ends, with both sides notified, when Janus does not reply within
//! [`JANUS_TIMEOUT`](super::janus_state::JANUS_TIMEOUT). Messages may arrive twice or out of order. A call
//! that exists is not set up again, and a call that has ended is not set up at all. Ended calls are
//! remembered for [`ENDED_CALL_TTL`].

use super::action::{Action, SaveCall};
use super::attempt::Admission;
use super::call::Call;
use super::janus_state::{JanusSessions, Transactions};
use crate::janus::message::{FromJanus, JanusId};
use crate::options::{CallPolicy, Credentials};
use bus::ack_tracker::AckGuard;
use bus::message::{Body, LegRef, Message};
use common::{BackendName, CallId, ErrorLog, warn_failure};
use protocol::hangup::HangupCause;
use protocol::raw;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

static UNKNOWN_KIND: ErrorLog = ErrorLog::new("understanding messages");

/// How long an ended call is remembered.
pub const ENDED_CALL_TTL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct CallsConfig {
    pub backend: BackendName,
    /// The websocket URL at which janus-cloud's proxies reach this Janus.
    pub url: String,
    pub policy: CallPolicy,
    pub credentials: Credentials,
}

/// The calls on a backend.
#[derive(Debug)]
pub struct Calls {
    pub(super) config: CallsConfig,
    /// The term of the lease, for the sequences of events to clients.
    pub(super) term: u64,
    pub(super) sessions: JanusSessions,
    pub(super) calls: BTreeMap<CallId, Call>,
    /// The leg of each handle on Janus.
    pub(super) legs: BTreeMap<JanusId, LegRef>,
    pub(super) transactions: Transactions,
    /// Calls that a former connector had not finished setting up. Their `place` is redelivered before
    /// `replay_deadline`.
    pub(super) awaiting_replay: BTreeMap<CallId, Call>,
    pub(super) replay_deadline: Option<Instant>,
    /// When the next timer of each call is due.
    pub(super) timers: BTreeSet<(Instant, CallId)>,
    pub(super) ended: EndedCalls,
    pub(super) admission: Admission,
    /// The time of the current input.
    pub(super) now: Instant,
    /// The outputs of the current input.
    pub(super) out: Vec<Action>,
}

impl Calls {
    pub fn new(config: CallsConfig, term: u64, now: Instant) -> Self {
        Self {
            config,
            term,
            sessions: JanusSessions::default(),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            transactions: Transactions::default(),
            awaiting_replay: BTreeMap::new(),
            replay_deadline: None,
            timers: BTreeSet::new(),
            ended: EndedCalls::default(),
            admission: Admission::All,
            now,
            out: Vec::new(),
        }
    }

    /// Takes one input at its time, and returns what follows from it.
    pub(super) fn step(&mut self, now: Instant, input: impl FnOnce(&mut Self)) -> Vec<Action> {
        self.now = now;
        input(self);
        std::mem::take(&mut self.out)
    }

    /// The link to Janus is up, with this session for new calls.
    pub fn on_janus_up(&mut self, session: JanusId) {
        self.sessions.set_newest(session);
    }

    /// The link to Janus is down. Every call ends; one that has not rung yet is tried elsewhere, or refused.
    pub fn on_janus_down(&mut self, reason: &str, now: Instant) -> Vec<Action> {
        self.step(now, |calls| {
            for call in calls.calls.keys().chain(calls.awaiting_replay.keys()).copied().collect::<Vec<_>>() {
                if !calls.try_elsewhere(call) {
                    calls.fail(call, HangupCause::MediaServer(reason.to_owned()));
                }
            }
            calls.sessions.clear();
            calls.transactions.clear();
            calls.out.retain(|action| !matches!(action, Action::SendToJanus(_) | Action::DestroySession(_)));
        })
    }

    /// The sessions on Janus, the newest last.
    pub fn sessions(&self) -> Vec<JanusId> {
        self.sessions.all()
    }

    pub fn count(&self) -> usize {
        self.calls.len()
    }

    /// Whether nothing is left of any call, except the memory that it has ended.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let nothing_pending = self.transactions.is_empty() && self.timers.is_empty();
        nothing_pending && self.calls.is_empty() && self.legs.is_empty() && self.awaiting_replay.is_empty()
    }

    /// Handles a message from the backend's mailbox. The guard is kept until its effects are saved.
    pub fn on_message(&mut self, message: Message, ack: AckGuard, now: Instant) -> Vec<Action> {
        self.step(now, |calls| calls.dispatch(message, ack))
    }

    fn dispatch(&mut self, message: Message, ack: AckGuard) {
        let is_expired = message.is_expired();
        self.mark_client_active(&message.body);
        match message.body {
            Body::Place(place) => self.setup(place, message.deadline, ack),
            Body::ProxyReply(reply) => self.on_proxy_reply(reply, ack),
            Body::Request(request) if !is_expired => self.on_client_request(message.id, request, ack),
            Body::Request(_) => {}
            Body::Trickle(trickle) => self.on_trickle(trickle, ack),
            Body::Hangup(leg) if self.contains(leg.call) => {
                self.on_end(leg.call, HangupCause::CoreHangup(leg.side), ack);
            }
            Body::Hangup(leg) => self.ended.insert(leg.call, self.now),
            Body::End(end) => self.on_end(end.call, end.cause.into(), ack),
            Body::ClientMoved(moved) => self.on_client_moved(moved, ack),
            other => {
                warn_failure!(UNKNOWN_KIND, kind = other.kind(), "message is not for a backend, ignored")
            }
        }
    }

    fn mark_client_active(&mut self, body: &Body) {
        let leg = match body {
            Body::Request(request) => request.leg,
            Body::Trickle(trickle) => trickle.leg,
            Body::Hangup(leg) => *leg,
            _ => return,
        };
        if let Some(call) = self.calls.get_mut(&leg.call) {
            call.leg_mut(leg.side).client_active = true;
        }
    }

    pub fn on_janus(&mut self, message: FromJanus, now: Instant) -> Vec<Action> {
        self.step(now, |calls| match message {
            oversized if calls.refuses_oversized(&oversized) => {}
            FromJanus::Success { transaction, session, id } => calls.on_success(&transaction, session, id),
            FromJanus::Error { transaction, code, reason } => {
                calls.on_janus_error(&transaction, code, reason);
            }
            FromJanus::Plugin { sender, transaction, data, jsep } => {
                match transaction.and_then(|transaction| calls.transactions.complete(&transaction)) {
                    Some(pending) => calls.on_reply(pending, data, jsep),
                    None => calls.on_notification(sender, data, jsep),
                }
            }
            FromJanus::Core { sender, name, fields } => calls.on_core_event(sender, name, fields),
            FromJanus::SessionEnded(session) => calls.on_session_ended(session),
            FromJanus::Other => {}
        })
    }

    /// When [`on_timer`](Self::on_timer) is to be called, at the latest.
    pub fn next_timer(&self) -> Option<Instant> {
        let call = self.timers.first().map(|(due, _)| *due);
        let timers = [self.transactions.next_timeout(), call, self.replay_deadline, self.ended.next_expiry()];
        timers.into_iter().flatten().min()
    }

    pub fn on_timer(&mut self, now: Instant) -> Vec<Action> {
        self.step(now, |calls| {
            calls.expire_transactions();
            calls.expire_awaited();
            while let Some((due, call)) = calls.timers.first().copied().filter(|(due, _)| *due <= now) {
                calls.timers.remove(&(due, call));
                calls.on_call_timer(call);
            }
            calls.ended.expire(now);
        })
    }

    fn on_call_timer(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Some(suspected) = call.suspected_hangup.take_if(|suspected| suspected.deadline <= now) {
            return self.end(id, suspected.cause());
        }
        if !call.answered && call.ring_deadline.is_some_and(|deadline| deadline <= now) {
            return self.end(id, HangupCause::NoAnswer);
        }
        self.on_candidates_timeout(id);
        self.on_proxy_timer(id);
        self.flush_batches(id);
    }

    /// Schedules the call's next timer.
    pub(super) fn schedule(&mut self, id: CallId) {
        if let Some(due) = self.calls.get(&id).and_then(Call::next_timer) {
            self.timers.insert((due, id));
        }
    }

    /// Whether the call is running or awaits its `place`.
    pub(super) fn contains(&self, id: CallId) -> bool {
        self.calls.contains_key(&id) || self.awaiting_replay.contains_key(&id)
    }

    /// Saves a call that both sides have joined. Until then its `place` stays in the mailbox, and the
    /// next connector sets the call up from it.
    pub(super) fn save(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.both_joined()) else { return };
        let (acks, state) = (std::mem::take(&mut call.acks), raw(call).get().to_owned());
        self.out.push(Action::SaveCall(SaveCall { call: id, state, acks }));
    }
}

/// The calls that ended recently. Their `place` may still arrive and must not be set up.
#[derive(Debug, Default)]
pub struct EndedCalls {
    ids: BTreeSet<CallId>,
    /// The same calls with the time of their expiry, oldest first.
    expiry: VecDeque<(Instant, CallId)>,
}

impl EndedCalls {
    pub fn contains(&self, id: CallId) -> bool {
        self.ids.contains(&id)
    }

    pub fn insert(&mut self, id: CallId, now: Instant) {
        if self.ids.insert(id) {
            self.expiry.push_back((now + ENDED_CALL_TTL, id));
        }
    }

    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry.front().map(|(until, _)| *until)
    }

    pub fn expire(&mut self, now: Instant) {
        while let Some((_, id)) = self.expiry.pop_front_if(|(until, _)| *until <= now) {
            self.ids.remove(&id);
        }
    }
}
