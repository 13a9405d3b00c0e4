//! One socket of a run: the messages on it, and those that no step has waited for yet.

use super::json::Json;
use super::label;
use super::recording::Raw;
use serde_json::json;
use std::time::Duration;
use testkit::RawWebsocket;
use testkit::raw_websocket::{Closed, Received};
use tokio::time::Instant;

/// Prefix of the transactions of unrecorded messages.
pub const UNRECORDED: &str = "~";

/// Time limit for a server to close. Janus waits 5 s for the answer to its own close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(12);

/// A connection with all messages on it.
pub struct Socket {
    pub name: String,
    pub endpoint: usize,
    pub messages: Vec<Raw>,
    websocket: Option<RawWebsocket>,
    /// Received messages that no step has waited for, as indices into `messages`.
    pending: Vec<usize>,
    /// Received messages that are not recorded.
    unrecorded: Vec<Json>,
    /// Handles whose events are not recorded.
    hidden: Vec<u64>,
}

impl Socket {
    pub async fn open(name: &str, url: &str, endpoint: usize) -> Result<Self, String> {
        let websocket = Some(RawWebsocket::open(url).await?);
        let name = name.to_owned();
        let (messages, pending, unrecorded, hidden) = Default::default();
        Ok(Self { name, endpoint, messages, websocket, pending, unrecorded, hidden })
    }

    pub fn is_open(&self) -> bool {
        self.websocket.is_some()
    }

    /// Excludes the events of this handle from the recording from now on.
    pub fn hide(&mut self, handle: u64) {
        self.hidden.push(handle);
    }

    pub async fn send(&mut self, text: &str) -> Result<(), String> {
        let message = Json::parse(text).unwrap_or_else(|_| Json::Text(text.to_owned()));
        if !message.text(&["transaction"]).starts_with(UNRECORDED) {
            self.messages.push(Raw { sent: true, message });
        }
        let Some(websocket) = &mut self.websocket else { return Err(format!("{} has no socket", self.name)) };
        if websocket.send(text.to_owned()).await {
            Ok(())
        } else {
            Err(format!("the socket of {} is closed", self.name))
        }
    }

    /// Reads one message, or none within that time. Returns it, whether it is recorded or not.
    pub async fn read(&mut self, at_most: Duration) -> Result<Option<Json>, String> {
        let Some(websocket) = &mut self.websocket else { return Err(format!("{} has no socket", self.name)) };
        match websocket.next_until(Instant::now() + at_most).await {
            Received::Timeout => Ok(None),
            Received::Closed => {
                self.websocket = None;
                Err(format!("the server closed the socket of {}", self.name))
            }
            Received::Text(text) => {
                let message = Json::parse(&text)?;
                self.keep(message.clone());
                Ok(Some(message))
            }
        }
    }

    fn keep(&mut self, message: Json) {
        let hidden = message.number(&["sender"]).is_some_and(|sender| self.hidden.contains(&sender));
        if hidden || message.text(&["transaction"]).starts_with(UNRECORDED) {
            return self.unrecorded.push(message);
        }
        self.pending.push(self.messages.len());
        self.messages.push(Raw { sent: false, message });
    }

    /// Takes the first message with this label that passes the check. It counts as waited for from then on.
    pub fn take(&mut self, expected: &str, check: impl Fn(&Json) -> bool) -> bool {
        let matches = |place: &usize| {
            let message = &self.messages[*place].message;
            label::matches(&label::of(message), expected) && check(message)
        };
        let found = self.pending.iter().position(matches);
        found.map(|place| self.pending.remove(place)).is_some()
    }

    /// Takes the first message that passes the check.
    pub fn take_any(&mut self, check: impl Fn(&Json) -> bool) -> bool {
        let found = self.pending.iter().position(|place| check(&self.messages[*place].message));
        found.map(|place| self.pending.remove(place)).is_some()
    }

    /// Takes the first unrecorded message that passes the check.
    pub fn take_unrecorded(&mut self, check: impl Fn(&Json) -> bool) -> Option<Json> {
        let found = self.unrecorded.iter().position(check)?;
        Some(self.unrecorded.remove(found))
    }

    /// Drops the connection without a close frame.
    pub fn drop_connection(&mut self) {
        self.websocket = None;
    }

    /// Closes the connection with a close frame, and records the answer.
    pub async fn close(&mut self, code: Option<&(u16, String)>) -> Result<(), String> {
        let code = code.map(|(code, reason)| (*code, reason.as_str()));
        let Some(websocket) = &mut self.websocket else { return Err(format!("{} has no socket", self.name)) };
        if !websocket.send_close(code).await {
            return Err(format!("the socket of {} is closed", self.name));
        }
        self.closed().await
    }

    /// Sends one frame, valid or not.
    pub async fn send_frame(&mut self, first: u8, payload: Vec<u8>) -> Result<(), String> {
        let Some(websocket) = &mut self.websocket else { return Err(format!("{} has no socket", self.name)) };
        let sent = websocket.send_frame(first, payload).await;
        if sent { Ok(()) } else { Err(format!("the socket of {} is closed", self.name)) }
    }

    /// Waits until the server closes, and records how. Messages before that are dropped.
    pub async fn closed(&mut self) -> Result<(), String> {
        let Some(mut websocket) = self.websocket.take() else {
            return Err(format!("{} has no socket", self.name));
        };
        let code = match websocket.close_code(Instant::now() + CLOSE_TIMEOUT).await {
            Closed::WithCode(code) => code.to_string(),
            Closed::WithoutCode => "without a code".to_owned(),
            Closed::WithoutFrame => "without a close frame".to_owned(),
            Closed::Timeout => return Err(format!("the server does not close the socket of {}", self.name)),
        };
        let message = Json::parse(&json!({"closed": code}).to_string())?;
        self.messages.push(Raw { sent: false, message });
        Ok(())
    }

    /// Closes the connection at the end of a run.
    pub async fn leave(&mut self) {
        if let Some(websocket) = self.websocket.take() {
            websocket.close().await;
        }
    }
}
