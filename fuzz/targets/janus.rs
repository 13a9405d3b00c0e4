//! Fuzzes what a connector reads from Janus: any messages while a call is set up, rings and is answered. Nothing may panic,
//! every request to Janus must be JSON, and at the end of the link nothing of the call may be left.
//!
//! An input is a list of lines. A digit makes Janus, or the clients, do what is next in a good call; other lines are
//! messages of Janus.

#![no_main]

use bus::ack_tracker::AckGuard;
use bus::message::{Address, Body, LegRef, LegRequest, Message, Party, Place};
use common::{BackendName, CallId, MessageId, ServiceId};
use connector::calls::action::Action;
use connector::calls::{Calls, CallsConfig};
use connector::janus::message::FromJanus;
use connector::options::{CallPolicy, Credentials};
use libfuzzer_sys::fuzz_target;
use protocol::{HandleId, Raw, SessionId, Side};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The session and the handles of the two sides on Janus.
const SESSION: u64 = 1;
const HANDLES: [u64; 2] = [11, 12];

fuzz_target!(|text: &str| {
    let mut call = FuzzedCall::place();
    for line in text.lines().take(64) {
        match line.parse::<u8>() {
            Ok(step) => call.step(step),
            Err(_) => call.janus(line),
        }
    }
    call.end();
});

struct FuzzedCall {
    calls: Calls,
    call: CallId,
    now: Instant,
    /// The requests to Janus without a reply.
    pending: Vec<Value>,
}

impl FuzzedCall {
    fn place() -> Self {
        let config = CallsConfig {
            backend: BackendName::from("a"),
            url: String::new(),
            policy: CallPolicy::default(),
            credentials: Credentials::default(),
        };
        let (now, call) = (Instant::now(), CallId::from(MessageId::fresh()));
        let mut calls = Calls::new(config, 1, now);
        calls.on_janus_up(SESSION);
        let party = |name: &str, session| {
            let address =
                Address { edge: ServiceId::from("edge-1"), session: SessionId(session), handle: HandleId(1) };
            Party { username: name.to_owned(), address: Some(address) }
        };
        let place = Place {
            call,
            caller: party("alice", 1),
            callee: party("bob", 2),
            transaction: "c".to_owned(),
            offer: Some(jsep("offer")),
            proxy_side: None,
            timestamps: None,
            request: None,
            fallback: None,
        };
        let mut this = Self { calls, call, now, pending: Vec::new() };
        let message = Message { id: call.into(), ..Message::new(Body::Place(place)) };
        let actions = this.calls.on_message(message, AckGuard::default(), now);
        this.perform(actions);
        this
    }

    /// Does one thing of a good call.
    fn step(&mut self, step: u8) {
        match step % 8 {
            0..4 => self.reply(),
            4 => self.notify(HANDLES[1], "incomingcall", Some("offer")),
            5 => self.notify(HANDLES[0], "accepted", Some("answer")),
            6 => {
                let leg = LegRef { call: self.call, side: Side::Callee };
                let (body, jsep) = (raw(&json!({"request": "accept"})), Some(jsep("answer")));
                let request = LegRequest { leg, transaction: Some("t".to_owned()), body, jsep };
                let message = Message::new(Body::Request(request));
                let actions = self.calls.on_message(message, AckGuard::default(), self.now);
                self.perform(actions);
            }
            _ => {
                self.now += Duration::from_millis(400);
                let actions = self.calls.on_timer(self.now);
                self.perform(actions);
            }
        }
    }

    /// Janus replies to its oldest request.
    fn reply(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let request = self.pending.remove(0);
        let (transaction, handle) = (&request["transaction"], &request["handle_id"]);
        let reply = match request["body"]["request"].as_str() {
            None if request["janus"] == "attach" => {
                let id = HANDLES[usize::from(!self.pending.iter().any(|other| other["janus"] == "attach"))];
                json!({"janus": "success", "transaction": transaction, "session_id": SESSION, "data": {"id": id}})
            }
            None => json!({"janus": "ack", "transaction": transaction}),
            Some(verb) => {
                let event = match verb {
                    "register" => "registered",
                    "call" => "calling",
                    verb => verb,
                };
                json!({"janus": "event", "sender": handle, "transaction": transaction,
                    "plugindata": {"data": {"result": {"event": event}}}})
            }
        };
        self.janus(&reply.to_string());
    }

    fn notify(&mut self, handle: u64, event: &str, kind: Option<&str>) {
        self.janus(
            &json!({"janus": "event", "sender": handle, "plugindata": {"data": {"result": {"event": event}}},
                "jsep": {"type": kind, "sdp": "v=0"}})
            .to_string(),
        );
    }

    fn janus(&mut self, text: &str) {
        let actions = self.calls.on_janus(FromJanus::read(text), self.now);
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::SendToJanus(text) => {
                    self.pending.push(serde_json::from_str(&text).expect("a request is JSON"));
                }
                Action::SendToEdge(_, events) => {
                    assert!(events.size() <= bus::MAX_PAYLOAD);
                    serde_json::to_string(&events).expect("events are JSON");
                }
                Action::EndCall(ended) => drop(serde_json::to_string(&ended.notices).expect("JSON")),
                Action::SaveCall(save) => self.take_over(&save.state),
                _ => {}
            }
        }
    }

    /// The next connector reads the state.
    fn take_over(&self, state: &str) {
        let saved: Value = serde_json::from_str(state).expect("a state is JSON");
        assert_eq!(saved["id"], json!(self.call));
    }

    fn end(&mut self) {
        let actions = self.calls.on_janus_down("The media server is gone", self.now);
        self.perform(actions);
        assert_eq!(self.calls.count(), 0);
    }
}

fn jsep(kind: &str) -> Raw {
    raw(&json!({"type": kind, "sdp": "v=0"}))
}

fn raw(value: &Value) -> Raw {
    RawValue::from_string(value.to_string()).expect("a value is JSON")
}
