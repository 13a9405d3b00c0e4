//! Conversions of [`protocol::hangup`] to and from messages.

use super::{ClientEvent, EndCause, EndKind};
use protocol::Side;
use protocol::hangup::{HangupCause, HangupEvent};

impl From<EndCause> for HangupCause {
    fn from(cause: EndCause) -> Self {
        match cause {
            EndCause::CallerGone => Self::ClientGone(Side::Caller),
            EndCause::CalleeGone => Self::ClientGone(Side::Callee),
            EndCause::Reason(reason) => Self::Operator(reason),
        }
    }
}

impl From<&HangupCause> for EndKind {
    fn from(cause: &HangupCause) -> Self {
        match cause {
            HangupCause::Hangup { .. } | HangupCause::CoreHangup(_) | HangupCause::RemoteHangup(..) => {
                Self::Hangup
            }
            HangupCause::PeerConnection(..) => Self::ConnectionLost,
            HangupCause::ClientGone(_) => Self::ClientGone,
            HangupCause::NoAnswer => Self::NoAnswer,
            HangupCause::MediaServer(_) => Self::MediaServer,
            HangupCause::Operator(_) => Self::Operator,
        }
    }
}

impl From<HangupEvent> for ClientEvent {
    fn from(event: HangupEvent) -> Self {
        match event {
            HangupEvent::Plugin { transaction, data } => Self::Plugin { transaction, data, jsep: None },
            HangupEvent::Core(fields) => Self::Core { janus: "hangup".to_owned(), fields },
        }
    }
}
