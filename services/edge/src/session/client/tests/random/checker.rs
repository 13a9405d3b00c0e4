//! Checks what each client receives: replies, acks, and the order of calls and of their events.
//!
//! The events of routers and connectors carry a tag with the call, the kind of event and an increasing number. A core
//! `hangup` without a tag comes from the edge itself, for an end that is lost.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One in flight and sixty-four in the queue.
const MAX_UNANSWERED: usize = 65;

/// A request of a client.
struct Request {
    handle: u64,
    /// A plugin request, which gets an `ack` and a reply.
    plugin: bool,
    with_jsep: bool,
    acks: u32,
    replies: u32,
    /// It was not persisted when its edge died, and may be unknown.
    lost: bool,
}

/// The calls of a handle, as its client sees them.
#[derive(Default)]
pub struct CallView {
    /// The current one.
    pub call: Option<String>,
    ended: BTreeSet<String>,
    /// The numbers of the events of the current call.
    received: BTreeSet<u64>,
}

/// What all clients have received.
#[derive(Default)]
pub struct Checker {
    requests: BTreeMap<String, Request>,
    views: BTreeMap<u64, CallView>,
    gone: BTreeSet<u64>,
    /// The events of calls have sequence numbers, so none may come twice.
    sequenced: bool,
    detached: BTreeSet<u64>,
}

/// The tag of an event.
pub fn tag(call: impl ToString, kind: &str, number: u64) -> Value {
    json!([call.to_string(), kind, number])
}

impl Checker {
    pub fn new(sequenced: bool) -> Self {
        Self { sequenced, ..Self::default() }
    }

    pub fn expects(&mut self, transaction: &str, handle: u64, request: &Value) {
        let (plugin, with_jsep) = (request["janus"] == "message", !request["jsep"].is_null());
        let expected = Request { handle, plugin, with_jsep, acks: 0, replies: 0, lost: false };
        self.requests.insert(transaction.to_owned(), expected);
    }

    /// The handle is gone: its requests need no reply.
    pub fn remove_handle(&mut self, handle: u64) {
        self.gone.insert(handle);
        self.requests.retain(|_, request| request.handle != handle || request.replies > 0);
    }

    pub fn view(&mut self, handle: u64) -> &mut CallView {
        self.views.entry(handle).or_default()
    }

    /// Whether the client of a handle has ever had this call.
    pub fn has_had_call(&mut self, handle: u64, call: &str) -> bool {
        let view = self.view(handle);
        view.call.as_deref() == Some(call) || view.ended.contains(call)
    }

    /// A client receives a message.
    pub fn on_message(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        let transaction = message["transaction"].as_str();
        match message["janus"].as_str().unwrap() {
            "ack" | "success" | "error" => self.on_reply(transaction.unwrap(), &message),
            "event" => self.on_event(transaction, &message),
            "detached" => {
                assert!(self.detached.insert(message["sender"].as_u64().unwrap()), "twice: {message}")
            }
            "timeout" => {}
            _ => self.on_call_event(&message, &message["tag"], false),
        }
    }

    fn on_reply(&mut self, transaction: &str, message: &Value) {
        let request =
            self.requests.get_mut(transaction).unwrap_or_else(|| panic!("no such request: {message}"));
        assert_eq!(request.replies, 0, "a second reply: {message}");
        match message["janus"].as_str().unwrap() {
            "ack" if request.plugin => request.acks += 1,
            "error" => {
                assert!(request.acks == 0 || !request.with_jsep, "an error must replace the ack: {message}");
                request.replies += 1;
            }
            _ => request.replies += 1,
        }
        assert!(request.acks <= 1, "two acks: {message}");
    }

    fn on_event(&mut self, transaction: Option<&str>, message: &Value) {
        if let Some(transaction) = transaction {
            let request =
                self.requests.get_mut(transaction).unwrap_or_else(|| panic!("no such request: {message}"));
            let acked = request.lost || request.acks == 1;
            assert!(acked && request.replies == 0, "{} acks before {message}", request.acks);
            assert_eq!(message["sender"], request.handle);
            request.replies = 1;
        }
        self.on_call_event(message, &message["plugindata"]["data"]["tag"], transaction.is_some());
    }

    fn on_call_event(&mut self, message: &Value, tag: &Value, replies: bool) {
        let handle = message["sender"].as_u64().unwrap();
        assert!(!self.gone.contains(&handle), "the handle is gone: {message}");
        let request = message["transaction"].as_str().and_then(|transaction| self.requests.get(transaction));
        let lost = request.is_some_and(|request| request.lost);
        let view = self.view(handle);
        let (Some(call), Some(kind)) = (tag[0].as_str(), tag[1].as_str()) else {
            return view.ended.extend(view.call.take_if(|_| !replies && message["janus"] == "hangup"));
        };
        if lost && kind != "joined" && view.call.as_deref() != Some(call) {
            return;
        }
        assert!(!view.ended.contains(call), "of an ended call: {message}");
        match kind {
            "joined" => view.on_joined(call),
            "refused" => assert!(replies && view.call.is_none(), "refused while in a call: {message}"),
            _ => {
                let is_repeated = view.on_update(call, kind, tag[2].as_u64().unwrap(), message);
                assert!(!(is_repeated && self.sequenced), "received twice: {message}");
            }
        }
    }

    /// The edge died that had this request.
    pub fn mark_lost(&mut self, transaction: &str) {
        if let Some(request) = self.requests.get_mut(transaction) {
            request.lost = true;
        }
    }

    /// How many requests of a handle have no reply yet.
    pub fn unanswered(&self, handle: u64) -> usize {
        let of_handle =
            |request: &&Request| request.handle == handle && request.replies == 0 && !request.lost;
        self.requests.values().filter(of_handle).count()
    }

    pub fn assert_bounded(&self, handle: u64) {
        assert!(self.unanswered(handle) <= MAX_UNANSWERED);
    }

    /// The transactions without a reply.
    pub fn unanswered_requests(&self) -> Vec<&str> {
        let unanswered = self.requests.iter().filter(|(_, request)| request.replies == 0 && !request.lost);
        unanswered.map(|(transaction, _)| transaction.as_str()).collect()
    }
}

impl CallView {
    fn on_joined(&mut self, call: &str) {
        assert_eq!(self.call.replace(call.to_owned()), None, "in a call: {call}");
        self.received.clear();
    }

    /// Returns whether the event has come before.
    fn on_update(&mut self, call: &str, kind: &str, number: u64, message: &Value) -> bool {
        assert_eq!(self.call.as_deref(), Some(call), "of another call: {message}");
        let is_repeated = !self.received.insert(number);
        assert!(is_repeated || self.received.last() == Some(&number), "out of order: {message}");
        if kind == "left" {
            self.ended.extend(self.call.take());
        }
        is_repeated
    }
}
