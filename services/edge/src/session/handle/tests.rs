//! The state machine of a handle, as sequences of inputs. Each gives its actions in a short form, see [`format`].

mod calls;
mod candidates;
mod correlation;
mod detach;
mod format;
mod late;
mod reorder;
mod replies;
mod requests;

use super::Handle;
use super::snapshot::ClockPair;
use crate::session::action::{Action, Cx};
use bus::message::{Address, Change, ClientEvent, Events, Sequence};
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::jsep::Kind;
use protocol::trickle::Candidates;
use protocol::{HandleId, HandleRef, Raw, SessionId, Side, raw, videocall};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// A handle with a clock that the test moves, and the id of its last request.
struct Harness {
    handle: Handle,
    now: Instant,
    last: Option<MessageId>,
    disconnected: bool,
}

fn fresh() -> Harness {
    let address = Address { edge: ServiceId::from("edge-1"), session: SessionId(1), handle: HandleId(2) };
    Harness { handle: Handle::new(address), now: Instant::now(), last: None, disconnected: false }
}

/// A handle named alice.
fn registered() -> Harness {
    let mut alice = fresh();
    alice.sends("r", json!({"request": "register", "username": "alice"}));
    alice.gets_reply(Some(Change::Registered("alice".to_owned())), vec![result("r", "registered")]);
    alice
}

/// A handle on this side of a ringing call.
fn ringing(side: Side) -> (Harness, CallId) {
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

impl Harness {
    fn sends(&mut self, transaction: &str, body: Value) -> Vec<String> {
        self.message(transaction, body, None)
    }

    fn sends_offer(&mut self, transaction: &str, body: Value) -> Vec<String> {
        self.message(transaction, body, Some(Kind::Offer))
    }

    fn sends_answer(&mut self, transaction: &str, body: Value) -> Vec<String> {
        self.message(transaction, body, Some(Kind::Answer))
    }

    fn calls(&mut self, transaction: &str) -> Vec<String> {
        self.sends_offer(transaction, json!({"request": "call", "username": "bob"}))
    }

    fn message(&mut self, transaction: &str, body: Value, jsep: Option<Kind>) -> Vec<String> {
        let (body, sdp) = (raw(&body), raw(&json!({"sdp": "v=0"})));
        let jsep = jsep.map(|kind| (&*sdp, kind));
        self.run(|handle, cx| handle.on_message(transaction, &body, jsep, cx))
    }

    fn trickles(&mut self, candidates: &[&str]) -> Vec<String> {
        let candidates: Vec<Raw> = candidates.iter().map(raw).collect();
        let candidates = Candidates::Many(candidates.iter().map(|candidate| &**candidate).collect());
        self.run(|handle, cx| handle.on_trickle("k", &candidates, cx))
    }

    fn sends_core_hangup(&mut self) -> Vec<String> {
        self.run(|handle, cx| handle.on_hangup("h", cx))
    }

    fn detaches(&mut self) -> Vec<String> {
        self.run(|handle, cx| {
            handle.on_detach("d", cx);
        })
    }

    /// Time passes, and the timers run.
    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.run(|handle, cx| handle.on_timer(cx))
    }

    /// The same handle, restored at another edge.
    fn restored(self) -> Self {
        let clock = ClockPair { now: self.now, unix_ms: 1_000_000 };
        let state = serde_json::to_string(&self.handle.snapshot(clock)).unwrap();
        let address = Address { edge: ServiceId::from("edge-2"), ..self.handle.address };
        Self { handle: Handle::restore(serde_json::from_str(&state).unwrap(), address, clock), ..self }
    }

    /// The next timer, in milliseconds from now.
    fn due_in(&self) -> Option<u128> {
        self.handle.next_timer().map(|at| (at - self.now).as_millis())
    }

    fn receives(&mut self, events: Events) -> Vec<String> {
        self.run(|handle, cx| handle.on_events(events, cx))
    }

    /// The last request gets its reply, outside a call.
    fn gets_reply(&mut self, change: Option<Change>, items: Vec<ClientEvent>) -> Vec<String> {
        self.receives(events(None, self.last, change, items))
    }

    /// The last request gets its reply, in a call.
    fn gets_leg_reply(&mut self, call: CallId, change: Option<Change>, item: ClientEvent) -> Vec<String> {
        self.receives(events(Some(call), self.last, change, vec![item]))
    }

    /// A call begins: for the caller as the reply to its last request.
    fn joined(&mut self, call: CallId, side: Side) -> Vec<String> {
        let (in_reply_to, item) = match side {
            Side::Caller => (self.last, result("c", "calling")),
            Side::Callee => (None, notice("incomingcall")),
        };
        self.receives(events(Some(call), in_reply_to, Some(join(side)), vec![item]))
    }

    fn left(&mut self, call: CallId) -> Vec<String> {
        self.receives(events(Some(call), None, Some(Change::Left), vec![notice("hangup")]))
    }

    fn send_fails(&mut self, message: MessageId) -> Vec<String> {
        self.run(|handle, cx| handle.on_send_failed(message, cx))
    }

    fn last(&self) -> MessageId {
        self.last.expect("a request was sent")
    }

    fn last_call(&self) -> CallId {
        self.last().into()
    }

    /// Returns the actions, formatted.
    fn run(&mut self, input: impl FnOnce(&mut Handle, &mut Cx)) -> Vec<String> {
        let mut cx = Cx::new(self.now);
        cx.disconnected = self.disconnected;
        input(&mut self.handle, &mut cx);
        let actions = cx.into_actions();
        self.last = actions.iter().rev().find_map(format::request_id).or(self.last);
        actions.iter().map(format::action).collect()
    }
}

fn join(side: Side) -> Change {
    Change::Joined { backend: BackendName::from("a"), side }
}

fn events(
    call: Option<CallId>,
    in_reply_to: Option<MessageId>,
    change: Option<Change>,
    events: Vec<ClientEvent>,
) -> Events {
    let who = HandleRef { session: SessionId(1), handle: HandleId(2) };
    Events { call, in_reply_to, change, ..Events::for_handle(who, events) }
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
