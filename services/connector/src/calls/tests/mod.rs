//! The decisions about calls, told as stories of one call between alice and bob: what edges and Janus
//! say, and in short words what is to be done about it (see [`short`]).

mod batching;
mod call_flow;
mod candidates;
mod client_moved;
mod disorder;
mod endings;
mod format;
mod proxy;
mod random;
mod refusals;
mod sequences;
mod takeover;
mod timeouts;

use super::action::Action;
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

/// alice's handle on Janus, and bob's.
const ALICE: u64 = 11;
const BOB: u64 = 12;

/// The calls of a backend with a Janus that says what the test says, and a clock that stands still.
struct Bench {
    calls: Calls,
    now: Instant,
    call: CallId,
    /// What Janus was told, in order.
    said: Vec<Value>,
    /// What was written down of calls, in order.
    saved: Vec<String>,
    /// What the router has the connector set up.
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

/// Janus is there, and nothing has happened.
fn up() -> Bench {
    let now = Instant::now();
    let mut calls = Calls::new(config(), 0, now);
    calls.on_janus_up(1);
    let (call, said, saved) = (CallId::fresh(), Vec::new(), Vec::new());
    Bench { calls, now, call, said, saved, place: place(call) }
}

/// Janus has been asked for both handles.
fn attaching() -> Bench {
    let mut bench = up();
    bench.is_placed();
    bench
}

/// Janus has been asked for both names.
fn registering() -> Bench {
    let mut bench = attaching();
    bench.is_attached(Side::Caller);
    bench.is_attached(Side::Callee);
    bench
}

/// Janus has been given the offer.
fn calling() -> Bench {
    let mut bench = up();
    bench.calls_bob();
    bench
}

/// Both sides know of the call.
fn ringing() -> Bench {
    let mut bench = up();
    bench.rings();
    bench
}

/// bob has accepted.
fn talking() -> Bench {
    let mut bench = ringing();
    bench.asks(Side::Callee, json!({"request": "accept"}), Some("answer"));
    bench.notifies(
        ALICE,
        json!({"event": "accepted", "username": bench.alias(Side::Callee)}),
        Some("answer"),
    );
    bench.replies(BOB, "accepted");
    bench
}

impl Bench {
    fn message(&self, body: Body) -> Message {
        Message { id: self.call.into(), ..Message::new(body) }
    }

    fn placing(&self) -> Message {
        self.message(Body::Place(Place { call: self.call, ..self.place.clone() }))
    }

    fn hears(&mut self, message: Message) -> Vec<String> {
        let acts = self.calls.on_message(message, AckGuard::default(), self.now);
        self.note(acts)
    }

    fn is_placed(&mut self) -> Vec<String> {
        self.hears(self.placing())
    }

    fn calls_bob(&mut self) {
        self.is_placed();
        self.is_attached(Side::Caller);
        self.is_attached(Side::Callee);
        self.replies(ALICE, "registered");
        self.replies(BOB, "registered");
    }

    fn rings(&mut self) {
        self.calls_bob();
        self.incoming();
        self.replies(ALICE, "calling");
    }

    fn is_placed_late(&mut self) -> Vec<String> {
        self.hears(Message { deadline: Some(Deadline(1)), ..self.placing() })
    }

    fn leg(&self, side: Side) -> LegRef {
        LegRef { call: self.call, side }
    }

    /// A client's request on its leg, under the transaction `t`.
    fn asks(&mut self, side: Side, body: Value, jsep: Option<&str>) -> Vec<String> {
        let message = self.request(side, body, jsep);
        self.hears(message)
    }

    fn request(&self, side: Side, body: Value, kind: Option<&str>) -> Message {
        let (leg, jsep) = (self.leg(side), kind.map(jsep));
        let transaction = Some("t".to_owned());
        Message::new(Body::Request(LegRequest { leg, transaction, body: raw(&body), jsep }))
    }

    fn trickles(&mut self, side: Side, candidates: &[&str]) -> Vec<String> {
        let candidates = candidates.iter().map(raw).collect();
        self.hears(Message::new(Body::Trickle(Trickle { leg: self.leg(side), candidates })))
    }

    fn hangs_up_core(&mut self, side: Side) -> Vec<String> {
        self.hears(Message::new(Body::Hangup(self.leg(side))))
    }

    fn is_gone(&mut self, side: Side) -> Vec<String> {
        self.hears(Message::new(Body::End(End { call: self.call, cause: EndCause::gone(side) })))
    }

    /// Janus says this.
    fn janus(&mut self, message: Value) -> Vec<String> {
        let acts = self.calls.on_janus(FromJanus::read(&message.to_string()), self.now);
        self.note(acts)
    }

    /// The transaction of the last request to Janus that was this.
    fn transaction(&self, was: impl Fn(&Value) -> bool) -> String {
        let request = self.said.iter().rev().find(|request| was(request)).expect("it was asked");
        request["transaction"].as_str().unwrap().to_owned()
    }

    /// Janus gives a side its handle.
    fn is_attached(&mut self, side: Side) -> Vec<String> {
        let attaches: Vec<&Value> = self.said.iter().filter(|it| it["janus"] == "attach").collect();
        let (place, id) = if side == Side::Caller { (0, ALICE) } else { (1, BOB) };
        let transaction = attaches[place]["transaction"].clone();
        self.janus(json!({"janus": "success", "transaction": transaction, "data": {"id": id}}))
    }

    fn last_message(&self, handle: u64) -> String {
        self.transaction(|it| it["janus"] == "message" && it["handle_id"] == handle)
    }

    /// Janus' plugin answers the last request of a handle with this event.
    fn replies(&mut self, handle: u64, event: &str) -> Vec<String> {
        self.answers(handle, json!({"result": {"event": event}}))
    }

    fn answers(&mut self, handle: u64, data: Value) -> Vec<String> {
        let transaction = self.last_message(handle);
        self.janus(json!({"janus": "event", "sender": handle, "transaction": transaction,
            "plugindata": {"data": data}}))
    }

    /// Janus' core refuses the last request of a handle.
    fn refuses(&mut self, handle: u64, code: u16) -> Vec<String> {
        let transaction = self.last_message(handle);
        self.janus(json!({"janus": "error", "transaction": transaction,
            "error": {"code": code, "reason": "no"}}))
    }

    fn notifies(&mut self, handle: u64, result: Value, kind: Option<&str>) -> Vec<String> {
        let mut event =
            json!({"janus": "event", "sender": handle, "plugindata": {"data": {"result": result}}});
        if let Some(kind) = kind {
            event["jsep"] = json!({"type": kind, "sdp": "v=0"});
        }
        self.janus(event)
    }

    fn incoming(&mut self) -> Vec<String> {
        let from = json!({"event": "incomingcall", "username": self.alias(Side::Caller)});
        self.notifies(BOB, from, Some("offer"))
    }

    /// A core event of a handle.
    fn core(&mut self, handle: u64, name: &str) -> Vec<String> {
        self.janus(json!({"janus": name, "sender": handle}))
    }

    fn core_hangup(&mut self, handle: u64, reason: &str) -> Vec<String> {
        self.janus(json!({"janus": "hangup", "sender": handle, "reason": reason}))
    }

    /// The plugin says to a handle that this side is gone.
    fn plugin_hangup(&mut self, handle: u64, gone: Side) -> Vec<String> {
        let gone = self.alias(gone);
        self.notifies(
            handle,
            json!({"event": "hangup", "username": gone, "reason": "Remote WebRTC hangup"}),
            None,
        )
    }

    /// Time passes, and what is due then is done.
    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        let acts = self.calls.on_timer(self.now);
        self.note(acts)
    }

    /// In how many milliseconds something is due.
    fn due_in(&self) -> Option<u128> {
        self.calls.next_timer().map(|due| (due - self.now).as_millis())
    }

    fn goes_down(&mut self) -> Vec<String> {
        let acts = self.calls.on_janus_down("The media server is gone", self.now);
        self.note(acts)
    }

    fn alias(&self, side: Side) -> String {
        let name = if side == Side::Caller { "caller" } else { "callee" };
        format!("{}-0-{name}", self.call)
    }

    fn note(&mut self, acts: Vec<Action>) -> Vec<String> {
        for act in &acts {
            match act {
                Action::SendToJanus(text) => self.said.push(serde_json::from_str(text).unwrap()),
                Action::SaveCall(save) => self.saved.push(save.state.clone()),
                _ => {}
            }
        }
        acts.iter().flat_map(format::action).collect()
    }

    /// Once all that is waited for has come or timed out, nothing is left.
    fn is_clean(&mut self) {
        self.after(super::transactions::JANUS_TIMEOUT);
        assert!(self.calls.is_empty(), "{:?}", self.calls);
    }
}

fn place(call: CallId) -> Place {
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
    Place { call, caller, callee, transaction, offer, proxy_side: None, timestamps: None }
}

fn jsep(kind: &str) -> Raw {
    raw(&json!({"type": kind, "sdp": "v=0"}))
}
