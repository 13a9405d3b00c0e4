//! The clients' ears: what each was told, and whether it could make sense of it.
//!
//! What routers and connectors say of a call carries a tag with the call, what it says of it, and a
//! number that grows; a core `hangup` without a tag is the edge's own, for an end that does not come.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One that is being done and sixty-four that wait.
const MAX_UNANSWERED: usize = 65;

/// What a client asked.
struct Request {
    handle: u64,
    /// A plugin request: it gets an `ack` and an answer.
    plugin: bool,
    with_jsep: bool,
    acks: u32,
    answers: u32,
    /// Nothing was written down of it when its edge died: perhaps nobody knows of it.
    lost: bool,
}

/// What a handle's client knows of its calls.
#[derive(Default)]
pub struct Talk {
    /// The call it is in.
    pub call: Option<String>,
    /// The calls it was in.
    over: BTreeSet<String>,
    /// The numbers of what it heard of this one.
    heard: BTreeSet<u64>,
}

/// All clients' ears.
#[derive(Default)]
pub struct Checker {
    requests: BTreeMap<String, Request>,
    talks: BTreeMap<u64, Talk>,
    gone: BTreeSet<u64>,
    /// What is said of calls is stamped: nothing of it may be heard twice.
    stamped: bool,
    detached: BTreeSet<u64>,
}

/// The tag of what is said about a call.
pub fn tag(call: impl ToString, kind: &str, number: u64) -> Value {
    json!([call.to_string(), kind, number])
}

impl Checker {
    /// Nothing was said yet.
    pub fn new(stamped: bool) -> Self {
        Self { stamped, ..Self::default() }
    }

    /// A request is about to be sent.
    pub fn expects(&mut self, transaction: &str, handle: u64, request: &Value) {
        let (plugin, with_jsep) = (request["janus"] == "message", !request["jsep"].is_null());
        let request = Request { handle, plugin, with_jsep, acks: 0, answers: 0, lost: false };
        self.requests.insert(transaction.to_owned(), request);
    }

    /// What was asked of a handle that is gone needs no answer.
    pub fn forget(&mut self, handle: u64) {
        self.gone.insert(handle);
        self.requests.retain(|_, request| request.handle != handle || request.answers > 0);
    }

    /// What a handle's client knows.
    pub fn talk(&mut self, handle: u64) -> &mut Talk {
        self.talks.entry(handle).or_default()
    }

    /// Whether a handle's client ever heard of this call.
    pub fn knew(&mut self, handle: u64, call: &str) -> bool {
        let talk = self.talk(handle);
        talk.call.as_deref() == Some(call) || talk.over.contains(call)
    }

    /// A client is told this.
    pub fn hears(&mut self, text: &str) {
        let told: Value = serde_json::from_str(text).unwrap();
        let transaction = told["transaction"].as_str();
        match told["janus"].as_str().unwrap() {
            "ack" | "success" | "error" => self.replied(transaction.unwrap(), &told),
            "event" => self.hears_event(transaction, &told),
            "detached" => assert!(self.detached.insert(told["sender"].as_u64().unwrap()), "twice: {told}"),
            "timeout" => {}
            _ => self.hears_of_call(&told, &told["tag"], false),
        }
    }

    fn replied(&mut self, transaction: &str, told: &Value) {
        let request = self.requests.get_mut(transaction).unwrap_or_else(|| panic!("not asked: {told}"));
        assert_eq!(request.answers, 0, "an answer before: {told}");
        match told["janus"].as_str().unwrap() {
            "ack" if request.plugin => request.acks += 1,
            "error" => {
                assert!(request.acks == 0 || !request.with_jsep, "an error comes instead of the ack: {told}");
                request.answers += 1;
            }
            _ => request.answers += 1,
        }
        assert!(request.acks <= 1, "two acks: {told}");
    }

    fn hears_event(&mut self, transaction: Option<&str>, told: &Value) {
        if let Some(transaction) = transaction {
            let request = self.requests.get_mut(transaction).unwrap_or_else(|| panic!("not asked: {told}"));
            let acked = request.lost || request.acks == 1;
            assert!(acked && request.answers == 0, "{} acks before {told}", request.acks);
            assert_eq!(told["sender"], request.handle);
            request.answers = 1;
        }
        self.hears_of_call(told, &told["plugindata"]["data"]["tag"], transaction.is_some());
    }

    fn hears_of_call(&mut self, told: &Value, tag: &Value, answers: bool) {
        let handle = told["sender"].as_u64().unwrap();
        assert!(!self.gone.contains(&handle), "the handle is gone: {told}");
        let request = told["transaction"].as_str().and_then(|transaction| self.requests.get(transaction));
        let lost = request.is_some_and(|request| request.lost);
        let talk = self.talk(handle);
        let (Some(call), Some(kind)) = (tag[0].as_str(), tag[1].as_str()) else {
            return talk.over.extend(talk.call.take_if(|_| !answers && told["janus"] == "hangup"));
        };
        if lost && kind != "joined" && talk.call.as_deref() != Some(call) {
            return;
        }
        assert!(!talk.over.contains(call), "of a call that is over: {told}");
        match kind {
            "joined" => talk.joins(call),
            "refused" => assert!(answers && talk.call.is_none(), "refused while in a call: {told}"),
            _ => {
                let again = talk.goes_on(call, kind, tag[2].as_u64().unwrap(), told);
                assert!(!(again && self.stamped), "heard twice: {told}");
            }
        }
    }

    /// The edge that was asked died.
    pub fn is_lost(&mut self, transaction: &str) {
        if let Some(request) = self.requests.get_mut(transaction) {
            request.lost = true;
        }
    }

    /// How many plugin requests of a handle have no answer yet.
    pub fn unanswered(&self, handle: u64) -> usize {
        let of_handle =
            |request: &&Request| request.handle == handle && request.answers == 0 && !request.lost;
        self.requests.values().filter(of_handle).count()
    }

    /// No handle keeps more than it should.
    pub fn is_bounded(&self, handle: u64) {
        assert!(self.unanswered(handle) <= MAX_UNANSWERED);
    }

    /// What still has no answer.
    pub fn silence(&self) -> Vec<&str> {
        let silent = self.requests.iter().filter(|(_, request)| request.answers == 0 && !request.lost);
        silent.map(|(transaction, _)| transaction.as_str()).collect()
    }
}

impl Talk {
    fn joins(&mut self, call: &str) {
        assert_eq!(self.call.replace(call.to_owned()), None, "in a call: {call}");
        self.heard.clear();
    }

    /// Whether it was heard before.
    fn goes_on(&mut self, call: &str, kind: &str, number: u64, told: &Value) -> bool {
        assert_eq!(self.call.as_deref(), Some(call), "of another call: {told}");
        let again = !self.heard.insert(number);
        assert!(again || self.heard.last() == Some(&number), "out of order: {told}");
        if kind == "left" {
            self.over.extend(self.call.take());
        }
        again
    }
}
