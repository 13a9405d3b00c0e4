//! Sessions and handles of a fake Janus: requests in, messages out, without I/O or clock.

use super::envelope::{Connection, CoreFailure, Request, server_info, text, wrong_path};
use super::fault::Fault;
use crate::message::{PROBE, VIDEOCALL};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A message and its connection.
pub(super) struct Outgoing {
    pub(super) to: Connection,
    pub(super) message: Value,
}

/// A plugin handle, with its state in the VideoCall plugin and in the core.
pub(super) struct Handle {
    pub(super) session: u64,
    pub(super) username: Option<String>,
    /// The other handle of its call.
    pub(super) peer: Option<u64>,
    /// Whether it has a PeerConnection.
    pub(super) connected: bool,
}

/// The state of a Janus.
#[derive(Default)]
pub(super) struct Core {
    /// Whether the plugin sends no events.
    pub(super) frozen: bool,
    pub(super) fault: Option<Fault>,
    /// Whether `create` is refused.
    pub(super) refuses_sessions: bool,
    pub(super) handles: BTreeMap<u64, Handle>,
    /// The handle of each registered username.
    pub(super) names: BTreeMap<String, u64>,
    /// The connection of each session.
    pub(super) owners: BTreeMap<u64, Connection>,
    /// The sessions with which connectors probe the plugin; counted separately.
    probes: BTreeSet<u64>,
    ids: u64,
    /// Whether requests are not kept.
    pub(super) discards_requests: bool,
    requests: Vec<Value>,
    outbox: Vec<Outgoing>,
}

impl Core {
    /// Handles a text; returns the resulting messages, in order.
    pub(super) fn handle_text(&mut self, from: Connection, text: &str) -> Vec<Outgoing> {
        match serde_json::from_str::<Value>(text) {
            Ok(request) => self.handle_json(from, request),
            Err(error) => {
                self.refuse(from, &Value::Null, (454, format!("Invalid Janus API request - {error}")))
            }
        }
        std::mem::take(&mut self.outbox)
    }

    /// Loses all state. Ids are not reused, because those of a real Janus are random.
    pub(super) fn reset(&mut self) {
        *self = Self { ids: self.ids, discards_requests: self.discards_requests, ..Self::default() };
    }

    fn handle_json(&mut self, from: Connection, request: Value) {
        if let Err(failure) = self.handle_request(from, &request) {
            self.refuse(from, &request, failure);
        }
        if !self.discards_requests {
            self.requests.push(request);
        }
    }

    fn handle_request(&mut self, from: Connection, body: &Value) -> Result<(), CoreFailure> {
        let request = Request::parse(from, body)?;
        self.check_ids(&request)?;
        match (request.kind.as_str(), request.session, request.handle) {
            ("info", 0, _) => self.reply(from, body, "server_info", server_info(!self.refuses_sessions)),
            ("ping", 0, _) => self.reply(from, body, "pong", json!({})),
            ("create", 0, _) => self.create(&request)?,
            (kind, 0, _) => return Err(wrong_path(kind)),
            ("keepalive", ..) => self.reply(from, body, "ack", json!({})),
            ("claim", session, _) => self.claim(&request, session),
            ("destroy", session, 0) => self.destroy(&request, session),
            ("attach", session, 0) => self.attach(&request, session)?,
            ("detach", _, handle) if handle != 0 => self.detach(&request),
            ("hangup", _, handle) if handle != 0 => self.hangup(&request),
            ("message", _, handle) if handle != 0 => self.message(&request)?,
            ("trickle", _, handle) if handle != 0 => self.trickle(&request)?,
            ("destroy" | "attach" | "detach" | "hangup" | "message" | "trickle", ..) => {
                return Err(wrong_path(&request.kind));
            }
            _ => return Err((453, format!("Unknown request '{}'", request.kind))),
        }
        Ok(())
    }

    /// Checks that session and handle exist.
    fn check_ids(&self, request: &Request) -> Result<(), CoreFailure> {
        let &Request { session, handle, .. } = request;
        if session != 0 && !self.owners.contains_key(&session) {
            return Err((458, format!("No such session {session}")));
        }
        if handle != 0 && self.handles.get(&handle).is_none_or(|it| it.session != session) {
            return Err((459, format!("No such handle {handle} in session {session}")));
        }
        Ok(())
    }

    fn create(&mut self, request: &Request) -> Result<(), CoreFailure> {
        if self.refuses_sessions {
            return Err((472, "Currently not accepting new sessions".to_owned()));
        }
        let session = self.fresh_id();
        self.owners.insert(session, request.from);
        self.reply(request.from, request.body, "success", json!({"data": {"id": session}}));
        Ok(())
    }

    fn claim(&mut self, request: &Request, session: u64) {
        self.owners.insert(session, request.from);
        self.reply(request.from, request.body, "success", json!({}));
    }

    fn destroy(&mut self, request: &Request, session: u64) {
        self.reply(request.from, request.body, "success", json!({}));
        self.end(session);
    }

    fn end(&mut self, session: u64) {
        // First, because an ended session receives no events.
        self.owners.remove(&session);
        let handles = self.handles.iter().filter(|(_, handle)| handle.session == session);
        let handles: Vec<u64> = handles.map(|(&id, _)| id).collect();
        for handle in handles {
            self.remove(handle);
        }
    }

    /// Ends the sessions of a closed connection.
    pub(super) fn end_sessions_of(&mut self, connection: Connection) {
        let ended = self.owners.iter().filter(|(_, owner)| **owner == connection);
        let ended: Vec<u64> = ended.map(|(&session, _)| session).collect();
        for session in ended {
            self.end(session);
        }
        self.outbox.clear();
    }

    fn attach(&mut self, request: &Request, session: u64) -> Result<(), CoreFailure> {
        match text(request.body, "plugin")? {
            VIDEOCALL => {}
            other => return Err((460, format!("No such plugin '{other}'"))),
        }
        if request.body["opaque_id"] == PROBE {
            self.probes.insert(session);
        }
        match self.fault {
            Some(Fault::RefuseAttach(code)) => return Err((code, "Couldn't attach to plugin".to_owned())),
            Some(Fault::IgnoreAttach) => return Ok(()),
            _ => {}
        }
        let id = self.fresh_id();
        self.handles.insert(id, Handle { session, username: None, peer: None, connected: false });
        self.reply(request.from, request.body, "success", json!({"data": {"id": id}}));
        Ok(())
    }

    fn detach(&mut self, request: &Request) {
        self.reply(request.from, request.body, "success", json!({}));
        self.event(request.handle, json!({"janus": "detached"}));
        self.remove(request.handle);
    }

    fn hangup(&mut self, request: &Request) {
        self.reply(request.from, request.body, "success", json!({}));
        self.close(request.handle, "Janus API");
    }

    fn message(&mut self, request: &Request) -> Result<(), CoreFailure> {
        let jsep = request.body.get("jsep");
        if jsep.is_some() && self.fault == Some(Fault::IgnoreOffer) {
            return Ok(());
        }
        match &request.body["body"] {
            Value::Null => return Err((456, "Missing mandatory element (body)".to_owned())),
            Value::Object(_) => {}
            _ => return Err((467, "Invalid element type (body should be an object)".to_owned())),
        }
        if let Some(jsep) = jsep {
            self.negotiate(request.handle, jsep)?;
        }
        self.reply(request.from, request.body, "ack", json!({}));
        if !self.frozen {
            let (transaction, body) = (&request.body["transaction"], &request.body["body"]);
            self.handle_plugin_message(request.handle, transaction, body, jsep);
        }
        Ok(())
    }

    fn negotiate(&mut self, handle: u64, jsep: &Value) -> Result<(), CoreFailure> {
        let connected = self.handles.get(&handle).is_some_and(|it| it.connected);
        match jsep["type"].as_str() {
            _ if !jsep.is_object() => Err((455, "Invalid jsep object".to_owned())),
            Some("offer") => {
                self.connect(handle);
                Ok(())
            }
            Some("answer") if connected => Ok(()),
            Some("answer") => Err((469, "Unexpected ANSWER (did we offer?)".to_owned())),
            Some(other) => Err((464, format!("JSEP error: unknown message type '{other}'"))),
            None => Err((456, "JSEP error: missing mandatory element (type)".to_owned())),
        }
    }

    fn trickle(&mut self, request: &Request) -> Result<(), CoreFailure> {
        match (request.body.get("candidate"), request.body.get("candidates")) {
            (None, None) => Err((456, "Missing mandatory element (candidate|candidates)".to_owned())),
            (Some(_), Some(_)) => Err((454, "Can't have both candidate and candidates".to_owned())),
            _ => {
                self.reply(request.from, request.body, "ack", json!({}));
                Ok(())
            }
        }
    }

    /// Opens the PeerConnection of a handle, with one candidate, unless it is open.
    pub(super) fn connect(&mut self, id: u64) {
        let Some(handle) = self.handles.get_mut(&id) else { return };
        if std::mem::replace(&mut handle.connected, true) {
            return;
        }
        if self.fault == Some(Fault::NoPorts) {
            return self.close(id, "ICE gathering error");
        }
        let candidate = "candidate:1 1 udp 2015363327 192.0.2.1 20000 typ host";
        let candidate = json!({"sdpMid": "0", "sdpMLineIndex": 0, "candidate": candidate});
        self.event(id, json!({"janus": "trickle", "candidate": candidate}));
        self.event(id, json!({"janus": "trickle", "candidate": {"completed": true}}));
    }

    /// Closes the PeerConnection of a handle and notifies the plugin.
    pub(super) fn close(&mut self, id: u64, reason: &str) {
        let Some(handle) = self.handles.get_mut(&id) else { return };
        if std::mem::take(&mut handle.connected) {
            self.event(id, json!({"janus": "hangup", "reason": reason}));
        }
        self.hangup_media(id);
    }

    /// Sends an event to the connection of a handle's session.
    pub(super) fn event(&mut self, handle: u64, mut message: Value) {
        let Some(&Handle { session, .. }) = self.handles.get(&handle) else { return };
        if let Some(&to) = self.owners.get(&session) {
            message["session_id"] = json!(session);
            message["sender"] = json!(handle);
            self.outbox.push(Outgoing { to, message });
        }
    }

    fn remove(&mut self, id: u64) {
        // Prevents the peer's hangup from reaching the removed handle.
        if let Some(peer) = self.handles[&id].peer.and_then(|peer| self.handles.get_mut(&peer)) {
            peer.peer = None;
        }
        self.hangup_media(id);
        if let Some(name) = self.handles.remove(&id).and_then(|handle| handle.username) {
            self.names.remove(&name);
        }
    }

    fn reply(&mut self, to: Connection, request: &Value, kind: &str, rest: Value) {
        let mut message = json!({"janus": kind});
        for key in ["session_id", "transaction"] {
            if let Some(value) = request.get(key) {
                message[key] = value.clone();
            }
        }
        message.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap_or_default());
        self.outbox.push(Outgoing { to, message });
    }

    fn refuse(&mut self, from: Connection, request: &Value, (code, reason): CoreFailure) {
        self.reply(from, request, "error", json!({"error": {"code": code, "reason": reason}}));
    }

    /// Returns an id above 32 bits, so that truncation is noticed.
    fn fresh_id(&mut self) -> u64 {
        self.ids += 1;
        (1 << 52) + self.ids
    }

    /// Closes the PeerConnections of all calls; returns the resulting messages.
    pub(super) fn lose_media(&mut self, reason: &str) -> Vec<Outgoing> {
        let in_call: Vec<u64> =
            self.handles.iter().filter(|(_, it)| it.peer.is_some()).map(|(&id, _)| id).collect();
        for handle in in_call {
            self.close(handle, reason);
        }
        std::mem::take(&mut self.outbox)
    }

    pub(super) fn sessions(&self) -> usize {
        self.owners.keys().filter(|session| !self.probes.contains(session)).count()
    }

    pub(super) fn handles(&self) -> usize {
        self.handles.len() - self.probes()
    }

    pub(super) fn probes(&self) -> usize {
        self.handles.values().filter(|handle| self.probes.contains(&handle.session)).count()
    }

    pub(super) fn calls(&self) -> usize {
        self.handles.values().filter(|handle| handle.peer.is_some()).count().div_ceil(2)
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Value> {
        self.requests.iter().filter(|request| !self.is_of_probe(request))
    }

    pub(super) fn probe_requests(&self) -> impl Iterator<Item = &Value> {
        self.requests.iter().filter(|request| self.is_of_probe(request))
    }

    fn is_of_probe(&self, request: &Value) -> bool {
        let is_named = request["transaction"].as_str().is_some_and(|text| text.starts_with(PROBE));
        is_named || request["session_id"].as_u64().is_some_and(|session| self.probes.contains(&session))
    }
}
