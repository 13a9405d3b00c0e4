//! How a call ends for each side: the events Janus would have sent (janus-api.md 5.3, recorded on
//! Janus 1.1.2). Janus itself is only told to detach both handles, because a plugin hangup followed
//! by a detach can crash it (janus-api.md 5.5).

use bus::message::{ClientEvent, EndCause, EndKind};
use common::MessageId;
use protocol::{Raw, Side, raw, videocall};

/// The reason of a call that nobody accepted in time.
const NO_ANSWER: &str = "No answer";
/// The reason of a call whose other side is gone without a word.
pub const REMOTE_HANGUP: &str = "Remote WebRTC hangup";
/// The reason of a PeerConnection that followed its peer.
pub const CLOSE_PC: &str = "Close PC";

/// The reason of a call that was lost with its connector.
pub const CONNECTION_LOST: &str = "The connection to the media server was lost";
/// The reason of a call whose handles Janus does not give.
pub const SETUP_REFUSED: &str = "The media server refused the call";

/// What ended a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HangupCause {
    /// A client's plugin request `hangup`.
    Hangup {
        /// Whose.
        side: Side,
        /// The bus message with the request.
        request: MessageId,
        /// Its transaction.
        transaction: String,
        /// The reason it gave.
        reason: Option<String>,
    },
    /// A client's core request `hangup`.
    CoreHangup(Side),
    /// A peer's user on this side hung up, for the reason Janus gives.
    RemoteHangup(Side, String),
    /// A side's PeerConnection is gone, for the reason Janus gives.
    PeerConnection(Side, String),
    /// A side's handle is gone: detached, destroyed, timed out.
    ClientGone(Side),
    /// Nobody accepted in time.
    NoAnswer,
    /// No side's doing but the media server's, for this reason.
    MediaServer(String),
    /// An operator or a router ends it, for this reason.
    Operator(String),
}

impl From<EndCause> for HangupCause {
    fn from(cause: EndCause) -> Self {
        match cause {
            EndCause::CallerGone => Self::ClientGone(Side::Caller),
            EndCause::CalleeGone => Self::ClientGone(Side::Callee),
            EndCause::Reason(reason) => Self::Operator(reason),
        }
    }
}

impl HangupCause {
    /// The reason, for the `calls` log.
    pub fn reason(&self) -> String {
        match self {
            Self::Hangup { reason: Some(reason), .. } => reason.clone(),
            Self::Hangup { side, .. } => format!("hangup by {}", side_name(*side)),
            Self::CoreHangup(side) => format!("core hangup by {}", side_name(*side)),
            Self::RemoteHangup(side, reason) => format!("{} hung up: {reason}", side_name(*side)),
            Self::PeerConnection(side, reason) => {
                format!("{} lost its PeerConnection: {reason}", side_name(*side))
            }
            Self::ClientGone(side) => format!("{} is gone", side_name(*side)),
            Self::NoAnswer => NO_ANSWER.to_owned(),
            Self::MediaServer(reason) | Self::Operator(reason) => reason.clone(),
        }
    }
}

impl HangupCause {
    /// What it comes to.
    pub fn kind(&self) -> EndKind {
        match self {
            Self::Hangup { .. } | Self::CoreHangup(_) | Self::RemoteHangup(..) => EndKind::Hangup,
            Self::PeerConnection(..) => EndKind::ConnectionLost,
            Self::ClientGone(_) => EndKind::ClientGone,
            Self::NoAnswer => EndKind::NoAnswer,
            Self::MediaServer(reason) if reason == SETUP_REFUSED => EndKind::Refused,
            Self::MediaServer(_) => EndKind::MediaServer,
            Self::Operator(_) => EndKind::Operator,
        }
    }

    /// Whose doing it is: Janus tells the other side first.
    pub fn actor(&self) -> Option<Side> {
        match self {
            Self::Hangup { side, .. } | Self::CoreHangup(side) => Some(*side),
            Self::RemoteHangup(side, _) | Self::PeerConnection(side, _) | Self::ClientGone(side) => {
                Some(*side)
            }
            Self::NoAnswer | Self::MediaServer(_) | Self::Operator(_) => None,
        }
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Caller => "caller",
        Side::Callee => "callee",
    }
}

/// What the client of `side` hears; the names are those of itself and of its peer.
pub fn for_side(cause: &HangupCause, side: Side, own: &str, peer: &str) -> Vec<ClientEvent> {
    match cause {
        HangupCause::Hangup { side: actor, transaction, .. } if *actor == side => vec![
            plugin_hangup(Some(transaction), own, "Explicit hangup"),
            plugin_hangup(None, peer, REMOTE_HANGUP),
            core_hangup(CLOSE_PC),
        ],
        HangupCause::Hangup { reason, .. } => {
            let reason = reason.as_deref().unwrap_or("We did the hangup");
            vec![
                plugin_hangup(None, peer, reason),
                plugin_hangup(None, peer, REMOTE_HANGUP),
                core_hangup(CLOSE_PC),
            ]
        }
        HangupCause::RemoteHangup(_, reason) => {
            vec![
                plugin_hangup(None, peer, reason),
                plugin_hangup(None, peer, REMOTE_HANGUP),
                core_hangup(CLOSE_PC),
            ]
        }
        HangupCause::CoreHangup(actor) if *actor == side => {
            vec![core_hangup("Janus API"), plugin_hangup(None, peer, REMOTE_HANGUP)]
        }
        HangupCause::PeerConnection(actor, reason) if *actor == side => {
            vec![plugin_hangup(None, peer, REMOTE_HANGUP), core_hangup(reason)]
        }
        HangupCause::ClientGone(actor) if *actor == side => Vec::new(),
        HangupCause::CoreHangup(_) | HangupCause::PeerConnection(..) | HangupCause::ClientGone(_) => {
            vec![plugin_hangup(None, peer, REMOTE_HANGUP), core_hangup(CLOSE_PC)]
        }
        HangupCause::NoAnswer => vec![plugin_hangup(None, peer, NO_ANSWER), core_hangup(CLOSE_PC)],
        HangupCause::MediaServer(reason) | HangupCause::Operator(reason) => {
            vec![plugin_hangup(None, peer, reason), core_hangup(reason)]
        }
    }
}

/// What a client hears of a call that nobody knows any more, its peer's name neither.
pub fn for_unknown_call() -> Vec<ClientEvent> {
    let data = videocall::event("hangup", None, Some(REMOTE_HANGUP));
    vec![ClientEvent::Plugin { transaction: None, data, jsep: None }, core_hangup(CLOSE_PC)]
}

fn plugin_hangup(transaction: Option<&str>, username: &str, reason: &str) -> ClientEvent {
    let data: Raw = videocall::event("hangup", Some(username), Some(reason));
    ClientEvent::Plugin { transaction: transaction.map(str::to_owned), data, jsep: None }
}

/// What Janus says when a PeerConnection is gone.
pub fn core_hangup(reason: &str) -> ClientEvent {
    #[derive(serde::Serialize)]
    struct HangupFields<'a> {
        reason: &'a str,
    }
    ClientEvent::Core { janus: "hangup".to_owned(), fields: raw(&HangupFields { reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short form: `P(transaction; username, reason)` and `C(reason)`.
    fn heard(cause: &HangupCause, side: Side) -> Vec<String> {
        let (own, peer) = if side == Side::Caller { ("al", "bo") } else { ("bo", "al") };
        let short = |event: ClientEvent| match event {
            ClientEvent::Plugin { transaction, data, .. } => {
                let data: serde_json::Value = serde_json::from_str(data.get()).unwrap();
                let (name, reason) = (&data["result"]["username"], &data["result"]["reason"]);
                let transaction = transaction.map(|text| text + ";").unwrap_or_default();
                format!("P({transaction}{},{})", name.as_str().unwrap(), reason.as_str().unwrap())
            }
            ClientEvent::Core { fields, .. } => format!("C{}", fields.get()),
            ClientEvent::Error { .. } => unreachable!("no end is an error"),
        };
        for_side(cause, side, own, peer).into_iter().map(short).collect()
    }

    #[test]
    fn each_side_hears_what_janus_would_say() {
        let hangup = |reason: Option<&str>| HangupCause::Hangup {
            side: Side::Caller,
            request: MessageId::fresh(),
            transaction: "t".to_owned(),
            reason: reason.map(str::to_owned),
        };
        let late = |name: &str| format!("P({name},Remote WebRTC hangup)");
        let closed = || r#"C{"reason":"Close PC"}"#.to_owned();
        let table = [
            (hangup(None), Side::Caller, vec!["P(t;al,Explicit hangup)".to_owned(), late("bo"), closed()]),
            (hangup(None), Side::Callee, vec!["P(al,We did the hangup)".to_owned(), late("al"), closed()]),
            (hangup(Some("bye")), Side::Callee, vec!["P(al,bye)".to_owned(), late("al"), closed()]),
            (
                HangupCause::CoreHangup(Side::Callee),
                Side::Callee,
                vec![r#"C{"reason":"Janus API"}"#.to_owned(), late("al")],
            ),
            (HangupCause::CoreHangup(Side::Callee), Side::Caller, vec![late("bo"), closed()]),
            (
                HangupCause::PeerConnection(Side::Caller, "DTLS alert".to_owned()),
                Side::Caller,
                vec![late("bo"), r#"C{"reason":"DTLS alert"}"#.to_owned()],
            ),
            (
                HangupCause::PeerConnection(Side::Caller, "DTLS alert".to_owned()),
                Side::Callee,
                vec![late("al"), closed()],
            ),
            (HangupCause::ClientGone(Side::Caller), Side::Caller, vec![]),
            (HangupCause::ClientGone(Side::Caller), Side::Callee, vec![late("al"), closed()]),
        ];
        for (cause, side, expected) in table {
            assert_eq!(heard(&cause, side), expected, "{cause:?} for {side:?}");
        }
    }
}
