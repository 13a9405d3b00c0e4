//! What a client hears, read without building a tree of it: session descriptions are skipped, and of texts
//! only reasons are kept.
//!
//! What is no message of Janus', or none that matters here, is [`Word::Other`].

use crate::words::Ask;
use serde::Deserialize;
use std::borrow::Cow;

/// The reasons of a `hangup` that follows from one that a client asked for without giving a reason: for itself,
/// for the other side, and, in whatever order, once more for both when their PeerConnections are closed.
const OURS: [&str; 3] = ["Explicit hangup", "We did the hangup", "Remote WebRTC hangup"];
/// The reason of a PeerConnection that is closed because its call is over.
const CLOSE: &str = "Close PC";

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it is an answer to, and the number of that request.
    pub to: Option<(Ask, u64)>,
    /// What it says.
    pub word: Word,
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    /// A request of the core is done; the id that it gave, or 0.
    Done(u64),
    /// A request is taken.
    Ack,
    Registered,
    Calling,
    IncomingCall,
    Accepted,
    /// The call is over, because it was hung up.
    HungUp,
    /// The call is over for another reason.
    Ended(String),
    /// The PeerConnection was closed because the call is over.
    Closed,
    /// The PeerConnection is gone for another reason.
    Broken(String),
    /// The core or the plugin refuses, with this code.
    Refused(u16),
    /// The session is over: nothing was heard of it for too long.
    TimedOut,
    /// Nothing that matters here.
    Other,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    janus: Cow<'a, str>,
    #[serde(borrow)]
    transaction: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    plugindata: Option<PluginData<'a>>,
    data: Option<Given>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct PluginData<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Option<Outcome<'a>>,
    error_code: Option<u16>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Given {
    id: u64,
}

#[derive(Deserialize)]
struct Refusal {
    code: u16,
}

/// Reads a message.
pub fn read(text: &str) -> Heard {
    match serde_json::from_str::<Message<'_>>(text) {
        Ok(message) => {
            let to = message.transaction.as_deref().and_then(Ask::of);
            Heard { to, word: word(message) }
        }
        Err(_) => Heard { to: None, word: Word::Other },
    }
}

fn word(message: Message<'_>) -> Word {
    match &*message.janus {
        "event" => message.plugindata.map_or(Word::Other, |it| said(it.data)),
        "ack" => Word::Ack,
        "success" => Word::Done(message.data.map_or(0, |given| given.id)),
        "error" => Word::Refused(message.error.map_or(0, |refusal| refusal.code)),
        "hangup" => match message.reason {
            Some(reason) if reason != CLOSE => Word::Broken(reason.into_owned()),
            _ => Word::Closed,
        },
        "timeout" => Word::TimedOut,
        _ => Word::Other,
    }
}

fn said(data: Data<'_>) -> Word {
    if let Some(code) = data.error_code {
        return Word::Refused(code);
    }
    let Some(outcome) = data.result else { return Word::Other };
    match outcome.event.as_deref() {
        Some("registered") => Word::Registered,
        Some("calling") => Word::Calling,
        Some("incomingcall") => Word::IncomingCall,
        Some("accepted") => Word::Accepted,
        Some("hangup") => match outcome.reason {
            Some(reason) if !OURS.contains(&&*reason) => Word::Ended(reason.into_owned()),
            _ => Word::HungUp,
        },
        _ => Word::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> String {
        format!(
            r#"{{"janus": "event", "session_id": 1, "transaction": "call-7", "sender": 2,
                "plugindata": {{"plugin": "janus.plugin.videocall", "data": {data}}},
                "jsep": {{"type": "offer", "sdp": "v=0\r\n"}}}}"#
        )
    }

    #[test]
    fn what_the_plugin_says_is_told_apart() {
        for (data, word) in [
            (r#"{"videocall":"event","result":{"event":"calling"}}"#, Word::Calling),
            (r#"{"result":{"event":"incomingcall","username":"é\n"}}"#, Word::IncomingCall),
            (r#"{"result":{"event":"accepted"}}"#, Word::Accepted),
            (r#"{"result":{"event":"registered","username":"a"}}"#, Word::Registered),
            (r#"{"result":{"event":"hangup","reason":"User busy"}}"#, Word::Ended("User busy".into())),
            (r#"{"result":{"event":"hangup","reason":"Remote WebRTC hangup"}}"#, Word::HungUp),
            (r#"{"result":{"event":"hangup","reason":"We did the hangup"}}"#, Word::HungUp),
            (r#"{"error_code":478,"error":"Username \"b\" doesn't exist"}"#, Word::Refused(478)),
            (r#"{"result":{"list":["a"]}}"#, Word::Other),
        ] {
            assert_eq!(read(&event(data)), Heard { to: Some((Ask::Call, 7)), word }, "{data}");
        }
    }

    #[test]
    fn what_the_core_says_is_told_apart() {
        for (text, word) in [
            (r#"{"janus":"success","data":{"id":4503599627370497}}"#, Word::Done(4_503_599_627_370_497)),
            (r#"{"janus":"success","session_id":3}"#, Word::Done(0)),
            (r#"{"janus":"ack","session_id":3}"#, Word::Ack),
            (r#"{"janus":"error","error":{"code":458,"reason":"No such session 3"}}"#, Word::Refused(458)),
            (r#"{"janus":"hangup","sender":2,"reason":"Close PC"}"#, Word::Closed),
            (r#"{"janus":"hangup","sender":2,"reason":"ICE failed"}"#, Word::Broken("ICE failed".into())),
            (r#"{"janus":"timeout","session_id":3}"#, Word::TimedOut),
            (r#"{"janus":"trickle","candidate":{"completed":true}}"#, Word::Other),
            ("no JSON", Word::Other),
        ] {
            assert_eq!(read(text), Heard { to: None, word }, "{text}");
        }
    }
}
