//! What a client waits for, and what it wants not to hear.

use super::Client;
use crate::message::{event, kind, result};
use crate::wait::DEADLINE;
use serde_json::Value;
use tokio::time::Instant;

impl Client {
    /// The first message that `matches`: one that came earlier and was left in the inbox, or else one that
    /// is still to come. `what` names it if it does not come.
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

    /// The plugin's next event of that name, as `(result, jsep)`; `jsep` is `Null` if there is none.
    pub async fn expect_event(&mut self, name: &str) -> (Value, Value) {
        let mut message = self.expect(&format!("the event {name}"), |it| event(it) == name).await;
        (result(&message).clone(), message["jsep"].take())
    }

    /// The plugin's next `hangup`: its `result`, with `username` and `reason`.
    pub async fn expect_hangup(&mut self) -> Value {
        self.expect_event("hangup").await.0
    }

    /// The plugin's next event with exactly that `result`. For a real Janus' hangups, of which each side
    /// gets two in an order that varies.
    pub async fn expect_result(&mut self, expected: Value) {
        self.expect(&format!("the result {expected}"), |message| *result(message) == expected).await;
    }

    /// The next message of that kind: `hangup`, `detached`, `timeout`, `webrtcup`, `trickle`, ...
    pub async fn expect_core(&mut self, name: &str) -> Value {
        self.expect(&format!("a message {name}"), |message| kind(message) == name).await
    }

    /// Sends a `ping` and fails the test if, when its `pong` has come, a message of that name is there
    /// that nothing has expected: a plugin's event (`incomingcall`) or a kind (`detached`). A `hangup` is
    /// either. In front of a cluster this tells what the edge has sent, not what is on its way to the edge.
    pub async fn expect_no(&mut self, name: &str) {
        self.ping().await;
        if self.inbox.iter().any(|message| event(message) == name || kind(message) == name) {
            self.fail(&format!("expected no {name}"));
        }
    }

    /// What has come and was not expected yet, in order.
    pub fn inbox(&self) -> impl Iterator<Item = &Value> {
        self.inbox.iter()
    }

    /// Forgets what has come and was not expected, for instance before the next call of a story.
    pub async fn clear_inbox(&mut self) {
        self.ping().await;
        self.inbox.clear();
    }
}
