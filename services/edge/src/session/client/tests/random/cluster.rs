//! Routers and connectors that answer when, what and how often they like. What they say of one call
//! to one handle has its order, as on a mailbox: a call that was left does not begin again.

use super::checker::tag;
use bus::message::{Body, Change, ClientEvent, ClientRequest, Events, LegRef, LegRequest, Message, Sequence};
use common::{BackendName, CallId, MessageId};
use protocol::{HandleRef, Side, raw};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One side of a call.
#[derive(Clone)]
struct Line {
    who: HandleRef,
    leg: LegRef,
    over: bool,
}

/// All routers and connectors.
#[derive(Default)]
pub struct Cluster {
    asked: Vec<(Message, HandleRef)>,
    /// What was asked ever: it is not done twice.
    known: BTreeSet<MessageId>,
    /// What has been answered, for it may be delivered again.
    answered: Vec<Events>,
    lines: Vec<Line>,
    /// Who may call and be called.
    named: BTreeSet<HandleRef>,
    number: u64,
    /// The lease under which connectors stamp what they say; none while they do not.
    pub term: Option<u64>,
    stamps: BTreeMap<(HandleRef, CallId), Sequence>,
}

impl Cluster {
    /// Nobody has asked anything yet.
    pub fn new(stamped: bool) -> Self {
        Self { term: stamped.then_some(1), ..Self::default() }
    }

    /// The place of what is said to this side of a call.
    fn stamp(&mut self, who: HandleRef, call: CallId) -> Option<Sequence> {
        let first = Sequence { term: self.term?, number: 1 };
        let stamp = self.stamps.entry((who, call)).and_modify(|last| last.number += 1).or_insert(first);
        if stamp.term < first.term {
            *stamp = first;
        }
        Some(*stamp)
    }

    /// An edge asks something.
    pub fn is_asked(&mut self, message: Message, who: HandleRef) {
        if self.known.insert(message.id) {
            self.asked.push((message, who));
        }
    }

    /// Answers something, or says again what was answered.
    pub fn answers(&mut self, which: u8, how: u8) -> Option<Events> {
        if how > 224 {
            return self.answered.get(usize::from(which) % self.answered.len().max(1)).cloned();
        }
        if self.asked.is_empty() {
            return None;
        }
        let (message, who) = self.asked.remove(usize::from(which) % self.asked.len());
        let answer = self.answer_to(&message, who, how);
        self.answered.push(answer.clone());
        Some(answer)
    }

    fn answer_to(&mut self, message: &Message, who: HandleRef, how: u8) -> Events {
        match &message.body {
            Body::Call(asks) => self.calls(message.id, asks, who, how),
            Body::Register(asks) => self.registers(message.id, asks, who, how),
            Body::List(asks) | Body::Exists(asks) => router(message.id, asks, who, "listed"),
            Body::Request(asks) => self.on_leg(message.id, asks, who, how),
            Body::Release(_) => {
                Events { in_reply_to: Some(message.id), change: Some(Change::Released), ..displaced(who) }
            }
            other => panic!("not to be answered: {}", other.kind()),
        }
    }

    fn registers(&mut self, id: MessageId, asks: &ClientRequest, who: HandleRef, how: u8) -> Events {
        let named = (!how.is_multiple_of(8)).then(|| Change::Registered("alice".to_owned()));
        self.named.extend(named.is_some().then_some(who));
        Events { change: named, ..router(id, asks, who, "registered") }
    }

    fn calls(&mut self, id: MessageId, asks: &ClientRequest, who: HandleRef, how: u8) -> Events {
        let (call, transaction) = (CallId::from(id), Some(asks.transaction.clone()));
        match how % 8 {
            0 => router(id, asks, who, "hangup"),
            _ if !self.named.contains(&who) => router(id, asks, who, "refused"),
            1 => {
                let refusal = self.says(call, "refused", transaction);
                self.about(who, call, Some(id), Some(Change::Left), vec![refusal])
            }
            2 => {
                let (transaction, reason) = (asks.transaction.clone(), "no".to_owned());
                let refusal = ClientEvent::Error { transaction, code: 465, reason };
                self.about(who, call, Some(id), Some(Change::Left), vec![refusal])
            }
            _ => self.joins(who, LegRef { call, side: Side::Caller }, Some(id), transaction),
        }
    }

    /// A handle gets into a call when the one before is over, even if its client has not heard so.
    fn joins(
        &mut self,
        who: HandleRef,
        leg: LegRef,
        answers: Option<MessageId>,
        transaction: Option<String>,
    ) -> Events {
        self.lines
            .iter_mut()
            .filter(|line| line.who == who && line.leg != leg)
            .for_each(|line| line.over = true);
        if !self.lines.iter().any(|line| line.leg == leg) {
            self.lines.push(Line { who, leg, over: false });
        }
        let change = Change::Joined { backend: BackendName::from("a"), side: leg.side };
        let joined = self.says(leg.call, "joined", transaction);
        self.about(who, leg.call, answers, Some(change), vec![joined])
    }

    /// Somebody calls this handle.
    pub fn rings(&mut self, who: HandleRef) -> Option<Events> {
        let leg = LegRef { call: CallId::fresh(), side: Side::Callee };
        self.named.contains(&who).then(|| self.joins(who, leg, None, None))
    }

    fn on_leg(&mut self, id: MessageId, asks: &LegRequest, who: HandleRef, how: u8) -> Events {
        let transaction = asks.transaction.clone();
        let body: Value = serde_json::from_str(asks.body.get()).unwrap();
        let call = asks.leg.call;
        let over = self.lines.iter().any(|line| line.leg == asks.leg && line.over);
        match (body["request"].as_str().unwrap(), how % 8) {
            ("hangup", _) if !over => self.leaves(asks.leg, who, Some(id), transaction),
            (_, 0) => {
                let refusal = ClientEvent::Error {
                    transaction: transaction.unwrap_or_default(),
                    code: 490,
                    reason: "no".to_owned(),
                };
                self.about(who, call, Some(id), None, vec![refusal])
            }
            (name, _) => {
                let change = (name == "accept").then_some(Change::Answered);
                let answer = self.says(call, "news", transaction);
                self.about(who, call, Some(id), change, vec![answer])
            }
        }
    }

    fn leaves(
        &mut self,
        leg: LegRef,
        who: HandleRef,
        answers: Option<MessageId>,
        transaction: Option<String>,
    ) -> Events {
        self.lines.iter_mut().filter(|line| line.leg == leg).for_each(|line| line.over = true);
        let mut events: Vec<ClientEvent> =
            transaction.into_iter().map(|t| self.says(leg.call, "news", Some(t))).collect();
        events.push(self.says(leg.call, "left", None));
        self.about(who, leg.call, answers, Some(Change::Left), events)
    }

    /// Something of a call, whether it is over or not.
    pub fn goes_on(&mut self, which: u8, how: u8) -> Option<Events> {
        let line = self.lines.get(usize::from(which) % self.lines.len().max(1))?.clone();
        let Line { who, leg, over } = line;
        let (change, said) = match how % 8 {
            0 | 1 => return Some(self.leaves(leg, who, None, None)),
            3 if !over && leg.side == Side::Callee => return Some(self.joins(who, leg, None, None)),
            2 => (Some(Change::Answered), self.says(leg.call, "news", None)),
            4 => (None, self.core(leg.call)),
            _ => (None, self.says(leg.call, "news", None)),
        };
        Some(self.about(who, leg.call, None, change, vec![said]))
    }

    fn about(
        &mut self,
        who: HandleRef,
        call: CallId,
        answers: Option<MessageId>,
        change: Option<Change>,
        events: Vec<ClientEvent>,
    ) -> Events {
        let (session, handle, stamp) = (who.session, who.handle, self.stamp(who, call));
        Events {
            call: Some(call),
            sequence: stamp,
            in_reply_to: answers,
            change,
            ..Events::for_handle(HandleRef { session, handle }, events)
        }
    }

    fn says(&mut self, call: CallId, kind: &str, transaction: Option<String>) -> ClientEvent {
        self.number += 1;
        let data = raw(&json!({"result": {"event": kind}, "tag": tag(call, kind, self.number)}));
        ClientEvent::Plugin { transaction, data, jsep: None }
    }

    fn core(&mut self, call: CallId) -> ClientEvent {
        self.number += 1;
        let fields = raw(&json!({"tag": tag(call, "news", self.number)}));
        ClientEvent::Core { janus: "media".to_owned(), fields }
    }
}

/// A handle lost its name to another.
pub fn displaced(who: HandleRef) -> Events {
    let change = Some(Change::Displaced("alice".to_owned()));
    Events { change, ..Events::for_handle(who, Vec::new()) }
}

fn router(id: MessageId, asks: &ClientRequest, who: HandleRef, event: &str) -> Events {
    let data = raw(&json!({"result": {"event": event}}));
    let event = ClientEvent::Plugin { transaction: Some(asks.transaction.clone()), data, jsep: None };
    Events { in_reply_to: Some(id), ..Events::for_handle(who, vec![event]) }
}
