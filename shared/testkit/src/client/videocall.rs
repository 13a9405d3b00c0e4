//! The requests of one VideoCall handle.

use super::Client;
use crate::message::{data, event, is_event_for, is_reply_to, kind};
use crate::sdp;
use serde_json::{Value, json};

impl Client {
    /// Registers a username.
    pub async fn register(&mut self, name: &str) {
        name.clone_into(&mut self.name);
        self.request_plugin_for("registered", json!({"request": "register", "username": name}), None).await;
    }

    /// Calls a user and waits for `calling`.
    pub async fn call(&mut self, name: &str) {
        self.request_plugin_for("calling", json!({"request": "call", "username": name}), Some(sdp::offer()))
            .await;
    }

    /// Calls a user and returns the plugin's answer, also an error.
    pub async fn try_call(&mut self, name: &str) -> Value {
        self.request_plugin(json!({"request": "call", "username": name}), Some(sdp::offer())).await
    }

    /// Accepts the incoming call and waits for `accepted`.
    pub async fn accept(&mut self) {
        self.request_plugin_for("accepted", json!({"request": "accept"}), Some(sdp::answer())).await;
    }

    /// Ends the call.
    pub async fn hangup(&mut self) {
        self.request_plugin_for("hangup", json!({"request": "hangup"}), None).await;
    }

    /// Ends the call with a reason.
    pub async fn hangup_with_reason(&mut self, reason: &str) {
        self.request_plugin_for("hangup", json!({"request": "hangup", "reason": reason}), None).await;
    }

    /// Refuses the incoming call, which is a `hangup`.
    pub async fn decline(&mut self) {
        self.hangup().await;
    }

    /// Changes settings of the call: `json!({"audio": false})`, `json!({"bitrate": 128_000})`, ...
    pub async fn set(&mut self, mut what: Value) {
        what["request"] = json!("set");
        self.request_plugin_for("set", what, None).await;
    }

    /// Sends an offer or an answer within a call.
    pub async fn renegotiate(&mut self, jsep: Value) {
        self.request_plugin_for("set", json!({"request": "set"}), Some(jsep)).await;
    }

    /// Returns the registered usernames.
    pub async fn list(&mut self) -> Vec<String> {
        let answer = self.request_plugin(json!({"request": "list"}), None).await;
        let names = answer["result"]["list"].as_array().unwrap_or_else(|| self.fail("there is no list"));
        names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Sends one candidate; see [`sdp::candidate`] and [`sdp::end_of_candidates`].
    pub async fn trickle(&mut self, candidate: Value) {
        let trickle = self.on_handle(json!({"janus": "trickle", "candidate": candidate}));
        self.request_for("ack", trickle).await;
    }

    /// Sends several candidates in one message.
    pub async fn trickle_all(&mut self, candidates: Vec<Value>) {
        let trickle = self.on_handle(json!({"janus": "trickle", "candidates": candidates}));
        self.request_for("ack", trickle).await;
    }

    /// Closes the PeerConnection with the core request `hangup`.
    pub async fn core_hangup(&mut self) {
        self.request_for("success", self.on_handle(json!({"janus": "hangup"}))).await;
    }

    /// Sends a request to the plugin and returns the `data` of its event, with `result` or `error_code`.
    pub async fn request_plugin(&mut self, body: Value, jsep: Option<Value>) -> Value {
        data(&self.plugin_reply(body, jsep).await).clone()
    }

    async fn request_plugin_for(&mut self, expected: &str, body: Value, jsep: Option<Value>) {
        let answer = self.plugin_reply(body, jsep).await;
        if event(&answer) != expected {
            self.fail(&format!("expected the event {expected}, got {answer}"));
        }
    }

    /// Returns the plugin's event for a request. Janus may send it before the `ack`.
    async fn plugin_reply(&mut self, body: Value, jsep: Option<Value>) -> Value {
        let transaction = self.post_message(body, jsep).await;
        let reply = self.expect("the ack", |message| is_reply_to(message, &transaction)).await;
        if kind(&reply) != "ack" {
            self.fail(&format!("expected ack, got {reply}"));
        }
        self.expect("the plugin's answer", |message| is_event_for(message, &transaction)).await
    }

    /// Sends a request to the plugin and returns its transaction, without waiting.
    pub async fn post_message(&mut self, body: Value, jsep: Option<Value>) -> String {
        let mut message = self.on_handle(json!({"janus": "message", "body": body}));
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        self.post(message).await
    }
}
