//! All that one client and its server said to each other.

use serde_json::{Value, json};
use std::fmt;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// From the client.
    Sent(Value),
    /// To the client.
    Received(Value),
}

/// The messages of a conversation in the order in which the client saw them.
#[derive(Clone, Debug, Default)]
pub struct Transcript(pub Vec<Line>);

impl Transcript {
    /// What the client received.
    pub fn received(&self) -> Vec<&Value> {
        self.0.iter().filter_map(|line| if let Line::Received(it) = line { Some(it) } else { None }).collect()
    }

    /// What the client sent.
    pub fn sent(&self) -> Vec<&Value> {
        self.0.iter().filter_map(|line| if let Line::Sent(it) = line { Some(it) } else { None }).collect()
    }

    /// The names of the plugin's events in order: `["registered", "calling", "accepted", ...]`.
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

/// The message without the dozens of lines of its SDP.
fn brief(message: &Value) -> Value {
    let mut message = message.clone();
    if let Some(sdp) = message.pointer_mut("/jsep/sdp") {
        *sdp = json!(format!("({} bytes)", sdp.as_str().map_or(0, str::len)));
    }
    message
}
