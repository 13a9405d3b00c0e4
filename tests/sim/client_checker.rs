//! Checks what a client receives: each request is answered once, nothing comes twice or out of order, and a
//! call begins, continues and ends.

use super::client::{Call, Client};
use super::cluster::GRACE;
use super::socket::Socket;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::raw_websocket::Received;
use tokio::time::Instant;

/// Tolerance for a session that ends before its client expects it.
const SLACK: Duration = Duration::from_secs(1);

impl Client {
    /// Checks all messages received since the last call.
    pub fn check_received(&mut self) {
        while let Some((at, received)) = self.next_received() {
            match received {
                Received::Text(text) => self.check(at, &text),
                _ => {
                    self.trace.note_at(at, self.name, "its socket is closed");
                    self.lose_socket(at);
                }
            }
        }
    }

    /// Messages on the former socket of a claimed session come first.
    fn next_received(&mut self) -> Option<(Instant, Received)> {
        if let Some(former_socket) = &mut self.former_socket {
            match former_socket.receive() {
                Some((at, text @ Received::Text(_))) => return Some((at, text)),
                Some(_) => self.former_socket = None,
                None => {}
            }
        }
        self.socket.as_mut().and_then(Socket::receive)
    }

    fn check(&mut self, at: Instant, text: &str) {
        self.trace.note_at(at, self.name, format_args!("< {text}"));
        let message: Value = serde_json::from_str(text).unwrap();
        let number = |key: &str| message[key].as_u64();
        if let Some(transaction) = message["transaction"].as_str() {
            self.check_reply(at, transaction, &message);
        }
        if number("session_id").is_some_and(|session| Some(session) != self.session) {
            return;
        }
        match (message["janus"].as_str().unwrap(), number("sender")) {
            ("timeout", _) => {
                panic!("{}: its session timed out while it was connected: {message}", self.name)
            }
            (_, Some(sender)) if Some(sender) == self.handle => self.check_call_event(at, &message),
            ("detached", Some(sender)) => assert!(self.ended.contains(&sender), "{message}"),
            (_, Some(sender)) => {
                assert!(self.ended.contains(&sender), "{}: unknown sender: {message}", self.name)
            }
            _ => {}
        }
    }

    fn check_reply(&mut self, at: Instant, transaction: &str, message: &Value) {
        let again = self.may_repeat();
        let name = self.name;
        let Some(request) = self.in_flight.get_mut(transaction) else {
            panic!("{name}: unknown transaction: {message}")
        };
        match (message["janus"].as_str().unwrap(), request.verb) {
            ("ack", "message") => {
                assert!(request.answered.is_none_or(&again), "{name}: an ack after the answer: {message}");
                assert!(request.acked.is_none_or(&again), "{name}: a second ack: {message}");
                request.acked = Some(at);
            }
            (kind, verb) => {
                let lacks_ack = kind == "event" && request.acked.is_none() && !request.excused;
                assert!(!lacks_ack, "{name}: an answer without an ack: {message}");
                assert!(request.answered.is_none_or(&again), "{name}: a second answer: {message}");
                request.answered = Some(at);
                self.finish_opening(verb, transaction, message);
            }
        }
    }

    /// Whether an event received at that time may be repeated.
    fn may_repeat(&self) -> impl Fn(Instant) -> bool + use<> {
        let windows = self.repeat_windows.clone();
        move |at| windows.iter().any(|(from, to)| (*from..=*to).contains(&at))
    }

    fn finish_opening(&mut self, verb: &str, transaction: &str, message: &Value) {
        if self.opening.take_if(|opening| opening == transaction).is_none() {
            return;
        }
        let (done, id) = (message["janus"] == "success", message["data"]["id"].as_u64());
        match verb {
            "create" => self.session = id,
            "attach" => self.handle = id,
            "claim" if done => (self.away, self.former_socket) = (None, None),
            "claim" => self.claim_refused(message),
            _ => {}
        }
    }

    fn claim_refused(&mut self, message: &Value) {
        let away = self.away.map(|since| since.elapsed()).unwrap_or_default();
        if message["error"]["code"] != 458 {
            return self.lose_socket(Instant::now());
        }
        assert!(away + SLACK > GRACE, "{}: its session is gone after {away:?}: {message}", self.name);
        (self.socket, self.former_socket) = (None, None);
        self.drop_session();
    }

    /// Checks that a call begins, continues and ends before the next one begins.
    fn check_call_event(&mut self, at: Instant, message: &Value) {
        let result = &message["plugindata"]["data"]["result"];
        let event = result["event"].as_str().or(message["janus"].as_str()).unwrap();
        let again = message["jsep"]["sdp"].as_str().is_some_and(|sdp| self.is_repeated(at, sdp, message));
        let call = match event {
            "registered" => return self.registered = result["username"].as_str().map(str::to_owned),
            "unregistered" => return self.registered = None,
            _ if again => return,
            "calling" => Call::Calling,
            "incomingcall" => Call::Ringing,
            "accepted" => Call::Up,
            "hangup" if result.is_null() || message["transaction"].is_null() => Call::None,
            "update" => return self.check_update(message),
            "trickle" | "webrtcup" | "media" => {
                return assert!(
                    self.call != Call::None || self.may_be_inconsistent(),
                    "{} is in no call: {message}",
                    self.name
                );
            }
            _ => return,
        };
        let fits = match call {
            Call::None => true,
            Call::Calling | Call::Ringing => self.call == Call::None,
            Call::Up => self.call != Call::None,
        };
        assert!(fits || self.may_be_inconsistent(), "{} is {:?}: {message}", self.name, self.call);
        if matches!(call, Call::Calling | Call::Ringing) {
            self.last_update = 0;
        }
        self.call = call;
    }

    /// Whether it has recently claimed its session from an edge that died or froze.
    fn may_be_inconsistent(&self) -> bool {
        self.repeat_windows.iter().any(|(_, until)| until.elapsed() < GRACE)
    }

    fn is_repeated(&mut self, at: Instant, sdp: &str, message: &Value) -> bool {
        let before = self.received.insert(sdp.to_owned(), at);
        let again = self.may_repeat();
        assert!(before.is_none_or(again), "{}: repeated: {message}", self.name);
        before.is_some()
    }

    fn check_update(&mut self, message: &Value) {
        let sdp = message["jsep"]["sdp"].as_str().unwrap();
        let number = sdp.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap();
        let in_order = self.last_update < number || Instant::now() < self.reordering_until;
        assert!(
            self.call != Call::None && in_order,
            "{}: after update {}: {message}",
            self.name,
            self.last_update
        );
        self.last_update = number;
    }

    /// The requests whose answers are overdue.
    pub fn overdue(&self) -> Vec<String> {
        let open =
            self.in_flight.iter().filter(|(_, request)| request.answered.is_none() && !request.excused);
        open.map(|(transaction, request)| format!("{transaction} ({})", request.verb)).collect()
    }

    /// Destroys its session and drops its socket.
    pub fn leave(&mut self) {
        if self.is_connected() && self.session.is_some() {
            self.send("destroy", json!({}));
        }
    }
}
