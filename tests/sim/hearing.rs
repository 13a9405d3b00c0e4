//! What a client hears makes sense: each request is answered once, nothing comes twice or out of order,
//! a call begins, goes on and ends.

use super::cluster::GRACE;
use super::person::{Call, Client};
use super::socket::Socket;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::raw_websocket::Received;
use tokio::time::Instant;

/// A session may be over so much sooner than its client thinks.
const SLACK: Duration = Duration::from_secs(1);

impl Client {
    /// Takes in all that it has heard since it was last asked.
    pub fn listens(&mut self) {
        while let Some((at, heard)) = self.next_heard() {
            match heard {
                Received::Text(text) => self.hears(at, &text),
                _ => {
                    self.trace.note_at(at, self.name, "its socket is closed");
                    self.loses_socket(at);
                }
            }
        }
    }

    /// First what comes from the socket it claims its session from.
    fn next_heard(&mut self) -> Option<(Instant, Received)> {
        if let Some(former) = &mut self.former {
            match former.receive() {
                Some((at, text @ Received::Text(_))) => return Some((at, text)),
                Some(_) => self.former = None,
                None => {}
            }
        }
        self.socket.as_mut().and_then(Socket::receive)
    }

    fn hears(&mut self, at: Instant, text: &str) {
        self.trace.note_at(at, self.name, format_args!("< {text}"));
        let told: Value = serde_json::from_str(text).unwrap();
        let of = |key: &str| told[key].as_u64();
        if let Some(transaction) = told["transaction"].as_str() {
            self.is_answered(at, transaction, &told);
        }
        if of("session_id").is_some_and(|session| Some(session) != self.session) {
            return;
        }
        match (told["janus"].as_str().unwrap(), of("sender")) {
            ("timeout", _) => panic!("{}: its session ended, though it was there: {told}", self.name),
            (_, Some(sender)) if Some(sender) == self.handle => self.hears_of_call(at, &told),
            ("detached", Some(sender)) => assert!(self.gone.contains(&sender), "{told}"),
            (_, Some(sender)) => assert!(self.gone.contains(&sender), "{}: whose? {told}", self.name),
            _ => {}
        }
    }

    fn is_answered(&mut self, at: Instant, transaction: &str, told: &Value) {
        let again = self.may_come_again();
        let name = self.name;
        let Some(asked) = self.in_flight.get_mut(transaction) else { panic!("{name}: never asked: {told}") };
        match (told["janus"].as_str().unwrap(), asked.verb) {
            ("ack", "message") => {
                assert!(asked.answered.is_none_or(&again), "{name}: an ack after the answer: {told}");
                assert!(asked.acked.is_none_or(&again), "{name}: a second ack: {told}");
                asked.acked = Some(at);
            }
            (kind, verb) => {
                let unasked = kind == "event" && asked.acked.is_none() && !asked.excused;
                assert!(!unasked, "{name}: an answer without an ack: {told}");
                assert!(asked.answered.is_none_or(&again), "{name}: a second answer: {told}");
                asked.answered = Some(at);
                self.opens(verb, transaction, told);
            }
        }
    }

    /// Whether what was heard at that time may be heard again.
    fn may_come_again(&self) -> impl Fn(Instant) -> bool + use<> {
        let doubts = self.doubtful.clone();
        move |at| doubts.iter().any(|(from, to)| (*from..=*to).contains(&at))
    }

    fn opens(&mut self, verb: &str, transaction: &str, told: &Value) {
        if self.opening.take_if(|opening| opening == transaction).is_none() {
            return;
        }
        let (done, id) = (told["janus"] == "success", told["data"]["id"].as_u64());
        match verb {
            "create" => self.session = id,
            "attach" => self.handle = id,
            "claim" if done => (self.away, self.former) = (None, None),
            "claim" => self.is_refused(told),
            _ => {}
        }
    }

    fn is_refused(&mut self, told: &Value) {
        let away = self.away.map(|since| since.elapsed()).unwrap_or_default();
        if told["error"]["code"] != 458 {
            return self.loses_socket(Instant::now());
        }
        assert!(away + SLACK > GRACE, "{}: its session is gone after {away:?}: {told}", self.name);
        (self.socket, self.former) = (None, None);
        self.session_goes();
    }

    /// A call begins, goes on and ends, and only then the next begins.
    fn hears_of_call(&mut self, at: Instant, told: &Value) {
        let result = &told["plugindata"]["data"]["result"];
        let word = result["event"].as_str().or(told["janus"].as_str()).unwrap();
        let again = told["jsep"]["sdp"].as_str().is_some_and(|sdp| self.has_heard(at, sdp, told));
        let call = match word {
            "registered" => return self.registered = result["username"].as_str().map(str::to_owned),
            "unregistered" => return self.registered = None,
            _ if again => return,
            "calling" => Call::Calling,
            "incomingcall" => Call::Ringing,
            "accepted" => Call::Up,
            "hangup" if result.is_null() || told["transaction"].is_null() => Call::None,
            "update" => return self.hears_update(told),
            "trickle" | "webrtcup" | "media" => {
                return assert!(
                    self.call != Call::None || self.is_doubtful(),
                    "{} is in no call: {told}",
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
        assert!(fits || self.is_doubtful(), "{} is {:?}: {told}", self.name, self.call);
        if matches!(call, Call::Calling | Call::Ringing) {
            self.last_update = 0;
        }
        self.call = call;
    }

    /// Whether it has lately claimed its session from an edge that died or froze.
    fn is_doubtful(&self) -> bool {
        self.doubtful.iter().any(|(_, until)| until.elapsed() < GRACE)
    }

    fn has_heard(&mut self, at: Instant, sdp: &str, told: &Value) -> bool {
        let before = self.received.insert(sdp.to_owned(), at);
        let again = self.may_come_again();
        assert!(before.is_none_or(again), "{}: a second time: {told}", self.name);
        before.is_some()
    }

    fn hears_update(&mut self, told: &Value) {
        let sdp = told["jsep"]["sdp"].as_str().unwrap();
        let number = sdp.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap();
        let in_order = self.last_update < number || Instant::now() < self.disorder;
        assert!(self.call != Call::None && in_order, "{}: behind {}: {told}", self.name, self.last_update);
        self.last_update = number;
    }

    /// What it waits for, though it should have been answered long ago.
    pub fn waits_for(&self) -> Vec<String> {
        let open = self.in_flight.iter().filter(|(_, asked)| asked.answered.is_none() && !asked.excused);
        open.map(|(transaction, asked)| format!("{transaction} ({})", asked.verb)).collect()
    }

    /// Sends everything away that it has.
    pub fn leaves(&mut self) {
        if self.is_there() && self.session.is_some() {
            self.says("destroy", json!({}));
        }
    }
}
