//! All calls on one Janus server: pure decisions, `(state, input, now)` to acts.
//!
//! Data: the calls by id, which leg a Janus handle is, what has been asked of Janus under which
//! transaction, and in which of our sessions each call is. A call is set up in `placing.rs`, lives in
//! `relay.rs`, ends in `ending.rs`; `takeover.rs` goes on with what a former connector has left. What is
//! different when one side is a peer's user is in `peers.rs`.
//!
//! How it fails: what Janus does not answer in [`PATIENCE`] ends its call, with both sides told.
//! Messages come twice or in an odd order: a call that exists is not set up again, one that has
//! ended (they are remembered for [`REMEMBERED`]) is not begun.

pub mod act;
mod answering;
mod asking;
pub mod call;
mod clock;
pub mod closing;
mod ending;
pub mod leg;
pub mod peers;
mod placing;
mod recording;
mod relay;
mod sessions;
mod takeover;
#[cfg(test)]
mod tests;

use crate::janus::message::{FromJanus, JanusId};
use crate::options::{CallPolicy, Credentials};
use act::{Action, SaveCall};
use asking::Transactions;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, LegRef, Message};
use call::Call;
use closing::HangupCause;
use common::{BackendName, CallId};
use protocol::raw;
use sessions::JanusSessions;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// How long Janus may take for anything.
pub const JANUS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an ended call is remembered.
const ENDED_CALL_TTL: Duration = Duration::from_secs(60);

/// The calls on a backend.
#[derive(Debug)]
pub struct Calls {
    backend: BackendName,
    /// Where peers find its Janus.
    url: String,
    policy: CallPolicy,
    credentials: Credentials,
    /// The lease under which clients are told.
    term: u64,
    sessions: JanusSessions,
    calls: BTreeMap<CallId, Call>,
    legs: BTreeMap<JanusId, LegRef>,
    transactions: Transactions,
    /// Calls that a former connector had not set up: their `place` is to come until the time is over.
    awaiting_replay: BTreeMap<CallId, Call>,
    replay_deadline: Option<Instant>,
    /// Calls with something due.
    timers: BTreeSet<(Instant, CallId)>,
    ended: BTreeSet<CallId>,
    ended_expiry: VecDeque<(Instant, CallId)>,
}

impl Calls {
    /// None yet, and no Janus.
    pub fn new(backend: BackendName) -> Self {
        Self {
            backend,
            url: String::new(),
            policy: CallPolicy::default(),
            credentials: Credentials::default(),
            term: 0,
            sessions: JanusSessions::default(),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            transactions: Transactions::default(),
            awaiting_replay: BTreeMap::new(),
            replay_deadline: None,
            timers: BTreeSet::new(),
            ended: BTreeSet::new(),
            ended_expiry: VecDeque::new(),
        }
    }

    /// The same, of a Janus with this websocket URL.
    pub fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// The same, subject to these rules.
    pub fn under(self, rules: CallPolicy) -> Self {
        Self { policy: rules, ..self }
    }

    /// The same, for a Janus that wants to be shown this.
    pub fn showing(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// The same, under the lease with this token.
    pub fn in_term(self, term: u64) -> Self {
        Self { term, ..self }
    }

    /// Janus is there, with this session for new calls.
    pub fn on_janus_up(&mut self, session: JanusId) {
        self.sessions.set_newest(session);
    }

    /// Janus is gone, and every call with it: one that had not begun is refused.
    pub fn on_janus_down(&mut self, reason: &str, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        for call in self.calls.keys().chain(self.awaiting_replay.keys()).copied().collect::<Vec<_>>() {
            self.fail(call, HangupCause::MediaServer(reason.to_owned()), now, &mut acts);
        }
        self.sessions.clear();
        self.transactions.clear();
        acts.retain(|act| !matches!(act, Action::SendToJanus(_) | Action::DestroySession(_)));
        acts
    }

    /// The sessions on Janus, the newest last.
    pub fn sessions(&self) -> Vec<JanusId> {
        self.sessions.all()
    }

    /// How many calls there are.
    pub fn count(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is nothing left of any call, but for the memory of those that have ended.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let asks_nothing = self.transactions.is_empty() && self.timers.is_empty();
        asks_nothing && self.calls.is_empty() && self.legs.is_empty() && self.awaiting_replay.is_empty()
    }

    /// A message from a router or an edge; the receipt goes with what follows from it.
    pub fn on_message(&mut self, message: Message, receipt: AckGuard, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        let late = message.is_expired();
        self.mark_client_active(&message.body);
        match message.body {
            Body::Place(place) => self.setup(place, message.deadline, receipt, now, &mut acts),
            Body::ProxyReply(answer) => self.on_proxy_reply(answer, receipt, now, &mut acts),
            Body::Request(request) if !late => {
                self.on_client_request(message.id, request, receipt, now, &mut acts)
            }
            Body::Request(_) => {}
            Body::Trickle(trickle) => self.on_trickle(trickle, receipt, &mut acts),
            Body::Hangup(leg) if self.contains(leg.call) => {
                self.on_end(leg.call, HangupCause::CoreHangup(leg.side), receipt, now, &mut acts);
            }
            Body::Hangup(leg) => self.mark_ended(leg.call, now),
            Body::End(end) => {
                self.on_end(end.call, end.cause.into(), receipt, now, &mut acts);
            }
            Body::ClientMoved(attend) => self.on_client_moved(attend, receipt, now, &mut acts),
            other => tracing::warn!(kind = other.kind(), "not a message for a backend"),
        }
        acts
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

    /// A message from Janus.
    pub fn on_janus(&mut self, message: FromJanus, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        match message {
            FromJanus::Success { transaction, session, id } => {
                self.on_success(&transaction, session, id, now, &mut acts);
            }
            FromJanus::Error { transaction, code, reason } => {
                self.on_janus_error(&transaction, code, reason, now, &mut acts);
            }
            FromJanus::Plugin { sender, transaction, data, jsep } => {
                let asked = transaction.and_then(|transaction| self.transactions.complete(&transaction));
                match asked {
                    Some(asked) => self.on_reply(asked, data, jsep, now, &mut acts),
                    None => self.on_notification(sender, data, jsep, now, &mut acts),
                }
            }
            FromJanus::Core { sender, name, fields } => {
                self.on_core_event(sender, name, fields, now, &mut acts)
            }
            FromJanus::SessionEnded(session) => self.on_session_ended(session, now, &mut acts),
            FromJanus::Other => {}
        }
        acts
    }

    /// When something is due, at the latest.
    pub fn next_timer(&self) -> Option<Instant> {
        let call = self.timers.first().map(|(due, _)| *due);
        let memory = self.ended_expiry.front().map(|(until, _)| *until);
        [self.transactions.next_timeout(), call, self.replay_deadline, memory].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn on_timer(&mut self, now: Instant) -> Vec<Action> {
        let mut acts = Vec::new();
        self.expire_transactions(now, &mut acts);
        self.expire_awaited(now, &mut acts);
        while let Some((due, call)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.remove(&(due, call));
            self.on_call_timer(call, now, &mut acts);
        }
        self.expire_ended(now);
        acts
    }

    fn on_call_timer(&mut self, id: CallId, now: Instant, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Some(suspect) = call.suspected_hangup.take_if(|suspect| suspect.deadline <= now) {
            return self.end(id, suspect.cause(), now, acts);
        }
        if !call.answered && call.ring_deadline.is_some_and(|until| until <= now) {
            return self.end(id, HangupCause::NoAnswer, now, acts);
        }
        self.on_proxy_timer(id, now, acts);
        self.flush_batches(id, now, acts);
    }

    /// Notes when the call is due next.
    fn schedule(&mut self, id: CallId) {
        if let Some(due) = self.calls.get(&id).and_then(Call::next_timer) {
            self.timers.insert((due, id));
        }
    }

    /// Has a call written down, if both sides know of it: until then the next connector sets it up
    /// from its `place`, which is not done yet.
    fn save(&mut self, id: CallId, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.both_joined()) else { return };
        let (receipts, state) = (std::mem::take(&mut call.acks), raw(call).get().to_owned());
        acts.push(Action::SaveCall(SaveCall { call: id, state, acks: receipts }));
    }
}
