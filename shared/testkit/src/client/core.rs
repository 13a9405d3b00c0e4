//! The requests of the core API.

use super::{Client, Line};
use crate::message::{VIDEOCALL, is_reply_to, kind};
use crate::wait::DEADLINE;
use crate::websocket::Incoming;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

impl Client {
    /// Sends a message unchanged.
    pub async fn send(&mut self, message: Value) {
        let text = message.to_string();
        self.transcript.0.push(Line::Sent(message));
        self.send_text(text).await;
    }

    /// Sends any text, also malformed JSON.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        let Some(socket) = &mut self.socket else { self.fail("cannot send without a socket") };
        if let Err(error) = socket.send(text.into()).await {
            self.fail(&format!("cannot send, {error}"));
        }
    }

    /// Returns the next message of any kind.
    pub async fn next(&mut self) -> Value {
        match self.inbox.pop_front() {
            Some(message) => message,
            None => self.read("any message", Instant::now() + DEADLINE).await,
        }
    }

    /// Returns the next message from the socket. `awaited` names the expected message in the panic.
    pub(super) async fn read(&mut self, awaited: &str, deadline: Instant) -> Value {
        match self.receive(deadline).await {
            Incoming::Message(message) => message,
            Incoming::Closed(code) => {
                self.fail(&format!("expected {awaited}, but the server closed the socket (code {code:?})"))
            }
            Incoming::Timeout => self.fail(&format!("received no {awaited} in time")),
        }
    }

    async fn receive(&mut self, deadline: Instant) -> Incoming {
        let Some(socket) = &mut self.socket else { self.fail("cannot receive without a socket") };
        let incoming = socket.next_until(deadline).await;
        if let Incoming::Message(message) = &incoming {
            self.transcript.0.push(Line::Received(message.clone()));
        }
        incoming
    }

    /// Waits until the server closes the socket; returns its close code, if any.
    pub async fn expect_closed(&mut self) -> Option<u16> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.receive(deadline).await {
                Incoming::Message(message) => self.inbox.push_back(message),
                Incoming::Closed(code) => return code,
                Incoming::Timeout => self.fail("the server did not close the socket in time"),
            }
        }
    }

    /// Sends a request with a new transaction and returns its reply: `ack`, `success`, `error`, `pong` or
    /// `server_info`. An event of the transaction stays in the inbox.
    pub async fn request(&mut self, request: Value) -> Value {
        let transaction = self.post(request).await;
        self.expect("the reply", |message| is_reply_to(message, &transaction)).await
    }

    /// Sends a request with a new transaction, which it returns, without waiting.
    pub async fn post(&mut self, mut request: Value) -> String {
        let transaction = fresh_transaction();
        request["transaction"] = json!(transaction);
        self.send(request).await;
        transaction
    }

    /// As [`Client::request`]; panics unless the reply is `expected` (`ack`, `success`, ...).
    pub async fn request_for(&mut self, expected: &str, request: Value) -> Value {
        let reply = self.request(request).await;
        if kind(&reply) != expected {
            self.fail(&format!("expected {expected}, got {reply}"));
        }
        reply
    }

    /// Adds the id of the session.
    pub fn on_session(&self, mut request: Value) -> Value {
        request["session_id"] = json!(self.session);
        request
    }

    /// Adds the ids of session and handle.
    pub fn on_handle(&self, request: Value) -> Value {
        let mut request = self.on_session(request);
        request["handle_id"] = json!(self.handle);
        request
    }

    /// Creates a session.
    pub async fn create(&mut self) {
        let reply = self.request_for("success", json!({"janus": "create"})).await;
        self.session = reply["data"]["id"].as_u64().unwrap_or_else(|| self.fail("there is no session id"));
    }

    /// Attaches a VideoCall handle.
    pub async fn attach(&mut self) {
        let attach = self.on_session(json!({"janus": "attach", "plugin": VIDEOCALL}));
        let reply = self.request_for("success", attach).await;
        self.handle = reply["data"]["id"].as_u64().unwrap_or_else(|| self.fail("there is no handle id"));
    }

    /// Claims its session for its current connection.
    pub async fn claim_session(&mut self) {
        self.request_for("success", self.on_session(json!({"janus": "claim"}))).await;
    }

    /// Sends a keepalive.
    pub async fn keepalive(&mut self) {
        self.request_for("ack", self.on_session(json!({"janus": "keepalive"}))).await;
    }

    /// Returns the server information.
    pub async fn info(&mut self) -> Value {
        self.request_for("server_info", json!({"janus": "info"})).await
    }

    /// Sends a `ping` and waits for its `pong`. The inbox then holds everything the server had sent before.
    pub async fn ping(&mut self) {
        self.request_for("pong", json!({"janus": "ping"})).await;
    }

    /// Detaches the handle and waits for `detached`.
    pub async fn detach(&mut self) {
        self.request_for("success", self.on_handle(json!({"janus": "detach"}))).await;
        self.expect_core("detached").await;
    }

    /// Ends the session.
    pub async fn destroy(&mut self) {
        self.request_for("success", self.on_session(json!({"janus": "destroy"}))).await;
    }
}

/// Returns a transaction that is unique in this process: a client may take over the session of another.
fn fresh_transaction() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("t{}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}
