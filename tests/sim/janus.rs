//! A media server: it does one request after the other as Janus would, but may refuse or forget one.

use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

const HUNG_UP: &str = "Remote WebRTC hangup";

#[derive(Default)]
struct Handle {
    name: String,
    peer: Option<u64>,
}

/// A media server, what it was asked, and what it says.
#[derive(Default)]
pub struct Janus {
    pub asked: VecDeque<Value>,
    pub says: VecDeque<Value>,
    handles: BTreeMap<u64, Handle>,
    last: u64,
}

impl Janus {
    /// Does what it was asked first.
    pub fn works(&mut self, how: u8) {
        let Some(request) = self.asked.pop_front() else { return };
        let handle = request["handle_id"].as_u64().unwrap_or_default();
        match (request["janus"].as_str().unwrap(), how) {
            ("detach", _) => self.detaches(handle),
            ("trickle", _) => self.core(self.peer_of(handle), json!({"janus": "trickle", "candidate": {}})),
            (_, 254..) => {}
            (_, 250..) => {
                self.says.push_back(json!({"janus": "error", "transaction": request["transaction"],
                "error": {"code": 490, "reason": "no"}}))
            }
            ("attach", _) => self.attaches(&request),
            _ => self.is_asked(handle, &request),
        }
    }

    fn attaches(&mut self, request: &Value) {
        self.last += 1;
        self.handles.insert(self.last, Handle::default());
        self.says.push_back(json!({"janus": "success", "transaction": request["transaction"],
            "data": {"id": self.last}}));
    }

    /// Whoever is in a call with this handle is left alone.
    fn detaches(&mut self, id: u64) {
        let handle = self.handles.remove(&id).expect("it is detached once");
        let Some(peer) = handle.peer.filter(|peer| self.handles.contains_key(peer)) else { return };
        self.handles.get_mut(&peer).unwrap().peer = None;
        self.tells(peer, json!({"event": "hangup", "username": handle.name, "reason": HUNG_UP}), None);
        self.core(Some(peer), json!({"janus": "hangup", "reason": "Close PC"}));
    }

    fn is_asked(&mut self, id: u64, request: &Value) {
        let body = &request["body"];
        let Some(handle) = self.handles.get_mut(&id) else { panic!("no such handle: {request}") };
        match body["request"].as_str().unwrap() {
            "register" => {
                handle.name = body["username"].as_str().unwrap().to_owned();
                self.answers(request, json!({"result": {"event": "registered"}}));
            }
            "call" => self.calls(id, request),
            "accept" => self.accepts(id, request),
            "set" => self.sets(id, request),
            other => panic!("a connector says no {other}"),
        }
    }

    fn calls(&mut self, id: u64, request: &Value) {
        let wanted =
            |(other, handle): (&u64, &Handle)| (handle.name == request["body"]["username"]).then_some(*other);
        let Some(callee) = self.handles.iter().find_map(wanted) else {
            return self.answers(request, json!({"error_code": 478, "error": "no"}));
        };
        let name = self.handles[&id].name.clone();
        for (one, other) in [(id, callee), (callee, id)] {
            let before = self.handles.get_mut(&one).unwrap().peer.replace(other);
            assert_eq!(before, None, "a handle is used for one call");
        }
        self.tells(callee, json!({"event": "incomingcall", "username": name}), Some("offer"));
        self.answers(request, json!({"result": {"event": "calling"}}));
    }

    fn accepts(&mut self, id: u64, request: &Value) {
        match (self.peer_of(id), request["jsep"].is_null()) {
            (None, _) => self.answers(request, json!({"error_code": 481, "error": "no"})),
            (_, true) => self.answers(request, json!({"error_code": 482, "error": "no"})),
            (Some(peer), false) => {
                self.tells(peer, json!({"event": "accepted", "username": "alias"}), Some("answer"));
                self.answers(request, json!({"result": {"event": "accepted"}}));
                self.core(Some(peer), json!({"janus": "webrtcup"}));
                self.core(Some(id), json!({"janus": "media", "receiving": true}));
            }
        }
    }

    fn sets(&mut self, id: u64, request: &Value) {
        if let (Some(peer), false) = (self.peer_of(id), request["jsep"].is_null()) {
            self.tells(peer, json!({"event": "update"}), Some("offer"));
        }
        self.answers(request, json!({"result": {"event": "set"}}));
    }

    /// A handle's PeerConnection breaks.
    pub fn breaks(&mut self, which: u8) {
        let in_call = |(id, handle): (&u64, &Handle)| handle.peer.is_some().then_some(*id);
        let handles: Vec<u64> = self.handles.iter().filter_map(in_call).collect();
        let Some(handle) = handles.get(usize::from(which) % handles.len().max(1)) else { return };
        let name = self.handles[handle].name.clone();
        if let Some(peer) = self.peer_of(*handle) {
            self.tells(peer, json!({"event": "hangup", "username": name, "reason": HUNG_UP}), None);
        }
        self.core(Some(*handle), json!({"janus": "hangup", "reason": "ICE failed"}));
    }

    /// It starts anew and has forgotten everything.
    pub fn restarts(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    /// How many handles there are.
    pub fn count(&self) -> usize {
        self.handles.len()
    }

    fn peer_of(&self, id: u64) -> Option<u64> {
        self.handles.get(&id)?.peer
    }

    fn core(&mut self, handle: Option<u64>, mut event: Value) {
        if let Some(handle) = handle {
            event["sender"] = json!(handle);
            self.says.push_back(event);
        }
    }

    fn tells(&mut self, handle: u64, result: Value, jsep: Option<&str>) {
        let mut event =
            json!({"janus": "event", "sender": handle, "plugindata": {"data": {"result": result}}});
        if let Some(kind) = jsep {
            event["jsep"] = json!({"type": kind, "sdp": "v=0"});
        }
        self.says.push_back(event);
    }

    fn answers(&mut self, request: &Value, data: Value) {
        self.says.push_back(json!({"janus": "event", "sender": request["handle_id"],
            "transaction": request["transaction"], "plugindata": {"data": data}}));
    }
}
