//! The words of the core API.

use super::{Client, Line};
use crate::message::{VIDEOCALL, is_reply_to, kind};
use crate::wait::DEADLINE;
use crate::websocket::Incoming;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

impl Client {
    /// Sends a message as it is.
    pub async fn send(&mut self, message: Value) {
        let text = message.to_string();
        self.transcript.0.push(Line::Sent(message));
        self.send_text(text).await;
    }

    /// Sends any text, for what is not even JSON.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        let Some(socket) = &mut self.socket else { self.fail("is to send without a socket") };
        if let Err(error) = socket.send(text.into()).await {
            self.fail(&format!("cannot send, {error}"));
        }
    }

    /// The next message, whatever it is.
    pub async fn next(&mut self) -> Value {
        match self.inbox.pop_front() {
            Some(message) => message,
            None => self.read("any message", Instant::now() + DEADLINE).await,
        }
    }

    /// The next message from the socket; `awaited` says for the panic what it should have been.
    pub(super) async fn read(&mut self, awaited: &str, deadline: Instant) -> Value {
        match self.receive(deadline).await {
            Incoming::Message(message) => message,
            Incoming::Closed(code) => {
                self.fail(&format!("waited for {awaited}, but the server closed the socket (code {code:?})"))
            }
            Incoming::Timeout => self.fail(&format!("waited in vain for {awaited}")),
        }
    }

    async fn receive(&mut self, deadline: Instant) -> Incoming {
        let Some(socket) = &mut self.socket else { self.fail("is to receive without a socket") };
        let incoming = socket.next_until(deadline).await;
        if let Incoming::Message(message) = &incoming {
            self.transcript.0.push(Line::Received(message.clone()));
        }
        incoming
    }

    /// Waits until the server closes the socket; returns the close code if it gave one.
    pub async fn expect_closed(&mut self) -> Option<u16> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.receive(deadline).await {
                Incoming::Message(message) => self.inbox.push_back(message),
                Incoming::Closed(code) => return code,
                Incoming::Timeout => self.fail("waited in vain for the server to close the socket"),
            }
        }
    }

    /// Sends a request under a new transaction and returns its immediate answer: the `ack`, `success`,
    /// `error`, `pong` or `server_info`. An event that belongs to it stays in the inbox.
    pub async fn request(&mut self, request: Value) -> Value {
        let transaction = self.post(request).await;
        self.expect("the reply", |message| is_reply_to(message, &transaction)).await
    }

    /// Sends a request under a new transaction, which it returns, and waits for nothing.
    pub async fn post(&mut self, mut request: Value) -> String {
        let transaction = fresh_transaction();
        request["transaction"] = json!(transaction);
        self.send(request).await;
        transaction
    }

    /// As [`Client::request`]; any other answer than `expected` (`ack`, `success`, ...) fails the test.
    pub async fn request_for(&mut self, expected: &str, request: Value) -> Value {
        let reply = self.request(request).await;
        if kind(&reply) != expected {
            self.fail(&format!("expected {expected}, got {reply}"));
        }
        reply
    }

    /// The request with the id of the session.
    pub fn on_session(&self, mut request: Value) -> Value {
        request["session_id"] = json!(self.session);
        request
    }

    /// The request with the ids of session and handle.
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

    /// Takes its session over onto the socket it has now.
    pub async fn claim_session(&mut self) {
        self.request_for("success", self.on_session(json!({"janus": "claim"}))).await;
    }

    /// Keeps the session from timing out.
    pub async fn keepalive(&mut self) {
        self.request_for("ack", self.on_session(json!({"janus": "keepalive"}))).await;
    }

    /// What the server says about itself.
    pub async fn info(&mut self) -> Value {
        self.request_for("server_info", json!({"janus": "info"})).await
    }

    /// Waits for the answer to a `ping`: all that the server had sent before is then in the inbox.
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

/// Unique in this process, so that a client may go on under it with another client's session.
fn fresh_transaction() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("t{}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}
