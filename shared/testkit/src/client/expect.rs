//! Waiting for messages, and checking that none came.

use super::Client;
use crate::message::{event, kind, result};
use crate::wait::DEADLINE;
use serde_json::Value;
use tokio::time::Instant;

impl Client {
    /// Returns the first message that `matches`, from the inbox or from the socket. `what` names it in the panic
    /// at the deadline.
    pub async fn expect(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        if let Some(earlier) = self.inbox.iter().position(&matches) {
            return self.inbox.remove(earlier).unwrap();
        }
        let deadline = Instant::now() + DEADLINE;
        loop {
            let message = self.read(what, deadline).await;
            if matches(&message) {
                return message;
            }
            self.inbox.push_back(message);
        }
    }

    /// Returns the next plugin event with this name, as `(result, jsep)`. A missing jsep is `Null`.
    pub async fn expect_event(&mut self, name: &str) -> (Value, Value) {
        let mut message = self.expect(&format!("the event {name}"), |it| event(it) == name).await;
        (result(&message).clone(), message["jsep"].take())
    }

    /// Returns the `result` of the next plugin `hangup`, with `username` and `reason`.
    pub async fn expect_hangup(&mut self) -> Value {
        self.expect_event("hangup").await.0
    }

    /// Waits for a plugin event with exactly this `result`. A real Janus sends each side two hangups, in an order
    /// that varies.
    pub async fn expect_result(&mut self, expected: Value) {
        self.expect(&format!("the result {expected}"), |message| *result(message) == expected).await;
    }

    /// Returns the next message of this kind: `hangup`, `detached`, `timeout`, `webrtcup`, `trickle`, ...
    pub async fn expect_core(&mut self, name: &str) -> Value {
        self.expect(&format!("a message {name}"), |message| kind(message) == name).await
    }

    /// Sends a `ping`, waits for the `pong`, and panics if the inbox then holds a message of this name. The name is
    /// that of a plugin event (`incomingcall`) or a kind (`detached`); `hangup` is both. With a cluster this covers
    /// what the edge has sent, not what is on its way to the edge.
    pub async fn expect_no(&mut self, name: &str) {
        self.ping().await;
        if self.inbox.iter().any(|message| event(message) == name || kind(message) == name) {
            self.fail(&format!("expected no {name}"));
        }
    }

    /// Returns the received messages that no `expect` has taken, in order.
    pub fn inbox(&self) -> impl Iterator<Item = &Value> {
        self.inbox.iter()
    }

    /// Empties the inbox, for instance before the next call of a scenario.
    pub async fn clear_inbox(&mut self) {
        self.ping().await;
        self.inbox.clear();
    }
}
