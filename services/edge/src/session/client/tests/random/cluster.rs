//! Routers and connectors that reply at any time, with anything, and any number of times. The events of one side of a
//! call keep their order, as in a mailbox: a call that was left does not begin again.

use super::checker::tag;
use bus::message::{Body, Change, ClientEvent, ClientRequest, Events, LegRef, LegRequest, Message, Sequence};
use common::{BackendName, CallId, MessageId};
use protocol::{HandleRef, Side, raw};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One side of a call.
#[derive(Clone)]
struct LegState {
    who: HandleRef,
    leg: LegRef,
    ended: bool,
}

/// All routers and connectors.
#[derive(Default)]
pub struct Cluster {
    requests: Vec<(Message, HandleRef)>,
    /// All requests ever, so that none is handled twice.
    seen: BTreeSet<MessageId>,
    /// The replies so far, which may be delivered again.
    replies: Vec<Events>,
    legs: Vec<LegState>,
    /// The handles that may call and be called.
    registered: BTreeSet<HandleRef>,
    number: u64,
    /// The term of the lease that connectors use; none if they send no sequence numbers.
    pub term: Option<u64>,
    sequences: BTreeMap<(HandleRef, CallId), Sequence>,
}

impl Cluster {
    pub fn new(sequenced: bool) -> Self {
        Self { term: sequenced.then_some(1), ..Self::default() }
    }

    /// The next sequence number of one side of a call.
    fn next_sequence(&mut self, who: HandleRef, call: CallId) -> Option<Sequence> {
        let first = Sequence { term: self.term?, number: 1 };
        let sequence = self.sequences.entry((who, call)).and_modify(|last| last.number += 1).or_insert(first);
        if sequence.term < first.term {
            *sequence = first;
        }
        Some(*sequence)
    }

    pub fn on_request(&mut self, message: Message, who: HandleRef) {
        if self.seen.insert(message.id) {
            self.requests.push((message, who));
        }
    }

    /// Replies to a request, or repeats a reply.
    pub fn reply(&mut self, which: u8, how: u8) -> Option<Events> {
        if how > 224 {
            return self.replies.get(usize::from(which) % self.replies.len().max(1)).cloned();
        }
        if self.requests.is_empty() {
            return None;
        }
        let (message, who) = self.requests.remove(usize::from(which) % self.requests.len());
        let reply = self.reply_to(&message, who, how);
        self.replies.push(reply.clone());
        Some(reply)
    }

    fn reply_to(&mut self, message: &Message, who: HandleRef, how: u8) -> Events {
        match &message.body {
            Body::Call(request) => self.call_request(message.id, request, who, how),
            Body::Register(request) => self.register(message.id, request, who, how),
            Body::List(request) | Body::Exists(request) => router(message.id, request, who, "listed"),
            Body::Request(request) => self.leg_request(message.id, request, who, how),
            Body::Release(_) => {
                Events { in_reply_to: Some(message.id), change: Some(Change::Released), ..displaced(who) }
            }
            other => panic!("no reply to: {}", other.kind()),
        }
    }

    fn register(&mut self, id: MessageId, request: &ClientRequest, who: HandleRef, how: u8) -> Events {
        let registered = (!how.is_multiple_of(8)).then(|| Change::Registered("alice".to_owned()));
        self.registered.extend(registered.is_some().then_some(who));
        Events { change: registered, ..router(id, request, who, "registered") }
    }

    fn call_request(&mut self, id: MessageId, request: &ClientRequest, who: HandleRef, how: u8) -> Events {
        let (call, transaction) = (CallId::from(id), Some(request.transaction.clone()));
        match how % 8 {
            0 => router(id, request, who, "hangup"),
            _ if !self.registered.contains(&who) => router(id, request, who, "refused"),
            1 => {
                let refusal = self.plugin_event(call, "refused", transaction);
                self.events_of(who, call, Some(id), Some(Change::Left), vec![refusal])
            }
            2 => {
                let refusal = ClientEvent::Error {
                    transaction: request.transaction.clone(),
                    code: 465,
                    reason: "no".to_owned(),
                };
                self.events_of(who, call, Some(id), Some(Change::Left), vec![refusal])
            }
            _ => self.join(who, LegRef { call, side: Side::Caller }, Some(id), transaction),
        }
    }

    /// A handle joins a call when the previous one has ended, even if its client does not know yet.
    fn join(
        &mut self,
        who: HandleRef,
        leg: LegRef,
        in_reply_to: Option<MessageId>,
        transaction: Option<String>,
    ) -> Events {
        self.legs
            .iter_mut()
            .filter(|state| state.who == who && state.leg != leg)
            .for_each(|state| state.ended = true);
        if !self.legs.iter().any(|state| state.leg == leg) {
            self.legs.push(LegState { who, leg, ended: false });
        }
        let change = Change::Joined { backend: BackendName::from("a"), side: leg.side };
        let joined = self.plugin_event(leg.call, "joined", transaction);
        self.events_of(who, leg.call, in_reply_to, Some(change), vec![joined])
    }

    /// An incoming call.
    pub fn ring(&mut self, who: HandleRef) -> Option<Events> {
        let leg = LegRef { call: CallId::fresh(), side: Side::Callee };
        self.registered.contains(&who).then(|| self.join(who, leg, None, None))
    }

    fn leg_request(&mut self, id: MessageId, request: &LegRequest, who: HandleRef, how: u8) -> Events {
        let transaction = request.transaction.clone();
        let body: Value = serde_json::from_str(request.body.get()).unwrap();
        let call = request.leg.call;
        let ended = self.legs.iter().any(|state| state.leg == request.leg && state.ended);
        match (body["request"].as_str().unwrap(), how % 8) {
            ("hangup", _) if !ended => self.leave(request.leg, who, Some(id), transaction),
            (_, 0) => {
                let refusal = ClientEvent::Error {
                    transaction: transaction.unwrap_or_default(),
                    code: 490,
                    reason: "no".to_owned(),
                };
                self.events_of(who, call, Some(id), None, vec![refusal])
            }
            (name, _) => {
                let change = (name == "accept").then_some(Change::Answered);
                let reply = self.plugin_event(call, "news", transaction);
                self.events_of(who, call, Some(id), change, vec![reply])
            }
        }
    }

    fn leave(
        &mut self,
        leg: LegRef,
        who: HandleRef,
        in_reply_to: Option<MessageId>,
        transaction: Option<String>,
    ) -> Events {
        self.legs.iter_mut().filter(|state| state.leg == leg).for_each(|state| state.ended = true);
        let mut events: Vec<ClientEvent> =
            transaction.into_iter().map(|t| self.plugin_event(leg.call, "news", Some(t))).collect();
        events.push(self.plugin_event(leg.call, "left", None));
        self.events_of(who, leg.call, in_reply_to, Some(Change::Left), events)
    }

    /// An event of a call, which may have ended.
    pub fn continue_call(&mut self, which: u8, how: u8) -> Option<Events> {
        let state = self.legs.get(usize::from(which) % self.legs.len().max(1))?.clone();
        let LegState { who, leg, ended } = state;
        let (change, event) = match how % 8 {
            0 | 1 => return Some(self.leave(leg, who, None, None)),
            3 if !ended && leg.side == Side::Callee => return Some(self.join(who, leg, None, None)),
            2 => (Some(Change::Answered), self.plugin_event(leg.call, "news", None)),
            4 => (None, self.core_event(leg.call)),
            _ => (None, self.plugin_event(leg.call, "news", None)),
        };
        Some(self.events_of(who, leg.call, None, change, vec![event]))
    }

    fn events_of(
        &mut self,
        who: HandleRef,
        call: CallId,
        in_reply_to: Option<MessageId>,
        change: Option<Change>,
        events: Vec<ClientEvent>,
    ) -> Events {
        let (session, handle, sequence) = (who.session, who.handle, self.next_sequence(who, call));
        Events {
            call: Some(call),
            sequence,
            in_reply_to,
            change,
            ..Events::for_handle(HandleRef { session, handle }, events)
        }
    }

    fn plugin_event(&mut self, call: CallId, kind: &str, transaction: Option<String>) -> ClientEvent {
        self.number += 1;
        let data = raw(&json!({"result": {"event": kind}, "tag": tag(call, kind, self.number)}));
        ClientEvent::Plugin { transaction, data, jsep: None }
    }

    fn core_event(&mut self, call: CallId) -> ClientEvent {
        self.number += 1;
        let fields = raw(&json!({"tag": tag(call, "news", self.number)}));
        ClientEvent::Core { janus: "media".to_owned(), fields }
    }
}

/// A handle has lost its name to another.
pub fn displaced(who: HandleRef) -> Events {
    let change = Some(Change::Displaced("alice".to_owned()));
    Events { change, ..Events::for_handle(who, Vec::new()) }
}

fn router(id: MessageId, request: &ClientRequest, who: HandleRef, name: &str) -> Events {
    let data = raw(&json!({"result": {"event": name}}));
    let event = ClientEvent::Plugin { transaction: Some(request.transaction.clone()), data, jsep: None };
    Events { in_reply_to: Some(id), ..Events::for_handle(who, vec![event]) }
}
