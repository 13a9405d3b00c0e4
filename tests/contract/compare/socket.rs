//! One socket of a play: what was said on it, and what of it nobody has waited for yet.

use super::json::Json;
use super::label;
use super::recording::Raw;
use std::time::Duration;
use testkit::{RawWebsocket, raw_websocket::Received};
use tokio::time::Instant;

/// Transactions of messages that are no part of a recording begin with this.
pub const UNRECORDED: &str = "~";

/// A connection and all that was said on it.
pub struct Socket {
    pub name: String,
    pub endpoint: usize,
    pub said: Vec<Raw>,
    wire: Option<RawWebsocket>,
    /// What was heard and not waited for, as places in `said`.
    untaken: Vec<usize>,
    /// What was heard and is not recorded.
    unrecorded: Vec<Json>,
    /// Handles whose events are not recorded either.
    hidden: Vec<u64>,
}

impl Socket {
    pub async fn open(name: &str, url: &str, door: usize) -> Result<Self, String> {
        let wire = Some(RawWebsocket::open(url).await?);
        let name = name.to_owned();
        let (said, untaken, unrecorded, hidden) = Default::default();
        Ok(Self { name, endpoint: door, said, wire, untaken, unrecorded, hidden })
    }

    pub fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// From now on, the events of this handle are not recorded.
    pub fn hide(&mut self, handle: u64) {
        self.hidden.push(handle);
    }

    pub async fn send(&mut self, text: &str) -> Result<(), String> {
        let message = Json::parse(text).unwrap_or_else(|_| Json::Text(text.to_owned()));
        if !message.text(&["transaction"]).starts_with(UNRECORDED) {
            self.said.push(Raw { sent: true, message });
        }
        let Some(wire) = &mut self.wire else { return Err(format!("{} has no socket", self.name)) };
        match wire.send(text.to_owned()).await {
            true => Ok(()),
            false => Err(format!("the socket of {} is closed", self.name)),
        }
    }

    /// Reads one message, or nothing in that time. Returns it, whether it is recorded or not.
    pub async fn read(&mut self, at_most: Duration) -> Result<Option<Json>, String> {
        let Some(wire) = &mut self.wire else { return Err(format!("{} has no socket", self.name)) };
        match wire.next_until(Instant::now() + at_most).await {
            Received::Timeout => Ok(None),
            Received::Closed => {
                self.wire = None;
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
        self.untaken.push(self.said.len());
        self.said.push(Raw { sent: false, message });
    }

    /// Takes the first message that has the label and passes the check; from then on it counts as
    /// waited for.
    pub fn take(&mut self, wanted: &str, check: impl Fn(&Json) -> bool) -> bool {
        let fits = |place: &usize| {
            let message = &self.said[*place].message;
            label::matches(&label::of(message), wanted) && check(message)
        };
        let found = self.untaken.iter().position(fits);
        found.map(|place| self.untaken.remove(place)).is_some()
    }

    /// Takes the first message that passes the check.
    pub fn take_any(&mut self, check: impl Fn(&Json) -> bool) -> bool {
        let found = self.untaken.iter().position(|place| check(&self.said[*place].message));
        found.map(|place| self.untaken.remove(place)).is_some()
    }

    /// Takes the first unrecorded message that passes the check.
    pub fn take_unrecorded(&mut self, check: impl Fn(&Json) -> bool) -> Option<Json> {
        let found = self.unrecorded.iter().position(check)?;
        Some(self.unrecorded.remove(found))
    }

    /// Lets go of the socket without a word.
    pub fn let_go(&mut self) {
        self.wire = None;
    }

    /// Says goodbye first.
    pub async fn close(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.close().await;
        }
    }
}
