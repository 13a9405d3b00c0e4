//! Tests of the state machine with one call between alice and bob. Inputs are messages of edges and of
//! Janus; the actions are compared in a short form (see [`format`]).

mod batching;
mod call_flow;
mod candidates;
mod client_moved;
mod disorder;
mod endings;
mod fallback;
mod format;
mod proxy;
mod random;
mod refusals;
mod sequences;
mod takeover;
mod timeouts;
mod undeliverable;

use super::action::{Action, SecondAttempt};
use super::call::Call;
use super::{Calls, CallsConfig};
use crate::janus::message::FromJanus;
use crate::options::{CallPolicy, Credentials};
use bus::ack_tracker::AckGuard;
use bus::message::{
    Address, Body, Deadline, End, EndCause, LegRef, LegRequest, Message, Party, Place, Trickle,
};
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::{HandleId, Raw, SessionId, Side, raw};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The handles of alice and bob on Janus.
const ALICE: u64 = 11;
const BOB: u64 = 12;

/// The calls of a backend. The test plays Janus and sets the clock.
struct Harness {
    calls: Calls,
    now: Instant,
    call: CallId,
    /// The requests to Janus, in order.
    sent_to_janus: Vec<Value>,
    /// The saved states, in order.
    saved: Vec<String>,
    /// The reports to the breaker.
    reports: Vec<String>,
    /// The last request for another attempt.
    second_attempt: Option<SecondAttempt>,
    /// The call that the router posts.
    place: Place,
}

fn config() -> CallsConfig {
    CallsConfig {
        backend: BackendName::from("a"),
        url: String::new(),
        policy: CallPolicy::default(),
        credentials: Credentials::default(),
    }
}

/// The link to Janus is up, and there is no call.
fn connected() -> Harness {
    let now = Instant::now();
    let mut calls = Calls::new(config(), 0, now);
    calls.on_janus_up(1);
    let (call, sent_to_janus, saved) = (CallId::fresh(), Vec::new(), Vec::new());
    let place = place_details(call);
    Harness { calls, now, call, sent_to_janus, saved, reports: Vec::new(), second_attempt: None, place }
}

/// Janus has not replied to the two `attach` requests.
fn attaching() -> Harness {
    let mut harness = connected();
    harness.place();
    harness
}

/// Janus has not replied to the two `register` requests.
fn registering() -> Harness {
    let mut harness = attaching();
    harness.attached(Side::Caller);
    harness.attached(Side::Callee);
    harness
}

/// Janus has the offer.
fn calling() -> Harness {
    let mut harness = connected();
    harness.set_up();
    harness
}

/// Both sides have joined.
fn ringing() -> Harness {
    let mut harness = connected();
    harness.ring();
    harness
}

/// bob has accepted.
fn talking() -> Harness {
    let mut harness = ringing();
    harness.request(Side::Callee, json!({"request": "accept"}), Some("answer"));
    harness.notify(
        ALICE,
        json!({"event": "accepted", "username": harness.alias(Side::Callee)}),
        Some("answer"),
    );
    harness.reply(BOB, "accepted");
    harness
}

impl Harness {
    fn message(&self, body: Body) -> Message {
        Message { id: self.call.into(), ..Message::new(body) }
    }

    fn place_message(&self) -> Message {
        self.message(Body::Place(Place { call: self.call, ..self.place.clone() }))
    }

    fn receive(&mut self, message: Message) -> Vec<String> {
        let actions = self.calls.on_message(message, AckGuard::default(), self.now);
        self.record(actions)
    }

    fn place(&mut self) -> Vec<String> {
        self.receive(self.place_message())
    }

    fn set_up(&mut self) {
        self.place();
        self.attached(Side::Caller);
        self.attached(Side::Callee);
        self.reply(ALICE, "registered");
        self.reply(BOB, "registered");
    }

    fn ring(&mut self) {
        self.set_up();
        self.incoming();
        self.reply(ALICE, "calling");
    }

    fn place_expired(&mut self) -> Vec<String> {
        self.receive(Message { deadline: Some(Deadline::after(Duration::ZERO)), ..self.place_message() })
    }

    fn leg(&self, side: Side) -> LegRef {
        LegRef { call: self.call, side }
    }

    /// A client's request on its leg, under the transaction `t`.
    fn request(&mut self, side: Side, body: Value, jsep: Option<&str>) -> Vec<String> {
        let message = self.request_message(side, body, jsep);
        self.receive(message)
    }

    fn request_message(&self, side: Side, body: Value, kind: Option<&str>) -> Message {
        let (leg, jsep) = (self.leg(side), kind.map(jsep));
        let transaction = Some("t".to_owned());
        Message::new(Body::Request(LegRequest { leg, transaction, body: raw(&body), jsep }))
    }

    fn trickle(&mut self, side: Side, candidates: &[&str]) -> Vec<String> {
        let candidates = candidates.iter().map(raw).collect();
        self.receive(Message::new(Body::Trickle(Trickle { leg: self.leg(side), candidates })))
    }

    fn client_core_hangup(&mut self, side: Side) -> Vec<String> {
        self.receive(Message::new(Body::Hangup(self.leg(side))))
    }

    fn client_gone(&mut self, side: Side) -> Vec<String> {
        self.receive(Message::new(Body::End(End { call: self.call, cause: EndCause::gone(side) })))
    }

    /// Janus sends this message.
    fn janus(&mut self, message: Value) -> Vec<String> {
        let actions = self.calls.on_janus(FromJanus::read(&message.to_string()), self.now);
        self.record(actions)
    }

    /// The transaction of the last request to Janus that matches.
    fn transaction(&self, was: impl Fn(&Value) -> bool) -> String {
        let request =
            self.sent_to_janus.iter().rev().find(|request| was(request)).expect("the request was sent");
        request["transaction"].as_str().unwrap().to_owned()
    }

    /// Janus attaches the handle of a side.
    fn attached(&mut self, side: Side) -> Vec<String> {
        let attaches: Vec<&Value> = self.sent_to_janus.iter().filter(|it| it["janus"] == "attach").collect();
        let (place, id) = if side == Side::Caller { (0, ALICE) } else { (1, BOB) };
        let transaction = attaches[place]["transaction"].clone();
        self.janus(json!({"janus": "success", "transaction": transaction, "data": {"id": id}}))
    }

    fn last_message(&self, handle: u64) -> String {
        self.transaction(|it| it["janus"] == "message" && it["handle_id"] == handle)
    }

    /// Janus' plugin replies to the last request of a handle with this event.
    fn reply(&mut self, handle: u64, event: &str) -> Vec<String> {
        self.reply_data(handle, json!({"result": {"event": event}}))
    }

    fn reply_data(&mut self, handle: u64, data: Value) -> Vec<String> {
        let transaction = self.last_message(handle);
        self.janus(json!({"janus": "event", "sender": handle, "transaction": transaction,
            "plugindata": {"data": data}}))
    }

    /// Janus' core refuses the last request of a handle.
    fn refuse(&mut self, handle: u64, code: u16) -> Vec<String> {
        let transaction = self.last_message(handle);
        self.janus(json!({"janus": "error", "transaction": transaction,
            "error": {"code": code, "reason": "no"}}))
    }

    fn notify(&mut self, handle: u64, result: Value, kind: Option<&str>) -> Vec<String> {
        let mut event =
            json!({"janus": "event", "sender": handle, "plugindata": {"data": {"result": result}}});
        if let Some(kind) = kind {
            event["jsep"] = json!({"type": kind, "sdp": "v=0"});
        }
        self.janus(event)
    }

    fn incoming(&mut self) -> Vec<String> {
        let from = json!({"event": "incomingcall", "username": self.alias(Side::Caller)});
        self.notify(BOB, from, Some("offer"))
    }

    /// A core event of a handle.
    fn core_event(&mut self, handle: u64, name: &str) -> Vec<String> {
        self.janus(json!({"janus": name, "sender": handle}))
    }

    fn core_hangup(&mut self, handle: u64, reason: &str) -> Vec<String> {
        self.janus(json!({"janus": "hangup", "sender": handle, "reason": reason}))
    }

    /// The plugin notifies a handle that this side has hung up.
    fn plugin_hangup(&mut self, handle: u64, gone: Side) -> Vec<String> {
        let gone = self.alias(gone);
        self.notify(
            handle,
            json!({"event": "hangup", "username": gone, "reason": "Remote WebRTC hangup"}),
            None,
        )
    }

    /// Advances the clock and fires the timers.
    fn advance(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        let actions = self.calls.on_timer(self.now);
        self.record(actions)
    }

    /// Milliseconds until the next timer.
    fn next_timer_ms(&self) -> Option<u128> {
        self.calls.next_timer().map(|due| (due - self.now).as_millis())
    }

    fn janus_down(&mut self) -> Vec<String> {
        let actions = self.calls.on_janus_down("The media server is gone", self.now);
        self.record(actions)
    }

    fn alias(&self, side: Side) -> String {
        let name = if side == Side::Caller { "caller" } else { "callee" };
        format!("{}-0-{name}", self.call)
    }

    fn record(&mut self, mut actions: Vec<Action>) -> Vec<String> {
        let lines = actions.iter().flat_map(format::action).collect();
        for action in &mut actions {
            match action {
                Action::SendToJanus(text) => self.sent_to_janus.push(serde_json::from_str(text).unwrap()),
                Action::SaveCall(save) => self.saved.push(save.state.clone()),
                Action::ReportSetup(client, Ok(_)) => self.reports.push(format!("works for {client}")),
                Action::ReportSetup(client, Err(failure)) => {
                    self.reports.push(format!("fails for {client}: {}", failure.name()));
                }
                Action::EndCall(ended) if ended.notices.second_attempt.is_some() => {
                    self.second_attempt = ended.notices.second_attempt.take().map(|second| *second);
                }
                _ => {}
            }
        }
        lines
    }

    /// Checks that nothing is left once all requests have timed out.
    fn assert_clean(&mut self) {
        self.advance(super::janus_state::JANUS_TIMEOUT);
        assert!(self.calls.is_empty(), "{:?}", self.calls);
    }
}

fn place_details(call: CallId) -> Place {
    let party = |username: &str, number| Party {
        username: username.to_owned(),
        address: Some(Address {
            edge: ServiceId(format!("edge-{number}")),
            session: SessionId(number),
            handle: HandleId(number),
        }),
    };
    let (caller, callee) = (party("alice", 1), party("bob", 2));
    let (transaction, offer) = ("c".to_owned(), Some(jsep("offer")));
    Place {
        call,
        caller,
        callee,
        transaction,
        offer,
        proxy_side: None,
        timestamps: None,
        request: None,
        fallback: None,
    }
}

fn jsep(kind: &str) -> Raw {
    raw(&json!({"type": kind, "sdp": "v=0"}))
}

/// All orders of so many steps.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![vec![]], |orders, next| {
        let insert = |order: &Vec<usize>, at: usize| [&order[..at], &[next], &order[at..]].concat();
        orders.iter().flat_map(|order| (0..=order.len()).map(|at| insert(order, at))).collect()
    })
}
