//! Replaces what differs between any two runs: ids, names, addresses, contents of session descriptions.
//!
//! | in a message | becomes |
//! |---|---|
//! | an id of a session or handle, also within a text | `<alice.session>`, `<alice.handle>` |
//! | a user name of this run | the name as the scenario has it |
//! | `jsep.sdp`, `candidate.candidate` | their shape, see `sdp_shape.rs` |
//! | the values of `server_info` | their types |
//! | `list` of user names | those of this run, sorted: Janus' order is that of a hash table |
//! | `candidate.sdpMid` | removed: Janus sends it if it knows the answer's mids by then, which is a race |
//!
//! Keys and their order stay.

use super::json::Json;
use super::sdp_shape::{self, Credentials};
use std::collections::BTreeMap;

/// What has to be replaced in a run.
pub struct Normalizer<'a> {
    /// Ids with their placeholders.
    pub ids: &'a BTreeMap<u64, String>,
    /// The suffix of the user names of this run.
    pub suffix: &'a str,
    seen: Credentials,
}

impl<'a> Normalizer<'a> {
    /// For the messages of one socket.
    pub fn new(ids: &'a BTreeMap<u64, String>, suffix: &'a str) -> Self {
        Self { ids, suffix, seen: Credentials::default() }
    }

    /// Returns the normalized message.
    pub fn message(&mut self, message: &Json) -> Json {
        match message.text(&["janus"]) {
            "server_info" => types(message),
            _ => self.value("", message),
        }
    }

    fn value(&mut self, key: &str, value: &Json) -> Json {
        match value {
            Json::Word(word) => Json::Word(self.word(word)),
            Json::Text(text) if key == "sdp" => Json::Text(sdp_shape::of(text, &mut self.seen)),
            Json::Text(text) if key == "candidate" => Json::Text(sdp_shape::candidate(text)),
            Json::Text(text) => Json::Text(self.text(text)),
            Json::List(items) if key == "list" => self.names(items),
            Json::List(items) => Json::List(items.iter().map(|item| self.value("", item)).collect()),
            Json::Object(fields) => Json::Object(self.fields(key, fields)),
        }
    }

    fn fields(&mut self, key: &str, fields: &[(String, Json)]) -> Vec<(String, Json)> {
        let kept = fields.iter().filter(|(name, _)| !(key == "candidate" && name == "sdpMid"));
        kept.map(|(name, value)| (name.clone(), self.value(name, value))).collect()
    }

    fn word(&self, word: &str) -> String {
        let id = word.parse().ok().and_then(|id: u64| self.ids.get(&id));
        id.map_or_else(|| word.to_owned(), |name| format!("<{name}>"))
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.replace(self.suffix, "");
        for (id, name) in self.ids.iter().filter(|(id, _)| **id > 1_000_000) {
            text = text.replace(&id.to_string(), &format!("<{name}>"));
        }
        text
    }

    fn names(&self, items: &[Json]) -> Json {
        let names =
            items.iter().filter_map(|item| if let Json::Text(name) = item { Some(name) } else { None });
        let mut ours: Vec<String> = names
            .filter(|name| name.contains(self.suffix))
            .map(|name| name.replace(self.suffix, ""))
            .collect();
        ours.sort();
        Json::List(ours.into_iter().map(Json::Text).collect())
    }
}

fn types(message: &Json) -> Json {
    let Json::Object(fields) = message else { return message.clone() };
    let typed = |(key, value): &(String, Json)| match key.as_str() {
        "janus" | "transaction" => (key.clone(), value.clone()),
        _ => (key.clone(), Json::Word(format!("<{}>", value.kind()))),
    };
    Json::Object(fields.iter().map(typed).collect())
}
