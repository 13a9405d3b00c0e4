//! The messages between one client and its server.

use serde_json::{Value, json};
use std::fmt;

/// A message, with its direction.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// From the client.
    Sent(Value),
    /// To the client.
    Received(Value),
}

/// The messages in the order in which the client sent and received them.
#[derive(Clone, Debug, Default)]
pub struct Transcript(pub Vec<Line>);

impl Transcript {
    /// Returns the messages to the client.
    pub fn received(&self) -> Vec<&Value> {
        self.0.iter().filter_map(|line| if let Line::Received(it) = line { Some(it) } else { None }).collect()
    }

    /// Returns the messages from the client.
    pub fn sent(&self) -> Vec<&Value> {
        self.0.iter().filter_map(|line| if let Line::Sent(it) = line { Some(it) } else { None }).collect()
    }

    /// Returns the names of the plugin's events, in order: `["registered", "calling", "accepted", ...]`.
    pub fn events(&self) -> Vec<&str> {
        let events = self.received().into_iter().map(crate::message::event);
        events.filter(|name| !name.is_empty()).collect()
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            match line {
                Line::Sent(message) => writeln!(f, "  > {}", brief(message))?,
                Line::Received(message) => writeln!(f, "  < {}", brief(message))?,
            }
        }
        Ok(())
    }
}

/// Returns the message with its SDP abbreviated.
fn brief(message: &Value) -> Value {
    let mut message = message.clone();
    if let Some(sdp) = message.pointer_mut("/jsep/sdp") {
        *sdp = json!(format!("({} bytes)", sdp.as_str().map_or(0, str::len)));
    }
    message
}
