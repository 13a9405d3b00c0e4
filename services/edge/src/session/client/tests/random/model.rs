//! Connections with sessions and handles, clients that send any request, and time.

use super::checker::Checker;
use super::cluster::{Cluster, displaced};
use super::takeover::Unpersisted;
use crate::session::action::Action;
use crate::session::client::tests::{client_texts, connected};
use crate::session::client::{Client, Outcome};
use crate::session::handle::REQUEST_TIMEOUT;
use bus::message::{Body, Change, Events, LegRef, Message};
use common::{CallId, entropy};
use protocol::object::LazyObject;
use protocol::{HandleId, HandleRef, SessionId, Side};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 9 RTP/SAVPF 0\r\n";
const MAX_CANDIDATES: usize = 256;

pub struct Connection {
    pub client: Client,
    is_disconnected: bool,
}

/// The state of the simulated edges and clients.
pub struct Model {
    start: Instant,
    /// The wall clock, in unix milliseconds.
    clock: Rc<Cell<u64>>,
    pub now: Instant,
    pub connections: Vec<Connection>,
    /// Which connection has a session.
    pub sessions: BTreeMap<SessionId, usize>,
    handles: Vec<HandleRef>,
    pub cluster: Cluster,
    pub checker: Checker,
    /// The latest snapshot of each session.
    pub saved: BTreeMap<SessionId, String>,
    /// The latest events of each session.
    pub mailbox: BTreeMap<SessionId, VecDeque<Events>>,
    /// Events that are delivered later.
    pub delayed: Vec<Events>,
    pub is_delaying: bool,
    pub unpersisted: BTreeMap<SessionId, Unpersisted>,
    requests_sent: u64,
    bus_fails: bool,
    /// Handles that routers may know.
    pub recorded: BTreeSet<HandleRef>,
    released: BTreeSet<HandleRef>,
    /// The calls that began for handles, and whether the handle was attached.
    joined: BTreeMap<(HandleRef, CallId, bool), bool>,
    hung_up: BTreeSet<(CallId, bool)>,
}

impl Model {
    /// Two sessions with a handle each.
    pub fn new(sequenced: bool) -> Self {
        let start = Instant::now();
        let clock = Rc::new(Cell::new(0));
        let unix_millis = clock.clone();
        entropy::simulate(0, move || unix_millis.get());
        let mut model = Self {
            start,
            clock,
            now: start,
            connections: Vec::new(),
            sessions: BTreeMap::new(),
            handles: Vec::new(),
            cluster: Cluster::new(sequenced),
            checker: Checker::new(sequenced),
            saved: BTreeMap::new(),
            mailbox: BTreeMap::new(),
            delayed: Vec::new(),
            is_delaying: false,
            unpersisted: BTreeMap::new(),
            requests_sent: 0,
            bus_fails: false,
            recorded: BTreeSet::new(),
            released: BTreeSet::new(),
            joined: BTreeMap::new(),
            hung_up: BTreeSet::new(),
        };
        let connection = model.connect();
        for id in [SessionId(1), SessionId(2)] {
            model.connections[connection].client.add_created(id, None, model.now);
            model.sessions.insert(id, connection);
            model.attach(id);
        }
        model
    }

    /// One random event.
    pub fn step(&mut self, what: u8, which: u8, how: u8) {
        let handle = self.handles.get(usize::from(which) % self.handles.len().max(1)).copied();
        match (what, handle) {
            (0..=11, Some(who)) => self.send_plugin_request(who, what, how),
            (12, Some(who)) => self.send_core_request(who, json!({"janus": "hangup"})),
            (13, Some(who)) if how < 48 => self.send_core_request(who, json!({"janus": "detach"})),
            (13, Some(who)) => self.trickle(who, usize::from(how - 47)),
            (14, _) => self.session_step(which, how),
            (15..=22, _) => self.deliver_from(|cluster| cluster.reply(which, how)),
            (23 | 24, Some(who)) => self.deliver_from(|cluster| cluster.ring(who)),
            (25..=28, _) => self.deliver_from(|cluster| cluster.continue_call(which, how)),
            (29, Some(who)) if how < 64 => self.deliver_from(|_| Some(displaced(who))),
            (29, _) => self.bus_fails = how > 128,
            (30, _) => self.advance(Duration::from_millis(u64::from(how))),
            (32..=36, _) => self.takeover_step(what, which, how),
            _ => self.advance(Duration::from_millis(u64::from(how) * 40)),
        }
    }

    /// Lets everything finish: each call was kept or has ended, and each request of a remaining session has a reply.
    pub fn settle(&mut self) {
        while self.deliver_delayed(0) {}
        self.sessions.keys().copied().collect::<Vec<_>>().into_iter().for_each(|id| self.persist(id));
        self.advance(REQUEST_TIMEOUT / 2);
        for ((who, call, is_caller), was_attached) in self.joined.clone() {
            let is_released = was_attached && !self.handles.contains(&who) && self.released.contains(&who);
            let is_kept = self.checker.has_had_call(who.handle.0, &call.to_string());
            let ended = self.hung_up.contains(&(call, is_caller));
            assert!(is_kept || ended || is_released, "call {call} was neither kept nor ended");
        }
        for _ in 0..70 {
            self.advance(REQUEST_TIMEOUT);
        }
        assert_eq!(self.checker.unanswered_requests(), [""; 0], "without a reply");
    }

    pub fn connect(&mut self) -> usize {
        self.connections.push(Connection { client: connected().client, is_disconnected: false });
        self.connections.len() - 1
    }

    fn session_step(&mut self, which: u8, how: u8) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        let Some(id) = ids.get(usize::from(which) % ids.len().max(1)).copied() else { return };
        self.persist(id);
        match how {
            0..64 => self.attach(id),
            64..112 => self.disconnect(self.sessions[&id]),
            112..208 => self.claim(id),
            208..216 => drop(self.request(id, 0, json!({"janus": "destroy"}))),
            _ => drop(self.request(id, 0, json!({"janus": "keepalive"}))),
        }
    }

    fn attach(&mut self, id: SessionId) {
        let reply = self.request(id, 0, json!({"janus": "attach", "plugin": "janus.plugin.videocall"}));
        let Some(handle) = reply.and_then(|reply| reply["data"]["id"].as_u64()) else { return };
        self.handles.push(HandleRef { session: id, handle: HandleId(handle) });
    }

    fn disconnect(&mut self, connection: usize) {
        if !std::mem::replace(&mut self.connections[connection].is_disconnected, true) {
            self.connections[connection].client.set_disconnected(self.now);
        }
    }

    /// Another connection claims the session.
    fn claim(&mut self, id: SessionId) {
        let to = self.connect();
        let from = self.sessions.insert(id, to).unwrap();
        let session = self.connections[from].client.surrender(id, self.now).unwrap();
        self.connections[to].client.add_claimed(session, self.now);
    }

    fn send_plugin_request(&mut self, who: HandleRef, what: u8, how: u8) {
        let request = match what {
            0 | 1 => json!({"request": "register", "username": "alice"}),
            2..=4 => json!({"request": "call", "username": "bob"}),
            5 | 6 => json!({"request": "accept"}),
            7 => json!({"request": "set", "bitrate": how}),
            8 => json!({"request": "hangup"}),
            9 => json!({"request": "list"}),
            10 => json!({"request": "exists", "username": "bob"}),
            _ => json!({"request": "dance"}),
        };
        let with = [Value::Null, "offer".into(), "answer".into(), Value::Null];
        let times = if how > 250 { 70 } else { 1 };
        for _ in 0..times {
            let kind = &with[usize::from(how / 2) % with.len()];
            let mut message = json!({"janus": "message", "body": request});
            if !kind.is_null() {
                message["jsep"] = json!({"type": kind, "sdp": SDP});
            }
            self.send_core_request(who, message);
        }
    }

    fn trickle(&mut self, who: HandleRef, count: usize) {
        let candidates: Vec<Value> = (0..count * 2).map(|number| json!({"number": number})).collect();
        self.send_core_request(who, json!({"janus": "trickle", "candidates": candidates}));
    }

    fn send_core_request(&mut self, who: HandleRef, mut request: Value) {
        request["handle_id"] = json!(who.handle.0);
        let is_detach = request["janus"] == "detach";
        if is_detach {
            self.persist(who.session);
        }
        self.request(who.session, who.handle.0, request);
        if !self.unpersisted.contains_key(&who.session) {
            self.checker.assert_bounded(who.handle.0);
        }
        if is_detach && self.is_connected(who.session) {
            self.remove_handle(who);
        }
    }

    fn is_connected(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|connection| !self.connections[*connection].is_disconnected)
    }

    /// A connected client sends a request; returns the first message that follows.
    fn request(&mut self, id: SessionId, handle: u64, mut request: Value) -> Option<Value> {
        if !self.is_connected(id) {
            return None;
        }
        self.requests_sent += 1;
        let transaction = format!("t{}", self.requests_sent);
        request["transaction"] = json!(transaction);
        request["session_id"] = json!(id.0);
        self.checker.expects(&transaction, handle, &request);
        if let Some(unpersisted) = self.unpersisted.get_mut(&id) {
            unpersisted.requests.push(transaction);
        }
        let (at, text) = (self.sessions[&id], request.to_string());
        let outcome = self.connections[at].client.on_request(LazyObject::parse(&text).unwrap(), self.now);
        self.handle_outcome(at, outcome)
    }

    fn handle_outcome(&mut self, at: usize, outcome: Outcome) -> Option<Value> {
        let (actions, ended) = match outcome {
            Outcome::Perform(actions) | Outcome::AfterPersist(_, actions) => (actions, None),
            Outcome::End(id, actions) => (actions, Some(id)),
            other => panic!("the session is its own: {other:?}"),
        };
        let first = client_texts(&actions).first().map(|text| serde_json::from_str(text).unwrap());
        self.perform(at, actions);
        ended.into_iter().for_each(|id| self.end_session(id));
        first
    }

    fn deliver_from(&mut self, next: impl FnOnce(&mut Cluster) -> Option<Events>) {
        let Some(events) = next(&mut self.cluster) else { return };
        if self.is_delaying && events.sequence.is_some() {
            self.delayed.push(events);
        } else {
            self.deliver(events);
        }
    }

    pub fn deliver(&mut self, events: Events) {
        let who = HandleRef { session: events.session, handle: events.handle };
        if let (Some(Change::Joined { side, .. }), Some(call)) = (&events.change, events.call) {
            let is_attached = self.handles.contains(&who);
            self.joined.entry((who, call, *side == Side::Caller)).or_insert(is_attached);
        }
        self.record_in_mailbox(&events);
        let at = self.sessions.get(&events.session).copied().unwrap_or(0);
        let actions = self.connections[at].client.on_events(events, self.now);
        self.perform(at, actions);
    }

    /// Lets time pass, and runs each timer when it is due.
    fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let due = self.connections.iter().filter_map(|connection| connection.client.next_timer()).min();
            self.now = due.map_or(until, |due| due.max(self.now).min(until));
            self.clock.set((self.now - self.start).as_millis() as u64);
            for at in 0..self.connections.len() {
                let (ended, actions) = self.connections[at].client.on_timer(self.now);
                self.perform(at, actions);
                ended.into_iter().for_each(|id| self.end_session(id));
            }
            if due.is_none_or(|due| due > until) {
                return;
            }
        }
    }

    pub fn perform(&mut self, at: usize, actions: Vec<Action>) {
        let mut remaining = VecDeque::from(actions);
        while let Some(action) = remaining.pop_front() {
            self.note_registration(&action);
            match action {
                Action::SendToClient(id, text) => self.on_client_message(id, text),
                Action::Publish(_, message, who) if message.deadline.is_some() && self.bus_fails => {
                    self.bus_fails = false;
                    remaining.extend(self.connections[at].client.on_send_failed(who, message.id, self.now));
                }
                Action::Publish(_, message, who) => self.on_publish(*message, who),
            }
        }
    }

    fn on_publish(&mut self, message: Message, who: HandleRef) {
        let is_persisting = !self.unpersisted.contains_key(&who.session);
        let in_call = |leg: LegRef, checker: &mut Checker| {
            if !is_persisting {
                return;
            }
            assert_eq!(checker.view(who.handle.0).call, Some(leg.call.to_string()), "{message:?}");
        };
        match &message.body {
            Body::Release(release) => {
                self.released.insert(release.who);
                if release.notify.is_some() {
                    self.cluster.on_request(message, who);
                }
            }
            Body::Abandon(_) => {}
            Body::Hangup(leg) => drop(self.hung_up.insert((leg.call, leg.side == Side::Caller))),
            Body::Trickle(trickle) => {
                in_call(trickle.leg, &mut self.checker);
                assert!((1..=MAX_CANDIDATES).contains(&trickle.candidates.len()));
            }
            Body::Request(request) if request.transaction.is_none() => {
                in_call(request.leg, &mut self.checker)
            }
            Body::Request(request) => {
                in_call(request.leg, &mut self.checker);
                self.cluster.on_request(message, who);
            }
            _ => self.cluster.on_request(message, who),
        }
    }

    /// Even a message that the bus seems not to take may reach a router.
    fn note_registration(&mut self, action: &Action) {
        if let Action::Publish(_, message, who) = action {
            self.recorded.extend(matches!(message.body, Body::Register(_)).then_some(*who));
        }
    }

    fn end_session(&mut self, id: SessionId) {
        self.persist(id);
        self.sessions.remove(&id);
        let ended: Vec<HandleRef> = self.handles.iter().copied().filter(|who| who.session == id).collect();
        ended.into_iter().for_each(|who| self.remove_handle(who));
    }

    fn remove_handle(&mut self, who: HandleRef) {
        self.handles.retain(|other| *other != who);
        self.checker.remove_handle(who.handle.0);
        assert_eq!(self.released.contains(&who), self.recorded.contains(&who), "released if recorded");
    }
}
