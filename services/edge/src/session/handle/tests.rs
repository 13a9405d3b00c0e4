//! The decisions of a handle, told as stories: what its client says, what comes back, and in one short
//! word each what is to be done about it (see [`short`]).

mod answered;
mod answers;
mod calls;
mod candidates;
mod late;
mod leaving;
mod order;
mod requests;
mod short;

use super::{ClockPair, Handle};
use crate::session::action::Action;
use bus::message::{Address, Change, ClientEvent, Events, Sequence};
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::jsep::Kind;
use protocol::trickle::Candidates;
use protocol::{HandleId, HandleRef, Raw, SessionId, Side, raw, videocall};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// A handle whose clock stands still, and the last request it sent.
struct Bench {
    handle: Handle,
    now: Instant,
    last: Option<MessageId>,
    away: bool,
}

/// A handle that has done nothing yet.
fn fresh() -> Bench {
    let address = Address { edge: ServiceId::from("edge-1"), session: SessionId(1), handle: HandleId(2) };
    Bench { handle: Handle::new(address), now: Instant::now(), last: None, away: false }
}

/// A handle named alice.
fn registered() -> Bench {
    let mut alice = fresh();
    alice.says("r", json!({"request": "register", "username": "alice"}));
    alice.answered(Some(Change::Registered("alice".to_owned())), vec![result("r", "registered")]);
    alice
}

/// A handle that is on this side of a call which rings.
fn ringing(side: Side) -> (Bench, CallId) {
    let mut alice = registered();
    let call = match side {
        Side::Caller => {
            alice.calls("c");
            alice.last_call()
        }
        Side::Callee => CallId::fresh(),
    };
    alice.joined(call, side);
    (alice, call)
}

impl Bench {
    fn says(&mut self, transaction: &str, body: Value) -> Vec<String> {
        self.message(transaction, body, None)
    }

    fn offers(&mut self, transaction: &str, body: Value) -> Vec<String> {
        self.message(transaction, body, Some(Kind::Offer))
    }

    fn replies(&mut self, transaction: &str, body: Value) -> Vec<String> {
        self.message(transaction, body, Some(Kind::Answer))
    }

    fn calls(&mut self, transaction: &str) -> Vec<String> {
        self.offers(transaction, json!({"request": "call", "username": "bob"}))
    }

    fn message(&mut self, transaction: &str, body: Value, jsep: Option<Kind>) -> Vec<String> {
        let (body, sdp) = (raw(&body), raw(&json!({"sdp": "v=0"})));
        let now = self.now;
        let jsep = jsep.map(|kind| (&*sdp, kind));
        self.act(|handle, acts| handle.on_message(transaction, &body, jsep, now, acts))
    }

    fn trickles(&mut self, candidates: &[&str]) -> Vec<String> {
        let candidates: Vec<Raw> = candidates.iter().map(raw).collect();
        let candidates = Candidates::Many(candidates.iter().map(|candidate| &**candidate).collect());
        let now = self.now;
        self.act(|handle, acts| handle.on_trickle("k", &candidates, now, acts))
    }

    fn hangs_up_core(&mut self) -> Vec<String> {
        self.act(|handle, acts| handle.on_hangup("h", acts))
    }

    fn detaches(&mut self) -> Vec<String> {
        self.act(|handle, acts| {
            handle.on_detach("d", acts);
        })
    }

    /// Time passes, and what is due then is done.
    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        let now = self.now;
        self.act(|handle, acts| handle.on_timer(now, acts))
    }

    /// The same handle at another edge.
    fn restored(self) -> Self {
        let clock = ClockPair { now: self.now, unix_ms: 1_000_000 };
        let state = serde_json::to_string(&self.handle.snapshot(clock)).unwrap();
        let address = Address { edge: ServiceId::from("edge-2"), ..self.handle.address };
        Self { handle: Handle::restore(serde_json::from_str(&state).unwrap(), address, clock), ..self }
    }

    /// In how many milliseconds something is due.
    fn due_in(&self) -> Option<u128> {
        self.handle.due().map(|due| (due - self.now).as_millis())
    }

    fn hears(&mut self, events: Events) -> Vec<String> {
        let (now, away) = (self.now, self.away);
        self.act(|handle, acts| handle.on_events(events, away, now, acts))
    }

    /// The last request is answered, outside of a call.
    fn answered(&mut self, change: Option<Change>, items: Vec<ClientEvent>) -> Vec<String> {
        self.hears(events(None, self.last, change, items))
    }

    /// The last request is answered, in a call.
    fn answered_on_leg(&mut self, call: CallId, change: Option<Change>, item: ClientEvent) -> Vec<String> {
        self.hears(events(Some(call), self.last, change, vec![item]))
    }

    /// A call begins: the caller's as the answer to its last request.
    fn joined(&mut self, call: CallId, side: Side) -> Vec<String> {
        let (answers, item) = match side {
            Side::Caller => (self.last, result("c", "calling")),
            Side::Callee => (None, notice("incomingcall")),
        };
        self.hears(events(Some(call), answers, Some(join(side)), vec![item]))
    }

    fn left(&mut self, call: CallId) -> Vec<String> {
        self.hears(events(Some(call), None, Some(Change::Left), vec![notice("hangup")]))
    }

    fn send_fails(&mut self, message: MessageId) -> Vec<String> {
        let now = self.now;
        self.act(|handle, acts| handle.on_send_failed(message, now, acts))
    }

    fn last(&self) -> MessageId {
        self.last.expect("something was asked")
    }

    fn last_call(&self) -> CallId {
        self.last().into()
    }

    fn act(&mut self, does: impl FnOnce(&mut Handle, &mut Vec<Action>)) -> Vec<String> {
        let mut acts = Vec::new();
        does(&mut self.handle, &mut acts);
        self.last = acts.iter().rev().find_map(short::asks).or(self.last);
        acts.iter().map(short::act).collect()
    }
}

fn join(side: Side) -> Change {
    Change::Joined { backend: BackendName::from("a"), side }
}

fn events(
    call: Option<CallId>,
    answers: Option<MessageId>,
    change: Option<Change>,
    events: Vec<ClientEvent>,
) -> Events {
    let who = HandleRef { session: SessionId(1), handle: HandleId(2) };
    Events { call, in_reply_to: answers, change, ..Events::for_handle(who, events) }
}

fn result(transaction: &str, name: &str) -> ClientEvent {
    let data = videocall::event(name, None, None);
    ClientEvent::Plugin { transaction: Some(transaction.to_owned()), data, jsep: None }
}

fn notice(name: &str) -> ClientEvent {
    ClientEvent::Plugin { transaction: None, data: videocall::event(name, None, None), jsep: None }
}

fn core(name: &str) -> ClientEvent {
    ClientEvent::Core { janus: name.to_owned(), fields: raw(&json!({})) }
}

fn refusal(transaction: &str, code: u16) -> ClientEvent {
    ClientEvent::Error { transaction: transaction.to_owned(), code, reason: "no".to_owned() }
}
