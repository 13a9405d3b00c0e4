//! What one play of a scenario leaves: for each socket the neutral messages in order.

use super::json::Json;
use super::label;
use super::neutral::Neutral;
use std::collections::BTreeMap;

/// All sockets of a play, each under the name of the voice that opened it.
pub type Recording = Vec<Track>;

/// One socket.
#[derive(Clone, Debug)]
pub struct Track {
    pub name: String,
    pub lines: Vec<Line>,
}

/// One message, neutral.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub sent: bool,
    pub label: String,
    pub transaction: String,
    pub sender: String,
    pub text: String,
}

/// A message as it was.
pub struct Raw {
    pub sent: bool,
    pub message: Json,
}

/// Makes the messages of a socket neutral.
pub fn track(name: &str, messages: &[Raw], ids: &BTreeMap<u64, String>, mark: &str) -> Track {
    let (mut heard, mut sent) = (Neutral::new(ids, mark), Neutral::new(ids, mark));
    let lines = messages.iter().map(|raw| {
        let neutral = if raw.sent { sent.message(&raw.message) } else { heard.message(&raw.message) };
        Line {
            sent: raw.sent,
            label: label::of(&neutral),
            transaction: neutral.text(&["transaction"]).to_owned(),
            sender: neutral.text(&["sender"]).to_owned(),
            text: neutral.to_string(),
        }
    });
    Track { name: name.to_owned(), lines: lines.collect() }
}
