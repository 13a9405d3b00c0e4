//! The recording of a run: for each socket the normalized messages in order.

use super::json::Json;
use super::label;
use super::normalize::Normalizer;
use std::collections::BTreeMap;

/// All sockets of a run, each under the name of the actor that opened it.
pub type Recording = Vec<Track>;

#[derive(Clone, Debug)]
pub struct Track {
    pub name: String,
    pub lines: Vec<Line>,
}

/// One normalized message.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub sent: bool,
    pub label: String,
    pub transaction: String,
    pub sender: String,
    pub text: String,
}

/// A message as it was sent or received.
pub struct Raw {
    pub sent: bool,
    pub message: Json,
}

/// Normalizes the messages of a socket.
pub fn track(name: &str, messages: &[Raw], ids: &BTreeMap<u64, String>, suffix: &str) -> Track {
    let (mut received, mut sent) = (Normalizer::new(ids, suffix), Normalizer::new(ids, suffix));
    let lines = messages.iter().map(|raw| {
        let message = if raw.sent { sent.message(&raw.message) } else { received.message(&raw.message) };
        Line {
            sent: raw.sent,
            label: label::of(&message),
            transaction: message.text(&["transaction"]).to_owned(),
            sender: message.text(&["sender"]).to_owned(),
            text: message.to_string(),
        }
    });
    Track { name: name.to_owned(), lines: lines.collect() }
}
