//! Parses messages of the server. Session descriptions are skipped, and of all texts only reasons are stored.
//!
//! A message that is malformed or does not matter here is [`ServerEvent::Other`].

use crate::messages::Request;
use serde::Deserialize;
use std::borrow::Cow;

/// The reasons of the `hangup` events that follow a request to hang up. The first is for the client itself, the second for
/// its peer, and the third for both once their PeerConnections are closed.
const EXPECTED_REASONS: [&str; 3] = ["Explicit hangup", "We did the hangup", "Remote WebRTC hangup"];
/// The reason of a PeerConnection that closes because its call is over.
const CLOSE_REASON: &str = "Close PC";

/// A message of the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The request that it replies to, and its number.
    pub in_reply_to: Option<(Request, u64)>,
    pub event: ServerEvent,
}

/// The content of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A core request succeeded, with the new id, or 0.
    Done(u64),
    /// A request was accepted for processing.
    Ack,
    Registered,
    Calling,
    IncomingCall,
    Accepted,
    /// The call ended because a client hung up.
    HungUp,
    /// The call ended for another reason.
    Ended(String),
    /// The PeerConnection closed because the call is over.
    Closed,
    /// The PeerConnection failed for another reason.
    Broken(String),
    /// The core or the plugin refused a request, with this code.
    Refused(u16),
    /// The session timed out.
    TimedOut,
    /// A message that does not concern the measurement.
    Other,
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow)]
    janus: Cow<'a, str>,
    #[serde(borrow)]
    transaction: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    plugindata: Option<PluginData<'a>>,
    data: Option<NewId>,
    error: Option<CoreError>,
}

#[derive(Deserialize)]
struct PluginData<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Option<PluginResult<'a>>,
    error_code: Option<u16>,
}

#[derive(Deserialize)]
struct PluginResult<'a> {
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct NewId {
    id: u64,
}

#[derive(Deserialize)]
struct CoreError {
    code: u16,
}

pub fn parse(text: &str) -> Received {
    match serde_json::from_str::<RawMessage<'_>>(text) {
        Ok(message) => {
            let in_reply_to = message.transaction.as_deref().and_then(Request::parse_transaction);
            Received { in_reply_to, event: core_event(message) }
        }
        Err(_) => Received { in_reply_to: None, event: ServerEvent::Other },
    }
}

fn core_event(message: RawMessage<'_>) -> ServerEvent {
    match &*message.janus {
        "event" => message.plugindata.map_or(ServerEvent::Other, |it| plugin_event(it.data)),
        "ack" => ServerEvent::Ack,
        "success" => ServerEvent::Done(message.data.map_or(0, |given| given.id)),
        "error" => ServerEvent::Refused(message.error.map_or(0, |refusal| refusal.code)),
        "hangup" => match message.reason {
            Some(reason) if reason != CLOSE_REASON => ServerEvent::Broken(reason.into_owned()),
            _ => ServerEvent::Closed,
        },
        "timeout" => ServerEvent::TimedOut,
        _ => ServerEvent::Other,
    }
}

fn plugin_event(data: Data<'_>) -> ServerEvent {
    if let Some(code) = data.error_code {
        return ServerEvent::Refused(code);
    }
    let Some(outcome) = data.result else { return ServerEvent::Other };
    match outcome.event.as_deref() {
        Some("registered") => ServerEvent::Registered,
        Some("calling") => ServerEvent::Calling,
        Some("incomingcall") => ServerEvent::IncomingCall,
        Some("accepted") => ServerEvent::Accepted,
        Some("hangup") => match outcome.reason {
            Some(reason) if !EXPECTED_REASONS.contains(&&*reason) => ServerEvent::Ended(reason.into_owned()),
            _ => ServerEvent::HungUp,
        },
        _ => ServerEvent::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin_message(data: &str) -> String {
        format!(
            r#"{{"janus": "event", "session_id": 1, "transaction": "call-7", "sender": 2,
                "plugindata": {{"plugin": "janus.plugin.videocall", "data": {data}}},
                "jsep": {{"type": "offer", "sdp": "v=0\r\n"}}}}"#
        )
    }

    #[test]
    fn plugin_events_are_parsed() {
        for (data, event) in [
            (r#"{"videocall":"event","result":{"event":"calling"}}"#, ServerEvent::Calling),
            (r#"{"result":{"event":"incomingcall","username":"é\n"}}"#, ServerEvent::IncomingCall),
            (r#"{"result":{"event":"accepted"}}"#, ServerEvent::Accepted),
            (r#"{"result":{"event":"registered","username":"a"}}"#, ServerEvent::Registered),
            (r#"{"result":{"event":"hangup","reason":"User busy"}}"#, ServerEvent::Ended("User busy".into())),
            (r#"{"result":{"event":"hangup","reason":"Remote WebRTC hangup"}}"#, ServerEvent::HungUp),
            (r#"{"result":{"event":"hangup","reason":"We did the hangup"}}"#, ServerEvent::HungUp),
            (r#"{"error_code":478,"error":"Username \"b\" doesn't exist"}"#, ServerEvent::Refused(478)),
            (r#"{"result":{"list":["a"]}}"#, ServerEvent::Other),
        ] {
            assert_eq!(
                parse(&plugin_message(data)),
                Received { in_reply_to: Some((Request::Call, 7)), event },
                "{data}"
            );
        }
    }

    #[test]
    fn core_messages_are_parsed() {
        for (text, event) in [
            (
                r#"{"janus":"success","data":{"id":4503599627370497}}"#,
                ServerEvent::Done(4_503_599_627_370_497),
            ),
            (r#"{"janus":"success","session_id":3}"#, ServerEvent::Done(0)),
            (r#"{"janus":"ack","session_id":3}"#, ServerEvent::Ack),
            (
                r#"{"janus":"error","error":{"code":458,"reason":"No such session 3"}}"#,
                ServerEvent::Refused(458),
            ),
            (r#"{"janus":"hangup","sender":2,"reason":"Close PC"}"#, ServerEvent::Closed),
            (
                r#"{"janus":"hangup","sender":2,"reason":"ICE failed"}"#,
                ServerEvent::Broken("ICE failed".into()),
            ),
            (r#"{"janus":"timeout","session_id":3}"#, ServerEvent::TimedOut),
            (r#"{"janus":"trickle","candidate":{"completed":true}}"#, ServerEvent::Other),
            ("no JSON", ServerEvent::Other),
        ] {
            assert_eq!(parse(text), Received { in_reply_to: None, event }, "{text}");
        }
    }
}
