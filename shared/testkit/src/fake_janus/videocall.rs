//! The VideoCall plugin of a fake Janus.

use super::core::Core;
use super::fault::Fault;
use crate::message::VIDEOCALL;
use serde_json::{Value, json};

/// A plugin error: its code and its text.
type PluginFailure = (u16, String);

/// One request to the plugin.
struct PluginRequest<'a> {
    handle: u64,
    body: &'a Value,
    jsep: Option<&'a Value>,
}

impl Core {
    /// Answers a request with an event, and sends the events for the other party.
    pub(super) fn handle_plugin_message(
        &mut self,
        handle: u64,
        transaction: &Value,
        body: &Value,
        jsep: Option<&Value>,
    ) {
        let request = PluginRequest { handle, body, jsep };
        if let Some(Fault::PluginError(code)) = self.fault {
            let data = plugin_data(Err((code, "Fault".to_owned())));
            return self.plugin_event(handle, Some(transaction), data, None);
        }
        let name = text(body, "request").map(str::to_lowercase);
        let answered = match name.as_deref() {
            Ok("list") => Ok(self.list()),
            Ok("register") => self.register(&request),
            Ok("call") => self.call(&request),
            Ok("accept") => self.accept(&request),
            Ok("set") => Ok(self.set(&request)),
            Ok("hangup") => Ok(self.hang_up(&request)),
            Ok(other) => Err((472, format!("Unknown request ({other})"))),
            Err(failure) => Err(failure.clone()),
        };
        let failed = answered.as_ref().err().map(|(code, _)| *code);
        self.plugin_event(handle, Some(transaction), plugin_data(answered), None);
        self.close_idle_connection(&request, name.as_deref().unwrap_or_default(), failed);
    }

    fn list(&self) -> Value {
        let names: Vec<&String> = self.handles.values().filter_map(|it| it.username.as_ref()).collect();
        json!({"list": names})
    }

    fn register(&mut self, request: &PluginRequest) -> Result<Value, PluginFailure> {
        if let Some(name) = self.username(request.handle) {
            return Err((477, format!("Already registered ({name})")));
        }
        let name = text(request.body, "username")?;
        if self.find(name).is_some() {
            return Err((476, format!("Username '{name}' already taken")));
        }
        self.handles.get_mut(&request.handle).unwrap().username = Some(name.to_owned());
        self.names.insert(name.to_owned(), request.handle);
        Ok(json!({"event": "registered", "username": name}))
    }

    fn call(&mut self, request: &PluginRequest) -> Result<Value, PluginFailure> {
        let caller = self.username(request.handle).ok_or((473, "Register a username first".to_owned()))?;
        if self.handles[&request.handle].peer.is_some() {
            return Err((480, "Already in a call".to_owned()));
        }
        let name = text(request.body, "username")?;
        if name == caller {
            return Err((479, "You can't call yourself... use the EchoTest for that".to_owned()));
        }
        let callee = self.find(name).ok_or((478, format!("Username '{name}' doesn't exist")))?;
        if self.handles[&callee].peer.is_some() {
            return Ok(json!({"event": "hangup", "username": caller, "reason": "User busy"}));
        }
        let jsep = request.jsep.ok_or((482, "Missing SDP".to_owned()))?;
        self.pair(request.handle, callee);
        let incoming = json!({"event": "incomingcall", "username": caller});
        self.plugin_event(callee, None, plugin_data(Ok(incoming)), Some(jsep));
        self.connect(callee);
        Ok(json!({"event": "calling"}))
    }

    fn pair(&mut self, one: u64, other: u64) {
        self.handles.get_mut(&one).unwrap().peer = Some(other);
        self.handles.get_mut(&other).unwrap().peer = Some(one);
    }

    fn accept(&mut self, request: &PluginRequest) -> Result<Value, PluginFailure> {
        let peer = self.handles[&request.handle].peer;
        let peer = peer.ok_or((481, "No incoming call to accept".to_owned()))?;
        let jsep = request.jsep.ok_or((482, "Missing SDP".to_owned()))?;
        let accepted = json!({"event": "accepted", "username": self.username(request.handle)});
        self.plugin_event(peer, None, plugin_data(Ok(accepted)), Some(jsep));
        Ok(json!({"event": "accepted"}))
    }

    fn set(&mut self, request: &PluginRequest) -> Value {
        if let (Some(peer), Some(jsep)) = (self.handles[&request.handle].peer, request.jsep) {
            self.plugin_event(peer, None, plugin_data(Ok(json!({"event": "update"}))), Some(jsep));
        }
        json!({"event": "set"})
    }

    fn hang_up(&mut self, request: &PluginRequest) -> Value {
        let name = self.username(request.handle);
        if let Some(peer) = self.handles[&request.handle].peer {
            let reason = request.body["reason"].as_str().unwrap_or("We did the hangup");
            let hangup = json!({"event": "hangup", "username": name, "reason": reason});
            self.plugin_event(peer, None, plugin_data(Ok(hangup)), None);
        }
        match name {
            Some(name) => json!({"event": "hangup", "username": name, "reason": "Explicit hangup"}),
            None => json!({"event": "hangup", "reason": "Explicit hangup"}),
        }
    }

    /// Closes a PeerConnection without a call, which a real Janus does a little later.
    fn close_idle_connection(&mut self, request: &PluginRequest, name: &str, failed: Option<u16>) {
        let refused = matches!(failed, Some(473..=480));
        let busy = failed.is_none() && self.handles[&request.handle].peer.is_none();
        if name == "hangup" || (name == "call" && (refused || busy)) {
            self.close(request.handle, "Close PC");
        }
    }

    /// Ends the call of a handle whose PeerConnection is closed, for both parties.
    pub(super) fn hangup_media(&mut self, id: u64) {
        let Some(peer) = self.handles.get_mut(&id).and_then(|handle| handle.peer.take()) else { return };
        if self.frozen {
            return;
        }
        let hangup =
            json!({"event": "hangup", "username": self.username(id), "reason": "Remote WebRTC hangup"});
        self.plugin_event(peer, None, plugin_data(Ok(hangup)), None);
        self.close(peer, "Close PC");
    }

    fn plugin_event(&mut self, handle: u64, transaction: Option<&Value>, data: Value, jsep: Option<&Value>) {
        let mut message = json!({"janus": "event", "plugindata": {"plugin": VIDEOCALL, "data": data}});
        if let Some(transaction) = transaction {
            message["transaction"] = transaction.clone();
        }
        if let Some(jsep) = jsep {
            let padding = match self.fault {
                Some(Fault::LongDescriptions(bytes)) => "x".repeat(bytes),
                _ => String::new(),
            };
            let sdp = format!("{}{padding}", jsep["sdp"].as_str().unwrap_or_default());
            message["jsep"] = json!({"type": jsep["type"], "sdp": sdp});
        }
        self.event(handle, message);
    }

    fn username(&self, handle: u64) -> Option<String> {
        self.handles.get(&handle)?.username.clone()
    }

    fn find(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }
}

fn plugin_data(answered: Result<Value, PluginFailure>) -> Value {
    match answered {
        Ok(result) => json!({"videocall": "event", "result": result}),
        Err((code, error)) => json!({"videocall": "event", "error_code": code, "error": error}),
    }
}

fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, PluginFailure> {
    match body.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err((474, format!("Invalid element type ({key} should be a string)"))),
        None => Err((475, format!("Missing mandatory element ({key})"))),
    }
}
