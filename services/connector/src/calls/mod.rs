//! All calls on one Janus server: pure decisions, `(state, input, now)` to acts.
//!
//! Data: the calls by id, which leg a Janus handle is, and what has been asked of Janus under which
//! transaction. A call is set up in `placing.rs`, lives in `relay.rs`, ends in `ending.rs`.
//!
//! How it fails: what Janus does not answer in [`PATIENCE`] ends its call, with both sides told.
//! Messages come twice or in an odd order: a call that exists is not set up again, one that has
//! ended (they are remembered for [`REMEMBERED`]) is not begun.

pub mod act;
pub mod call;
pub mod closing;
mod ending;
mod placing;
mod recording;
mod relay;
#[cfg(test)]
mod tests;

use crate::janus::message::{FromJanus, JanusId, ToJanus};
use crate::options::{Credentials, Rules};
use act::Act;
use bus::message::{Body, LegRef, Message};
use call::Call;
use closing::Cause;
use protocol::videocall::Request;
use protocol::{BackendName, CallId, MessageId, Raw};
use serde_json::value::RawValue;
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
    rules: Rules,
    credentials: Credentials,
    /// The lease under which clients are told.
    term: u64,
    /// Our session on Janus, while there is one.
    session: Option<JanusId>,
    calls: BTreeMap<CallId, Call>,
    legs: BTreeMap<JanusId, LegRef>,
    asked: BTreeMap<String, Asked>,
    /// Transactions in the order they were asked in, with the end of patience.
    patience: VecDeque<(Instant, String)>,
    next_transaction: u64,
    /// Calls with something due.
    due: BTreeSet<(Instant, CallId)>,
    ended: BTreeSet<CallId>,
    ended_in_order: VecDeque<(Instant, CallId)>,
}

/// What was asked of Janus, and for which leg.
#[derive(Debug)]
enum Asked {
    Attach(LegRef),
    Register(LegRef),
    Call(LegRef),
    Request { leg: LegRef, request: MessageId, transaction: Option<String>, verb: Request },
}

impl Asked {
    fn leg(&self) -> LegRef {
        match self {
            Self::Attach(leg) | Self::Register(leg) | Self::Call(leg) | Self::Request { leg, .. } => *leg,
        }
    }
}

impl Calls {
    /// None yet, and no Janus.
    pub fn new(backend: BackendName) -> Self {
        Self {
            backend,
            rules: Rules::default(),
            credentials: Credentials::default(),
            term: 0,
            session: None,
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            asked: BTreeMap::new(),
            patience: VecDeque::new(),
            next_transaction: 0,
            due: BTreeSet::new(),
            ended: BTreeSet::new(),
            ended_in_order: VecDeque::new(),
        }
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

    /// Janus is there, with this session.
    pub fn up(&mut self, session: JanusId) {
        self.session = Some(session);
    }

    /// Janus is gone, and every call with it: one that had not begun is refused.
    pub fn down(&mut self, reason: &str, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        for call in self.calls.keys().copied().collect::<Vec<_>>() {
            self.fail(call, Cause::Backend(reason.to_owned()), now, &mut acts);
        }
        self.session = None;
        self.asked.clear();
        self.patience.clear();
        acts.retain(|act| !matches!(act, Act::Janus(_)));
        acts
    }

    /// How many calls there are.
    pub fn count(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is nothing left of any call, but for the memory of those that have ended.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let asks_nothing = self.asked.is_empty() && self.patience.is_empty() && self.due.is_empty();
        asks_nothing && self.calls.is_empty() && self.legs.is_empty()
    }

    /// A message from a router or an edge.
    pub fn on_message(&mut self, message: Message, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        let late = message.is_late();
        match message.body {
            Body::Place(place) => self.place(place, late, now, &mut acts),
            Body::Request(request) if !late => self.request(message.id, request, now, &mut acts),
            Body::Request(_) => {}
            Body::Trickle(trickle) => self.trickle(trickle, &mut acts),
            Body::Hangup(leg) => self.end(leg.call, Cause::CoreHangup(leg.side), now, &mut acts),
            Body::End(end) if self.calls.contains_key(&end.call) => {
                self.end(end.call, Cause::Gone(end.cause.side()), now, &mut acts);
            }
            Body::End(end) => self.end_unknown(end.call, now, &mut acts),
            other => tracing::warn!(kind = other.kind(), "not a message for a backend"),
        }
        acts
    }

    /// A message from Janus.
    pub fn on_janus(&mut self, message: FromJanus, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        match message {
            FromJanus::Success { transaction, id } => self.on_success(&transaction, id, now, &mut acts),
            FromJanus::Error { transaction, code, reason } => {
                self.on_error(&transaction, code, reason, now, &mut acts);
            }
            FromJanus::Plugin { sender, transaction, data, jsep } => {
                let asked = transaction.and_then(|transaction| self.asked.remove(&transaction));
                match asked {
                    Some(asked) => self.on_reply(asked, data, jsep, now, &mut acts),
                    None => self.on_notification(sender, data, jsep, now, &mut acts),
                }
            }
            FromJanus::Core { sender, name, fields } => self.on_core(sender, name, fields, now, &mut acts),
            FromJanus::Timeout | FromJanus::Other => {}
        }
        acts
    }

    /// When something is due, at the latest.
    pub fn due(&self) -> Option<Instant> {
        let patience = self.patience.front().map(|(until, _)| *until);
        let call = self.due.first().map(|(due, _)| *due);
        [patience, call].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some((until, transaction)) = self.patience.pop_front_if(|(until, _)| *until <= now) {
            if let Some(asked) = self.asked.remove(&transaction) {
                tracing::warn!(backend = %self.backend, ?asked, waited = ?(now - until + PATIENCE), "no answer from Janus");
                let reason = "The media server does not answer".to_owned();
                self.fail(asked.leg().call, Cause::Backend(reason), now, &mut acts);
            }
        }
        while let Some((due, call)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, call));
            self.on_call_due(call, now, &mut acts);
        }
        acts
    }

    fn on_call_due(&mut self, id: CallId, now: Instant, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Some(suspect) = call.suspect.filter(|suspect| suspect.until <= now) {
            let cause = Cause::PeerConnection(suspect.side, "Close PC".to_owned());
            return self.end(id, cause, now, acts);
        }
        if !call.answered && call.rings_until.is_some_and(|until| until <= now) {
            return self.end(id, Cause::NoAnswer, now, acts);
        }
        self.flush_batches(id, now, acts);
    }

    /// Notes when the call is due next.
    fn schedule(&mut self, id: CallId) {
        if let Some(due) = self.calls.get(&id).and_then(Call::due) {
            self.due.insert((due, id));
        }
    }

    /// Asks something of Janus that it must answer.
    fn ask(&mut self, asked: Asked, request: ToJanus<'_>, now: Instant, acts: &mut Vec<Act>) {
        let transaction = self.transaction();
        acts.push(Act::Janus(
            ToJanus {
                transaction: transaction.clone(),
                session_id: self.session,
                ..request.with(&self.credentials)
            }
            .text(),
        ));
        self.patience.push_back((now + PATIENCE, transaction.clone()));
        self.asked.insert(transaction, asked);
    }

    /// Tells Janus something whose answer does not matter.
    fn tell(&mut self, request: ToJanus<'_>, acts: &mut Vec<Act>) {
        let transaction = self.transaction();
        acts.push(Act::Janus(
            ToJanus { transaction, session_id: self.session, ..request.with(&self.credentials) }.text(),
        ));
    }

    fn transaction(&mut self) -> String {
        self.next_transaction += 1;
        self.next_transaction.to_string()
    }

    /// Asks a plugin request of Janus.
    fn ask_plugin(
        &mut self,
        asked: Asked,
        handle: JanusId,
        body: Raw,
        jsep: Option<&RawValue>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let request = ToJanus {
            janus: "message",
            handle_id: Some(handle),
            body: Some(body),
            jsep,
            ..ToJanus::default()
        };
        self.ask(asked, request, now, acts);
    }
}
