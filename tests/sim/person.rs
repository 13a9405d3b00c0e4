//! A client at an edge of its own: what it asks, and whether what it hears makes sense.

use bus::message::Events;
use edge::access::Access;
use edge::act::Act;
use edge::client::{Client, Step};
use edge::options::Limits;
use protocol::object::Object;
use protocol::server_info::ServerInfo;
use protocol::{HandleId, HandleRef, MessageId, ServiceId, SessionId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const RECLAIM: Duration = Duration::from_secs(30);
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 9 RTP/SAVPF 0\r\n";

/// What was asked and what came of it.
#[derive(Default)]
struct Request {
    handle: u64,
    plugin: bool,
    acks: u32,
    answers: u32,
}

/// A client and its edge.
pub struct Person {
    pub name: &'static str,
    edge: ServiceId,
    client: Client,
    number: u64,
    session: Option<SessionId>,
    pub handle: Option<u64>,
    away: bool,
    requests: BTreeMap<String, Request>,
    /// Handles that are detached, and whose end it has not heard of.
    departing: BTreeSet<u64>,
    /// Whether its client takes the handle to be in a call.
    pub in_call: bool,
}

/// An offer or an answer.
pub fn jsep(kind: &str) -> Value {
    json!({"type": kind, "sdp": SDP})
}

fn connection(edge: &ServiceId) -> Client {
    let access = Access::default();
    let limits = Limits { session_timeout: None, reclaim_timeout: RECLAIM, max_sessions: 2, access };
    let info = ServerInfo {
        server_name: edge.to_string(),
        version_string: "0".to_owned(),
        session_timeout: 0,
        reclaim_session_timeout: 30,
        accepting_new_sessions: true,
        api_secret: false,
        auth_token: false,
    };
    Client::new(edge.clone(), Arc::new(limits), Arc::new(info))
}

impl Person {
    /// Somebody who has no session yet; sessions are numbered from here on.
    pub fn new(name: &'static str, number: u64) -> Self {
        let edge = ServiceId::from(name);
        let (client, requests) = (connection(&edge), BTreeMap::new());
        let (session, handle) = (None, None);
        Self {
            name,
            edge,
            client,
            number,
            session,
            handle,
            away: false,
            requests,
            departing: BTreeSet::new(),
            in_call: false,
        }
    }

    /// Its handle, wherever one is.
    pub fn who(&self) -> Option<HandleRef> {
        Some(HandleRef { session: self.session?, handle: HandleId(self.handle?) })
    }

    /// A new session with a handle, if there is none.
    pub fn begins(&mut self, now: Instant) -> Vec<Act> {
        if self.session.is_none() {
            (self.client, self.away) = (connection(&self.edge), false);
            self.number += 1;
            let session = SessionId(self.number);
            self.client.opened(session, None, now);
            self.session = Some(session);
        }
        match self.handle {
            Some(_) => Vec::new(),
            None => self.asks(json!({"janus": "attach", "plugin": "janus.plugin.videocall"}), now),
        }
    }

    /// Asks something, if the client is there.
    pub fn asks(&mut self, mut request: Value, now: Instant) -> Vec<Act> {
        let (Some(session), false) = (self.session, self.away) else { return Vec::new() };
        self.number += 1;
        let transaction = format!("{}{}", self.name, self.number);
        request["transaction"] = json!(transaction);
        request["session_id"] = json!(session.0);
        let verb = request["janus"].as_str().unwrap().to_owned();
        if let (Some(handle), false) = (self.handle, verb == "destroy") {
            request["handle_id"] = json!(handle);
        } else if verb != "attach" && verb != "destroy" {
            return Vec::new();
        }
        let handle = self.handle.unwrap_or_default();
        let asked = Request { handle, plugin: verb == "message", ..Request::default() };
        self.requests.insert(transaction, asked);
        let acts = self.is_done(&request.to_string(), now);
        self.after(&verb);
        acts
    }

    fn is_done(&mut self, request: &str, now: Instant) -> Vec<Act> {
        match self.client.on_request(Object::parse(request).unwrap(), now) {
            Step::Do(acts) | Step::End(_, acts) => acts,
            other => panic!("its own session is there: {other:?}"),
        }
    }

    fn after(&mut self, verb: &str) {
        match verb {
            "detach" => {
                self.departing.extend(self.handle);
                self.handle_goes();
            }
            "destroy" => self.session_goes(),
            _ => {}
        }
    }

    /// Nobody waits for what a handle was asked that is gone.
    fn handle_goes(&mut self) {
        self.in_call = false;
        if let Some(gone) = self.handle.take() {
            self.requests.retain(|_, asked| asked.handle != gone || !asked.plugin || asked.answers > 0);
        }
    }

    fn session_goes(&mut self) {
        self.handle_goes();
        self.departing.clear();
        self.session = None;
    }

    /// The socket is gone.
    pub fn drops(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.away, true) {
            self.client.went_away(now);
        }
    }

    /// The session is claimed from another socket.
    pub fn claims(&mut self, now: Instant) {
        let Some(session) = self.session else { return };
        let mut client = connection(&self.edge);
        client.claimed(self.client.surrender(session, now).unwrap(), now);
        (self.client, self.away) = (client, false);
    }

    /// Events from its edge's mailbox.
    pub fn on_events(&mut self, events: Events, now: Instant) -> Vec<Act> {
        self.client.on_events(events, now)
    }

    /// A message of this handle did not get on the bus.
    pub fn on_send_failed(&mut self, who: HandleRef, id: MessageId, now: Instant) -> Vec<Act> {
        self.client.on_send_failed(who, id, now)
    }

    /// When something is due.
    pub fn due(&self) -> Option<Instant> {
        self.client.due()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant) -> Vec<Act> {
        let (over, acts) = self.client.on_time(now);
        if !over.is_empty() {
            self.session_goes();
        }
        acts
    }

    /// Nothing is left that it waits for.
    pub fn waits_for_nothing(&self) {
        let open = self.requests.iter().filter(|(_, asked)| asked.answers == 0);
        let open: Vec<&String> = open.map(|(transaction, _)| transaction).collect();
        assert!(open.is_empty() && self.departing.is_empty(), "never heard: {open:?} {:?}", self.departing);
    }

    /// Its client is told this.
    pub fn hears(&mut self, text: &str) {
        let told: Value = serde_json::from_str(text).unwrap();
        if let Some(transaction) = told["transaction"].as_str() {
            self.is_answered(transaction, &told);
        }
        if self.handle.is_none() && told["data"]["id"].is_u64() {
            self.handle = told["data"]["id"].as_u64();
        }
        match told["sender"].as_u64() {
            Some(sender) if Some(sender) == self.handle => self.hears_of_call(&told),
            Some(sender) => {
                assert!(told["janus"] == "detached" && self.departing.remove(&sender), "it is gone: {told}");
            }
            None => {}
        }
    }

    fn is_answered(&mut self, transaction: &str, told: &Value) {
        let Some(asked) = self.requests.get_mut(transaction) else {
            return assert!(told["sender"] != json!(self.handle), "not asked, or long ago: {told}");
        };
        match (told["janus"].as_str().unwrap(), asked.plugin) {
            ("ack", true) => asked.acks += 1,
            ("event", true) => {
                assert_eq!(asked.acks, 1, "{told} without an ack");
                asked.answers += 1;
            }
            _ => asked.answers += 1,
        }
        let late = asked.plugin && told["janus"] == "ack" && asked.answers > 0;
        assert!(asked.acks <= 1 && asked.answers <= 1 && !late, "one ack, then one answer: {told}");
    }

    /// A call begins, goes on and ends, and only then the next begins.
    fn hears_of_call(&mut self, told: &Value) {
        let result = &told["plugindata"]["data"]["result"]["event"];
        let word = result.as_str().or(told["janus"].as_str()).unwrap();
        match word {
            "calling" | "incomingcall" => {
                assert!(!std::mem::replace(&mut self.in_call, true), "{} is in a call: {told}", self.name);
            }
            "accepted" | "update" | "trickle" | "webrtcup" | "media" => {
                assert!(self.in_call, "{} is in no call: {told}", self.name);
            }
            "hangup" if result.is_null() => self.in_call = false,
            _ => {}
        }
    }
}
