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
use crate::options::{Credentials, Rules};
use act::{Act, Save};
use asking::Questions;
use bus::ledger::Receipt;
use bus::message::{Body, LegRef, Message};
use call::Call;
use closing::Cause;
use protocol::{BackendName, CallId, raw};
use sessions::Sessions;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// How long Janus may take for anything.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long an ended call is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The calls on a backend.
#[derive(Debug)]
pub struct Calls {
    backend: BackendName,
    /// Where peers find its Janus.
    url: String,
    rules: Rules,
    credentials: Credentials,
    /// The lease under which clients are told.
    term: u64,
    sessions: Sessions,
    calls: BTreeMap<CallId, Call>,
    legs: BTreeMap<JanusId, LegRef>,
    questions: Questions,
    /// Calls that a former connector had not set up: their `place` is to come until the time is over.
    expected: BTreeMap<CallId, Call>,
    expected_until: Option<Instant>,
    /// Calls with something due.
    due: BTreeSet<(Instant, CallId)>,
    ended: BTreeSet<CallId>,
    ended_in_order: VecDeque<(Instant, CallId)>,
}

impl Calls {
    /// None yet, and no Janus.
    pub fn new(backend: BackendName) -> Self {
        Self {
            backend,
            url: String::new(),
            rules: Rules::default(),
            credentials: Credentials::default(),
            term: 0,
            sessions: Sessions::default(),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            questions: Questions::default(),
            expected: BTreeMap::new(),
            expected_until: None,
            due: BTreeSet::new(),
            ended: BTreeSet::new(),
            ended_in_order: VecDeque::new(),
        }
    }

    /// The same, of a Janus with this websocket URL.
    pub fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// The same, subject to these rules.
    pub fn under(self, rules: Rules) -> Self {
        Self { rules, ..self }
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
    pub fn up(&mut self, session: JanusId) {
        self.sessions.up(session);
    }

    /// Janus is gone, and every call with it: one that had not begun is refused.
    pub fn down(&mut self, reason: &str, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        for call in self.calls.keys().chain(self.expected.keys()).copied().collect::<Vec<_>>() {
            self.fail(call, Cause::Because(reason.to_owned()), now, &mut acts);
        }
        self.sessions.down();
        self.questions.forget_all();
        acts.retain(|act| !matches!(act, Act::Janus(_) | Act::Destroy(_)));
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
        let asks_nothing = self.questions.is_empty() && self.due.is_empty();
        asks_nothing && self.calls.is_empty() && self.legs.is_empty() && self.expected.is_empty()
    }

    /// A message from a router or an edge; the receipt goes with what follows from it.
    pub fn on_message(&mut self, message: Message, receipt: Receipt, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        let late = message.is_late();
        self.note_speaker(&message.body);
        match message.body {
            Body::Place(place) => self.place(place, message.deadline, receipt, now, &mut acts),
            Body::PeerAnswer(answer) => self.on_peer_answer(answer, receipt, now, &mut acts),
            Body::Request(request) if !late => self.request(message.id, request, receipt, now, &mut acts),
            Body::Request(_) => {}
            Body::Trickle(trickle) => self.trickle(trickle, receipt, &mut acts),
            Body::Hangup(leg) if self.knows(leg.call) => {
                self.hear_end(leg.call, Cause::CoreHangup(leg.side), receipt, now, &mut acts);
            }
            Body::Hangup(leg) => self.has_ended(leg.call, now),
            Body::End(end) => {
                self.hear_end(end.call, end.cause.into(), receipt, now, &mut acts);
            }
            Body::Attend(attend) => self.attend(attend, receipt, now, &mut acts),
            other => tracing::warn!(kind = other.kind(), "not a message for a backend"),
        }
        acts
    }

    fn note_speaker(&mut self, body: &Body) {
        let leg = match body {
            Body::Request(request) => request.leg,
            Body::Trickle(trickle) => trickle.leg,
            Body::Hangup(leg) => *leg,
            _ => return,
        };
        if let Some(call) = self.calls.get_mut(&leg.call) {
            call.leg_mut(leg.side).spoke = true;
        }
    }

    /// A message from Janus.
    pub fn on_janus(&mut self, message: FromJanus, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        match message {
            FromJanus::Success { transaction, session, id } => {
                self.on_success(&transaction, session, id, now, &mut acts);
            }
            FromJanus::Error { transaction, code, reason } => {
                self.on_error(&transaction, code, reason, now, &mut acts);
            }
            FromJanus::Plugin { sender, transaction, data, jsep } => {
                let asked = transaction.and_then(|transaction| self.questions.answered(&transaction));
                match asked {
                    Some(asked) => self.on_reply(asked, data, jsep, now, &mut acts),
                    None => self.on_notification(sender, data, jsep, now, &mut acts),
                }
            }
            FromJanus::Core { sender, name, fields } => self.on_core(sender, name, fields, now, &mut acts),
            FromJanus::Over(session) => self.on_session_over(session, now, &mut acts),
            FromJanus::Other => {}
        }
        acts
    }

    /// When something is due, at the latest.
    pub fn due(&self) -> Option<Instant> {
        let call = self.due.first().map(|(due, _)| *due);
        let memory = self.ended_in_order.front().map(|(until, _)| *until);
        [self.questions.due(), call, self.expected_until, memory].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        self.lose_patience(now, &mut acts);
        self.stop_expecting(now, &mut acts);
        while let Some((due, call)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, call));
            self.on_call_due(call, now, &mut acts);
        }
        self.forget_ended(now);
        acts
    }

    fn on_call_due(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Some(suspect) = call.suspect.take_if(|suspect| suspect.until <= now) {
            return self.end(id, suspect.cause(), now, acts);
        }
        if !call.answered && call.rings_until.is_some_and(|until| until <= now) {
            return self.end(id, Cause::NoAnswer, now, acts);
        }
        self.on_peering_due(id, now, acts);
        self.flush_batches(id, now, acts);
    }

    /// Notes when the call is due next.
    fn schedule(&mut self, id: CallId) {
        if let Some(due) = self.calls.get(&id).and_then(Call::due) {
            self.due.insert((due, id));
        }
    }

    /// Has a call written down, if both sides know of it: until then the next connector sets it up
    /// from its `place`, which is not done yet.
    fn save(&mut self, id: CallId, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.rings()) else { return };
        let (receipts, state) = (std::mem::take(&mut call.receipts), raw(call).get().to_owned());
        acts.push(Act::Save(Save { call: id, state, receipts }));
    }
}
