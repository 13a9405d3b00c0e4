//! The commands of a scenario: send, request, write, receive.

use super::actor::Actor;
use super::json::Json;
use super::player::{KEEPALIVE_INTERVAL, Player};
use super::socket::Socket;
use super::substitute;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Time limit for a message.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(12);

impl Player<'_> {
    pub async fn write(&mut self, who: &str, text: &str) -> Result<(), String> {
        let text = self.substitute(text)?;
        self.socket(who)?.send(&text).await
    }

    pub async fn send(&mut self, who: &str, verb: &str, more: &str, quickly: bool) -> Result<(), String> {
        let more = self.more(more)?;
        let transaction = self.post(who, verb, &more).await?;
        if quickly { Ok(()) } else { self.reply(who, &transaction).await }
    }

    pub async fn request(
        &mut self,
        who: &str,
        request: &str,
        more: &str,
        jsep: Option<&str>,
        quickly: bool,
    ) -> Result<(), String> {
        let mut body = json!({"request": request});
        substitute::merge(&mut body, &self.more(more)?);
        let mut message = json!({"body": body});
        if let Some(jsep) = jsep {
            message["jsep"] = self.more(jsep)?;
        }
        let transaction = self.post(who, "message", &message).await?;
        if quickly { Ok(()) } else { self.answer(who, &transaction).await }
    }

    fn more(&self, text: &str) -> Result<Value, String> {
        let text = if text.is_empty() { "{}".to_owned() } else { self.substitute(text)? };
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// Sends a request with the ids that its verb needs, and notes the actor whose id its reply carries.
    async fn post(&mut self, who: &str, verb: &str, more: &Value) -> Result<String, String> {
        let actor = self.actor(who)?;
        let transaction = actor.next_transaction();
        let mut request = json!({"janus": verb, "transaction": transaction});
        substitute::address(&mut request, verb, actor);
        substitute::merge(&mut request, more);
        if verb == "create" || verb == "attach" {
            self.pending_ids.insert(transaction.clone(), who.to_owned());
        }
        self.socket(who)?.send(&request.to_string()).await?;
        Ok(request["transaction"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn receive_all(&mut self, who: &str, labels: &[String]) -> Result<(), String> {
        for label in labels {
            self.receive(who, label).await?;
        }
        Ok(())
    }

    /// Waits for a message of this label for this actor.
    pub async fn receive(&mut self, who: &str, label: &str) -> Result<(), String> {
        let actor = self.actor(who)?.clone();
        self.wait(actor.socket, label, |socket| socket.take(label, |message| is_for(message, &actor))).await
    }

    /// Waits for a reply under this transaction that is not an event.
    async fn reply(&mut self, who: &str, transaction: &str) -> Result<(), String> {
        let place = self.actor(who)?.socket;
        let replies = ["success", "ack", "error", "pong", "server_info"];
        let is_its = |message: &Json| message.text(&["transaction"]) == transaction;
        self.wait(place, "the reply", |socket| replies.iter().any(|reply| socket.take(reply, is_its))).await
    }

    /// Waits for the error, or for the ack and the event, under this transaction.
    async fn answer(&mut self, who: &str, transaction: &str) -> Result<(), String> {
        let place = self.actor(who)?.socket;
        let is_its = |message: &Json| message.text(&["transaction"]) == transaction;
        let is_event = |message: &Json| is_its(message) && message.text(&["janus"]) == "event";
        let mut refused = false;
        self.wait(place, "the ack", |socket| {
            refused = socket.take("error", is_its);
            refused || socket.take("ack", is_its)
        })
        .await?;
        if refused {
            return Ok(());
        }
        self.wait(place, "the answer", |socket| socket.take_any(is_event)).await
    }

    /// Reads a socket until `found`.
    pub async fn wait(
        &mut self,
        place: usize,
        what: &str,
        mut found: impl FnMut(&mut Socket) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + RECEIVE_TIMEOUT;
        while !found(&mut self.sockets[place]) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("{} timed out waiting for {what}", self.sockets[place].name));
            }
            let read = self.sockets[place].read(left.min(KEEPALIVE_INTERVAL)).await?;
            if let Some(message) = read {
                self.learn_id(&message);
            }
            self.send_keepalives().await?;
        }
        Ok(())
    }
}

/// Whether a message is for this actor, and not for another one on the same socket.
fn is_for(message: &Json, actor: &Actor) -> bool {
    if message.get("sender").is_some() {
        return message.number(&["sender"]) == actor.handle;
    }
    if let Some((name, _)) = message.text(&["transaction"]).split_once('-') {
        return name == actor.name;
    }
    message.get("session_id").is_none() || message.number(&["session_id"]) == actor.session
}
