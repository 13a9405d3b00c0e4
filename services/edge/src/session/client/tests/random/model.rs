//! Connections with their sessions and handles, clients that ask for anything, and time.

use super::checker::Checker;
use super::cluster::{Cluster, displaced};
use super::takeover::Unwritten;
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
    away: bool,
}

/// All there is on the edge.
pub struct Model {
    start: Instant,
    /// The time of day.
    clock: Rc<Cell<u64>>,
    pub now: Instant,
    pub connections: Vec<Connection>,
    /// Which connection has a session.
    pub sessions: BTreeMap<SessionId, usize>,
    handles: Vec<HandleRef>,
    pub cluster: Cluster,
    pub checker: Checker,
    /// What is written down of each session.
    pub saved: BTreeMap<SessionId, String>,
    /// What came for a session lately.
    pub mailbox: BTreeMap<SessionId, VecDeque<Events>>,
    /// What is on its way by another road, and may come later.
    pub other_road: Vec<Events>,
    pub by_other_road: bool,
    /// What would be lost if the edge of a session died.
    pub unwritten: BTreeMap<SessionId, Unwritten>,
    asked: u64,
    bus_fails: bool,
    /// Handles that routers may have heard of.
    pub known: BTreeSet<HandleRef>,
    released: BTreeSet<HandleRef>,
    /// The calls that began for handles, and whether the handle was there.
    joined: BTreeMap<(HandleRef, CallId, bool), bool>,
    hung_up: BTreeSet<(CallId, bool)>,
}

impl Model {
    /// Two sessions with a handle each.
    pub fn new(stamped: bool) -> Self {
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
            cluster: Cluster::new(stamped),
            checker: Checker::new(stamped),
            saved: BTreeMap::new(),
            mailbox: BTreeMap::new(),
            other_road: Vec::new(),
            by_other_road: false,
            unwritten: BTreeMap::new(),
            asked: 0,
            bus_fails: false,
            known: BTreeSet::new(),
            released: BTreeSet::new(),
            joined: BTreeMap::new(),
            hung_up: BTreeSet::new(),
        };
        let connection = model.connects();
        for id in [SessionId(1), SessionId(2)] {
            model.connections[connection].client.add_created(id, None, model.now);
            model.sessions.insert(id, connection);
            model.attaches(id);
        }
        model
    }

    /// One thing happens.
    pub fn step(&mut self, what: u8, which: u8, how: u8) {
        let handle = self.handles.get(usize::from(which) % self.handles.len().max(1)).copied();
        match (what, handle) {
            (0..=11, Some(who)) => self.asks_plugin(who, what, how),
            (12, Some(who)) => self.asks_core(who, json!({"janus": "hangup"})),
            (13, Some(who)) if how < 48 => self.asks_core(who, json!({"janus": "detach"})),
            (13, Some(who)) => self.trickles(who, usize::from(how - 47)),
            (14, _) => self.session_step(which, how),
            (15..=22, _) => self.hear(|cluster| cluster.answers(which, how)),
            (23 | 24, Some(who)) => self.hear(|cluster| cluster.rings(who)),
            (25..=28, _) => self.hear(|cluster| cluster.goes_on(which, how)),
            (29, Some(who)) if how < 64 => self.hear(|_| Some(displaced(who))),
            (29, _) => self.bus_fails = how > 128,
            (30, _) => self.time_passes(Duration::from_millis(u64::from(how))),
            (32..=36, _) => self.moves_step(what, which, how),
            _ => self.time_passes(Duration::from_millis(u64::from(how) * 40)),
        }
    }

    /// Nothing comes any more: what began is kept or ended, and whoever still has a session has an
    /// answer to all it asked.
    pub fn settles(&mut self) {
        while self.arrives(0) {}
        self.sessions.keys().copied().collect::<Vec<_>>().into_iter().for_each(|id| self.is_written_down(id));
        self.time_passes(REQUEST_TIMEOUT / 2);
        for ((who, call, is_caller), was_there) in self.joined.clone() {
            let went = was_there && !self.handles.contains(&who) && self.released.contains(&who);
            let kept = self.checker.knew(who.handle.0, &call.to_string());
            let ended = self.hung_up.contains(&(call, is_caller));
            assert!(kept || ended || went, "call {call} was neither kept nor ended");
        }
        for _ in 0..70 {
            self.time_passes(REQUEST_TIMEOUT);
        }
        assert_eq!(self.checker.silence(), [""; 0], "never answered");
    }

    pub fn connects(&mut self) -> usize {
        self.connections.push(Connection { client: connected().client, away: false });
        self.connections.len() - 1
    }

    fn session_step(&mut self, which: u8, how: u8) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        let Some(id) = ids.get(usize::from(which) % ids.len().max(1)).copied() else { return };
        self.is_written_down(id);
        match how {
            0..64 => self.attaches(id),
            64..112 => self.drops(self.sessions[&id]),
            112..208 => self.claims(id),
            208..216 => drop(self.requests(id, 0, json!({"janus": "destroy"}))),
            _ => drop(self.requests(id, 0, json!({"janus": "keepalive"}))),
        }
    }

    fn attaches(&mut self, id: SessionId) {
        let reply = self.requests(id, 0, json!({"janus": "attach", "plugin": "janus.plugin.videocall"}));
        let Some(handle) = reply.and_then(|reply| reply["data"]["id"].as_u64()) else { return };
        self.handles.push(HandleRef { session: id, handle: HandleId(handle) });
    }

    fn drops(&mut self, connection: usize) {
        if !std::mem::replace(&mut self.connections[connection].away, true) {
            self.connections[connection].client.set_disconnected(self.now);
        }
    }

    /// Another socket claims the session.
    fn claims(&mut self, id: SessionId) {
        let to = self.connects();
        let from = self.sessions.insert(id, to).unwrap();
        let session = self.connections[from].client.surrender(id, self.now).unwrap();
        self.connections[to].client.add_claimed(session, self.now);
    }

    fn asks_plugin(&mut self, who: HandleRef, what: u8, how: u8) {
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
            self.asks_core(who, message);
        }
    }

    fn trickles(&mut self, who: HandleRef, count: usize) {
        let candidates: Vec<Value> = (0..count * 2).map(|number| json!({"number": number})).collect();
        self.asks_core(who, json!({"janus": "trickle", "candidates": candidates}));
    }

    fn asks_core(&mut self, who: HandleRef, mut request: Value) {
        request["handle_id"] = json!(who.handle.0);
        let detaches = request["janus"] == "detach";
        if detaches {
            self.is_written_down(who.session);
        }
        self.requests(who.session, who.handle.0, request);
        if !self.unwritten.contains_key(&who.session) {
            self.checker.is_bounded(who.handle.0);
        }
        if detaches && self.is_there(who.session) {
            self.is_gone(who);
        }
    }

    fn is_there(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|connection| !self.connections[*connection].away)
    }

    /// A client whose socket is there asks for something; the first thing it hears then.
    fn requests(&mut self, id: SessionId, handle: u64, mut request: Value) -> Option<Value> {
        if !self.is_there(id) {
            return None;
        }
        self.asked += 1;
        let transaction = format!("t{}", self.asked);
        request["transaction"] = json!(transaction);
        request["session_id"] = json!(id.0);
        self.checker.expects(&transaction, handle, &request);
        if let Some(unwritten) = self.unwritten.get_mut(&id) {
            unwritten.asked.push(transaction);
        }
        let (at, text) = (self.sessions[&id], request.to_string());
        let step = self.connections[at].client.on_request(LazyObject::parse(&text).unwrap(), self.now);
        self.does(at, step)
    }

    fn does(&mut self, at: usize, step: Outcome) -> Option<Value> {
        let (acts, over) = match step {
            Outcome::Perform(acts) | Outcome::AfterPersist(_, acts) => (acts, None),
            Outcome::End(id, acts) => (acts, Some(id)),
            other => panic!("its own session is there: {other:?}"),
        };
        let first = client_texts(&acts).first().map(|text| serde_json::from_str(text).unwrap());
        self.perform(at, acts);
        over.into_iter().for_each(|id| self.is_over(id));
        first
    }

    fn hear(&mut self, says: impl FnOnce(&mut Cluster) -> Option<Events>) {
        let Some(events) = says(&mut self.cluster) else { return };
        match self.by_other_road && events.sequence.is_some() {
            true => self.other_road.push(events),
            false => self.is_heard(events),
        }
    }

    pub fn is_heard(&mut self, events: Events) {
        let who = HandleRef { session: events.session, handle: events.handle };
        if let (Some(Change::Joined { side, .. }), Some(call)) = (&events.change, events.call) {
            let is_there = self.handles.contains(&who);
            self.joined.entry((who, call, *side == Side::Caller)).or_insert(is_there);
        }
        self.is_in_mailbox(&events);
        let at = self.sessions.get(&events.session).copied().unwrap_or(0);
        let acts = self.connections[at].client.on_events(events, self.now);
        self.perform(at, acts);
    }

    /// Time passes as it does: what is due is done when it is.
    fn time_passes(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let due = self.connections.iter().filter_map(|connection| connection.client.next_timer()).min();
            self.now = due.map_or(until, |due| due.max(self.now).min(until));
            self.clock.set((self.now - self.start).as_millis() as u64);
            for at in 0..self.connections.len() {
                let (over, acts) = self.connections[at].client.on_timer(self.now);
                self.perform(at, acts);
                over.into_iter().for_each(|id| self.is_over(id));
            }
            if due.is_none_or(|due| due > until) {
                return;
            }
        }
    }

    pub fn perform(&mut self, at: usize, acts: Vec<Action>) {
        let mut todo = VecDeque::from(acts);
        while let Some(act) = todo.pop_front() {
            self.is_perhaps_known(&act);
            match act {
                Action::SendToClient(id, text) => self.is_told(id, text),
                Action::Publish(_, message, who) if message.deadline.is_some() && self.bus_fails => {
                    self.bus_fails = false;
                    todo.extend(self.connections[at].client.on_send_failed(who, message.id, self.now));
                }
                Action::Publish(_, message, who) => self.is_sent(*message, who),
            }
        }
    }

    fn is_sent(&mut self, message: Message, who: HandleRef) {
        let knows_its_calls = !self.unwritten.contains_key(&who.session);
        let in_call = |leg: LegRef, checker: &mut Checker| {
            if !knows_its_calls {
                return;
            }
            assert_eq!(checker.talk(who.handle.0).call, Some(leg.call.to_string()), "{message:?}");
        };
        match &message.body {
            Body::Release(release) => {
                self.released.insert(release.who);
                if release.notify.is_some() {
                    self.cluster.is_asked(message, who);
                }
            }
            Body::Abandon(_) => {}
            Body::Hangup(leg) => drop(self.hung_up.insert((leg.call, leg.side == Side::Caller))),
            Body::Trickle(trickle) => {
                in_call(trickle.leg, &mut self.checker);
                assert!((1..=MAX_CANDIDATES).contains(&trickle.candidates.len()));
            }
            Body::Request(asks) if asks.transaction.is_none() => in_call(asks.leg, &mut self.checker),
            Body::Request(asks) => {
                in_call(asks.leg, &mut self.checker);
                self.cluster.is_asked(message, who);
            }
            _ => self.cluster.is_asked(message, who),
        }
    }

    /// Even what the bus seems not to take may have reached a router.
    fn is_perhaps_known(&mut self, act: &Action) {
        if let Action::Publish(_, message, who) = act {
            self.known.extend(matches!(message.body, Body::Register(_)).then_some(*who));
        }
    }

    fn is_over(&mut self, id: SessionId) {
        self.is_written_down(id);
        self.sessions.remove(&id);
        let over: Vec<HandleRef> = self.handles.iter().copied().filter(|who| who.session == id).collect();
        over.into_iter().for_each(|who| self.is_gone(who));
    }

    fn is_gone(&mut self, who: HandleRef) {
        self.handles.retain(|other| *other != who);
        self.checker.forget(who.handle.0);
        assert_eq!(self.released.contains(&who), self.known.contains(&who), "released if known");
    }
}
