//! The words of a scenario: send, ask, write, hear.

use super::fill;
use super::json::Json;
use super::player::{AWAKE, Player};
use super::socket::Socket;
use super::voice::Actor;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a message may take.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(12);

impl Player<'_> {
    pub async fn write(&mut self, who: &str, text: &str) -> Result<(), String> {
        let text = self.fill(text)?;
        self.socket(who)?.send(&text).await
    }

    pub async fn send(&mut self, who: &str, verb: &str, more: &str, quickly: bool) -> Result<(), String> {
        let more = self.more(more)?;
        let transaction = self.post(who, verb, &more).await?;
        match quickly {
            true => Ok(()),
            false => self.reply(who, &transaction).await,
        }
    }

    pub async fn ask(
        &mut self,
        who: &str,
        request: &str,
        more: &str,
        jsep: Option<&str>,
        quickly: bool,
    ) -> Result<(), String> {
        let mut body = json!({"request": request});
        fill::merge(&mut body, &self.more(more)?);
        let mut message = json!({"body": body});
        if let Some(jsep) = jsep {
            message["jsep"] = self.more(jsep)?;
        }
        let transaction = self.post(who, "message", &message).await?;
        match quickly {
            true => Ok(()),
            false => self.answer(who, &transaction).await,
        }
    }

    fn more(&self, text: &str) -> Result<Value, String> {
        let text = if text.is_empty() { "{}".to_owned() } else { self.fill(text)? };
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// Sends a request with the ids that its verb needs, and notes whose id its answer will tell.
    async fn post(&mut self, who: &str, verb: &str, more: &Value) -> Result<String, String> {
        let voice = self.actor(who)?;
        let transaction = voice.next_transaction();
        let mut request = json!({"janus": verb, "transaction": transaction});
        fill::address(&mut request, verb, voice);
        fill::merge(&mut request, more);
        if verb == "create" || verb == "attach" {
            self.births.insert(transaction.clone(), who.to_owned());
        }
        self.socket(who)?.send(&request.to_string()).await?;
        Ok(request["transaction"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn hear_all(&mut self, who: &str, labels: &[String]) -> Result<(), String> {
        for label in labels {
            self.hear(who, label).await?;
        }
        Ok(())
    }

    /// Waits for a message of this label that is this voice's.
    pub async fn hear(&mut self, who: &str, label: &str) -> Result<(), String> {
        let voice = self.actor(who)?.clone();
        self.wait(voice.socket, label, |socket| socket.take(label, |message| is_for(message, &voice))).await
    }

    /// Waits for what is no event under this transaction.
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
        match refused {
            true => Ok(()),
            false => self.wait(place, "the answer", |socket| socket.take_any(is_event)).await,
        }
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
                return Err(format!("{} waited in vain for {what}", self.sockets[place].name));
            }
            let read = self.sockets[place].read(left.min(AWAKE)).await?;
            if let Some(message) = read {
                self.note_birth(&message);
            }
            self.keep_awake().await?;
        }
        Ok(())
    }
}

/// Whether a message is for this voice, and not for another one on its socket.
fn is_for(message: &Json, voice: &Actor) -> bool {
    if message.get("sender").is_some() {
        return message.number(&["sender"]) == voice.handle;
    }
    if let Some((name, _)) = message.text(&["transaction"]).split_once('-') {
        return name == voice.name;
    }
    message.get("session_id").is_none() || message.number(&["session_id"]) == voice.session
}
