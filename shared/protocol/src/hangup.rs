//! How a call ends for each side: the events that Janus would have sent, as recorded on Janus 1.1.2.
//!
//! Switchboard sends these events itself and only detaches the handles at Janus: a plugin hangup followed by
//! a detach can crash Janus.

use crate::{Raw, Side, raw, videocall};
use common::MessageId;

/// The reason when the other side of the call has disappeared.
pub const REMOTE_HANGUP: &str = "Remote WebRTC hangup";
/// The reason when a PeerConnection is closed because the call ended.
pub const CLOSE_PC: &str = "Close PC";
/// The reason when a call was not accepted in time.
pub const NO_ANSWER: &str = "No answer";

/// What ended a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HangupCause {
    /// A client sent the plugin request `hangup`.
    Hangup {
        /// The side that sent it.
        side: Side,
        /// The bus message that carried the request.
        request: MessageId,
        /// The transaction of the request.
        transaction: String,
        /// The reason it gave.
        reason: Option<String>,
    },
    /// The client of this side sent the core request `hangup`.
    CoreHangup(Side),
    /// The user of this side, at a janus-cloud proxy, hung up, for the reason Janus gives.
    RemoteHangup(Side, String),
    /// The PeerConnection of this side is gone, for the reason Janus gives.
    PeerConnection(Side, String),
    /// The handle of this side is gone: detached, destroyed or timed out.
    ClientGone(Side),
    /// The callee did not accept in time.
    NoAnswer,
    /// The media server failed, for this reason.
    MediaServer(String),
    /// An event of the call cannot reach its client, for this reason.
    Undeliverable(String),
    /// An operator or a router ended the call, for this reason.
    Operator(String),
}

impl HangupCause {
    /// Returns the reason for the call log.
    pub fn reason(&self) -> String {
        match self {
            Self::Hangup { reason: Some(reason), .. } => reason.clone(),
            Self::Hangup { side, .. } => format!("hangup by {}", side.name()),
            Self::CoreHangup(side) => format!("core hangup by {}", side.name()),
            Self::RemoteHangup(side, reason) => format!("{} hung up: {reason}", side.name()),
            Self::PeerConnection(side, reason) => {
                format!("{} lost its PeerConnection: {reason}", side.name())
            }
            Self::ClientGone(side) => format!("{} is gone", side.name()),
            Self::NoAnswer => NO_ANSWER.to_owned(),
            Self::MediaServer(reason) | Self::Undeliverable(reason) | Self::Operator(reason) => {
                reason.clone()
            }
        }
    }

    /// Returns the side that caused the end. Janus notifies the other side first.
    pub fn actor(&self) -> Option<Side> {
        match self {
            Self::Hangup { side, .. } | Self::CoreHangup(side) => Some(*side),
            Self::RemoteHangup(side, _) | Self::PeerConnection(side, _) | Self::ClientGone(side) => {
                Some(*side)
            }
            Self::NoAnswer | Self::MediaServer(_) | Self::Undeliverable(_) | Self::Operator(_) => None,
        }
    }
}

/// One event of the end of a call.
#[derive(Clone, Debug)]
pub enum HangupEvent {
    /// The plugin's `hangup`.
    Plugin {
        /// The transaction of the client's request, in its answer only.
        transaction: Option<String>,
        /// The plugin data.
        data: Raw,
    },
    /// The core's `hangup`: the PeerConnection is closed. Holds its members.
    Core(Raw),
}

/// Returns the events for the client of `side`, in order. `own` and `peer` are the names of the client and of
/// the other party.
pub fn events_for_side(cause: &HangupCause, side: Side, own: &str, peer: &str) -> Vec<HangupEvent> {
    match cause {
        HangupCause::Hangup { side: actor, transaction, .. } if *actor == side => {
            vec![answer(transaction, own), plugin_hangup(peer, REMOTE_HANGUP), core_hangup(CLOSE_PC)]
        }
        HangupCause::Hangup { reason, .. } => {
            let reason = reason.as_deref().unwrap_or("We did the hangup");
            vec![plugin_hangup(peer, reason), plugin_hangup(peer, REMOTE_HANGUP), core_hangup(CLOSE_PC)]
        }
        HangupCause::RemoteHangup(_, reason) => {
            vec![plugin_hangup(peer, reason), plugin_hangup(peer, REMOTE_HANGUP), core_hangup(CLOSE_PC)]
        }
        HangupCause::CoreHangup(actor) if *actor == side => {
            vec![core_hangup("Janus API"), plugin_hangup(peer, REMOTE_HANGUP)]
        }
        HangupCause::PeerConnection(actor, reason) if *actor == side => {
            vec![plugin_hangup(peer, REMOTE_HANGUP), core_hangup(reason)]
        }
        HangupCause::ClientGone(actor) if *actor == side => Vec::new(),
        HangupCause::CoreHangup(_) | HangupCause::PeerConnection(..) | HangupCause::ClientGone(_) => {
            vec![plugin_hangup(peer, REMOTE_HANGUP), core_hangup(CLOSE_PC)]
        }
        HangupCause::NoAnswer => vec![plugin_hangup(peer, NO_ANSWER), core_hangup(CLOSE_PC)],
        HangupCause::MediaServer(reason)
        | HangupCause::Undeliverable(reason)
        | HangupCause::Operator(reason) => {
            vec![plugin_hangup(peer, reason), core_hangup(reason)]
        }
    }
}

/// Returns the events for a client whose call is unknown. They do not name the other party.
pub fn events_for_unknown_call() -> Vec<HangupEvent> {
    let data = videocall::event("hangup", None, Some(REMOTE_HANGUP));
    vec![HangupEvent::Plugin { transaction: None, data }, core_hangup(CLOSE_PC)]
}

/// Returns the core's `hangup`, which reports that a PeerConnection is closed.
pub fn core_hangup(reason: &str) -> HangupEvent {
    #[derive(serde::Serialize)]
    struct HangupMembers<'a> {
        reason: &'a str,
    }
    HangupEvent::Core(raw(&HangupMembers { reason }))
}

fn plugin_hangup(username: &str, reason: &str) -> HangupEvent {
    HangupEvent::Plugin { transaction: None, data: videocall::event("hangup", Some(username), Some(reason)) }
}

fn answer(transaction: &str, username: &str) -> HangupEvent {
    let data = videocall::event("hangup", Some(username), Some("Explicit hangup"));
    HangupEvent::Plugin { transaction: Some(transaction.to_owned()), data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// A short form: `P(transaction; username, reason)` and `C(reason)`.
    fn short(cause: &HangupCause, side: Side) -> Vec<String> {
        let (own, peer) = if side == Side::Caller { ("al", "bo") } else { ("bo", "al") };
        let format = |event: HangupEvent| match event {
            HangupEvent::Plugin { transaction, data } => {
                let data: Value = serde_json::from_str(data.get()).unwrap();
                let (name, reason) = (&data["result"]["username"], &data["result"]["reason"]);
                let transaction = transaction.map(|text| text + ";").unwrap_or_default();
                format!("P({transaction}{},{})", name.as_str().unwrap(), reason.as_str().unwrap())
            }
            HangupEvent::Core(members) => format!("C{}", members.get()),
        };
        events_for_side(cause, side, own, peer).into_iter().map(format).collect()
    }

    #[test]
    fn each_side_gets_the_events_of_janus() {
        let hangup = |reason: Option<&str>| HangupCause::Hangup {
            side: Side::Caller,
            request: MessageId::fresh(),
            transaction: "t".to_owned(),
            reason: reason.map(str::to_owned),
        };
        let remote = |name: &str| format!("P({name},Remote WebRTC hangup)");
        let closed = || r#"C{"reason":"Close PC"}"#.to_owned();
        let table = [
            (hangup(None), Side::Caller, vec!["P(t;al,Explicit hangup)".to_owned(), remote("bo"), closed()]),
            (hangup(None), Side::Callee, vec!["P(al,We did the hangup)".to_owned(), remote("al"), closed()]),
            (hangup(Some("bye")), Side::Callee, vec!["P(al,bye)".to_owned(), remote("al"), closed()]),
            (
                HangupCause::CoreHangup(Side::Callee),
                Side::Callee,
                vec![r#"C{"reason":"Janus API"}"#.to_owned(), remote("al")],
            ),
            (HangupCause::CoreHangup(Side::Callee), Side::Caller, vec![remote("bo"), closed()]),
            (
                HangupCause::PeerConnection(Side::Caller, "DTLS alert".to_owned()),
                Side::Caller,
                vec![remote("bo"), r#"C{"reason":"DTLS alert"}"#.to_owned()],
            ),
            (
                HangupCause::PeerConnection(Side::Caller, "DTLS alert".to_owned()),
                Side::Callee,
                vec![remote("al"), closed()],
            ),
            (HangupCause::ClientGone(Side::Caller), Side::Caller, vec![]),
            (HangupCause::ClientGone(Side::Caller), Side::Callee, vec![remote("al"), closed()]),
        ];
        for (cause, side, expected) in table {
            assert_eq!(short(&cause, side), expected, "{cause:?} for {side:?}");
        }
    }
}
