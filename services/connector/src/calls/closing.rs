//! How a call ends for each side: the events Janus would have sent (janus-api.md 5.3, recorded on
//! Janus 1.1.2). Janus itself is only told to detach both handles, because a plugin hangup followed
//! by a detach can crash it (janus-api.md 5.5).

use bus::message::{ClientEvent, EndCause, EndKind};
use protocol::{MessageId, Raw, Side, raw, videocall};

/// The reason of a call that nobody accepted in time.
const NO_ANSWER: &str = "No answer";
/// The reason of a call whose other side is gone without a word.
pub const LATE: &str = "Remote WebRTC hangup";
/// The reason of a PeerConnection that followed its peer.
pub const CLOSED: &str = "Close PC";

/// The reason of a call that was lost with its connector.
pub const LOST: &str = "The connection to the media server was lost";
/// The reason of a call whose handles Janus does not give.
pub const REFUSED: &str = "The media server refused the call";

/// What ended a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
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
    PeerHangup(Side, String),
    /// A side's PeerConnection is gone, for the reason Janus gives.
    PeerConnection(Side, String),
    /// A side's handle is gone: detached, destroyed, timed out.
    Gone(Side),
    /// Nobody accepted in time.
    NoAnswer,
    /// No side's doing but the media server's, for this reason.
    Because(String),
    /// An operator or a router ends it, for this reason.
    Ordered(String),
}

impl From<EndCause> for Cause {
    fn from(cause: EndCause) -> Self {
        match cause {
            EndCause::CallerGone => Self::Gone(Side::Caller),
            EndCause::CalleeGone => Self::Gone(Side::Callee),
            EndCause::Because(reason) => Self::Ordered(reason),
        }
    }
}

impl Cause {
    /// The reason, for the `calls` log.
    pub fn reason(&self) -> String {
        match self {
            Self::Hangup { reason: Some(reason), .. } => reason.clone(),
            Self::Hangup { side, .. } => format!("hangup by {}", name(*side)),
            Self::CoreHangup(side) => format!("core hangup by {}", name(*side)),
            Self::PeerHangup(side, reason) => format!("{} hung up: {reason}", name(*side)),
            Self::PeerConnection(side, reason) => {
                format!("{} lost its PeerConnection: {reason}", name(*side))
            }
            Self::Gone(side) => format!("{} is gone", name(*side)),
            Self::NoAnswer => NO_ANSWER.to_owned(),
            Self::Because(reason) | Self::Ordered(reason) => reason.clone(),
        }
    }
}

impl Cause {
    /// What it comes to.
    pub fn kind(&self) -> EndKind {
        match self {
            Self::Hangup { .. } | Self::CoreHangup(_) | Self::PeerHangup(..) => EndKind::Hangup,
            Self::PeerConnection(..) => EndKind::ConnectionLost,
            Self::Gone(_) => EndKind::ClientGone,
            Self::NoAnswer => EndKind::NoAnswer,
            Self::Because(reason) if reason == REFUSED => EndKind::Refused,
            Self::Because(_) => EndKind::MediaServer,
            Self::Ordered(_) => EndKind::Ordered,
        }
    }

    /// Whose doing it is: Janus tells the other side first.
    pub fn actor(&self) -> Option<Side> {
        match self {
            Self::Hangup { side, .. } | Self::CoreHangup(side) => Some(*side),
            Self::PeerHangup(side, _) | Self::PeerConnection(side, _) | Self::Gone(side) => Some(*side),
            Self::NoAnswer | Self::Because(_) | Self::Ordered(_) => None,
        }
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Caller => "caller",
        Side::Callee => "callee",
    }
}

/// What the client of `side` hears; the names are those of itself and of its peer.
pub fn events(cause: &Cause, side: Side, own: &str, peer: &str) -> Vec<ClientEvent> {
    match cause {
        Cause::Hangup { side: actor, transaction, .. } if *actor == side => vec![
            hangup(Some(transaction), own, "Explicit hangup"),
            hangup(None, peer, LATE),
            core_hangup(CLOSED),
        ],
        Cause::Hangup { reason, .. } => {
            let reason = reason.as_deref().unwrap_or("We did the hangup");
            vec![hangup(None, peer, reason), hangup(None, peer, LATE), core_hangup(CLOSED)]
        }
        Cause::PeerHangup(_, reason) => {
            vec![hangup(None, peer, reason), hangup(None, peer, LATE), core_hangup(CLOSED)]
        }
        Cause::CoreHangup(actor) if *actor == side => {
            vec![core_hangup("Janus API"), hangup(None, peer, LATE)]
        }
        Cause::PeerConnection(actor, reason) if *actor == side => {
            vec![hangup(None, peer, LATE), core_hangup(reason)]
        }
        Cause::Gone(actor) if *actor == side => Vec::new(),
        Cause::CoreHangup(_) | Cause::PeerConnection(..) | Cause::Gone(_) => {
            vec![hangup(None, peer, LATE), core_hangup(CLOSED)]
        }
        Cause::NoAnswer => vec![hangup(None, peer, NO_ANSWER), core_hangup(CLOSED)],
        Cause::Because(reason) | Cause::Ordered(reason) => {
            vec![hangup(None, peer, reason), core_hangup(reason)]
        }
    }
}

/// What a client hears of a call that nobody knows any more, its peer's name neither.
pub fn forgotten() -> Vec<ClientEvent> {
    let data = videocall::event("hangup", None, Some(LATE));
    vec![ClientEvent::Plugin { transaction: None, data, jsep: None }, core_hangup(CLOSED)]
}

fn hangup(transaction: Option<&str>, username: &str, reason: &str) -> ClientEvent {
    let data: Raw = videocall::event("hangup", Some(username), Some(reason));
    ClientEvent::Plugin { transaction: transaction.map(str::to_owned), data, jsep: None }
}

/// What Janus says when a PeerConnection is gone.
pub fn core_hangup(reason: &str) -> ClientEvent {
    #[derive(serde::Serialize)]
    struct Fields<'a> {
        reason: &'a str,
    }
    ClientEvent::Core { janus: "hangup".to_owned(), fields: raw(&Fields { reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short form: `P(transaction; username, reason)` and `C(reason)`.
    fn heard(cause: &Cause, side: Side) -> Vec<String> {
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
        events(cause, side, own, peer).into_iter().map(short).collect()
    }

    #[test]
    fn each_side_hears_what_janus_would_say() {
        let hangup = |reason: Option<&str>| Cause::Hangup {
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
                Cause::CoreHangup(Side::Callee),
                Side::Callee,
                vec![r#"C{"reason":"Janus API"}"#.to_owned(), late("al")],
            ),
            (Cause::CoreHangup(Side::Callee), Side::Caller, vec![late("bo"), closed()]),
            (
                Cause::PeerConnection(Side::Caller, "DTLS alert".to_owned()),
                Side::Caller,
                vec![late("bo"), r#"C{"reason":"DTLS alert"}"#.to_owned()],
            ),
            (
                Cause::PeerConnection(Side::Caller, "DTLS alert".to_owned()),
                Side::Callee,
                vec![late("al"), closed()],
            ),
            (Cause::Gone(Side::Caller), Side::Caller, vec![]),
            (Cause::Gone(Side::Caller), Side::Callee, vec![late("al"), closed()]),
        ];
        for (cause, side, expected) in table {
            assert_eq!(heard(&cause, side), expected, "{cause:?} for {side:?}");
        }
    }
}
