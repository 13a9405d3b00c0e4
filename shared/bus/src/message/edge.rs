//! Messages to an edge: events for its clients, and the hand-off of sessions between edges.

use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::hangup::HangupEvent;
use protocol::{HandleId, HandleRef, Raw, SessionId, Side};
use serde::{Deserialize, Serialize};

/// Events for a client's handle, and the change of the handle's state that goes with them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Events {
    /// The session of the receiving handle.
    pub session: SessionId,
    /// The receiving handle.
    pub handle: HandleId,
    /// The call. An edge drops events of a call that the handle is not in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The sequence number among all events of the call for this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// The request that this is the final reply to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// The request of the other side that caused the last event. An edge sends the effect of one request once, even if
    /// two connectors report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<MessageId>,
    /// The change of the handle's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// There are too many calls. For a moment the edge itself refuses new ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overloaded: bool,
    /// The messages for the client, in order.
    pub events: Vec<ClientEvent>,
}

impl Events {
    /// Events for a handle that belong to no call.
    pub fn for_handle(who: HandleRef, events: Vec<ClientEvent>) -> Self {
        let HandleRef { session, handle } = who;
        Self {
            session,
            handle,
            call: None,
            sequence: None,
            in_reply_to: None,
            caused_by: None,
            change: None,
            overloaded: false,
            events,
        }
    }

    /// The bytes of what clients and Janus have sent.
    pub fn size(&self) -> usize {
        self.events.iter().map(ClientEvent::size).sum()
    }
}

/// The sequence number of events for one side of a call. Events can arrive twice, or over two mailboxes after the client
/// has changed its edge. With their sequence an edge applies them once and in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sequence {
    /// The term of the connector's lease. Events of an earlier term are stale.
    pub term: u64,
    /// 1 for the first events of a term, then one more each time.
    pub number: u64,
}

impl Sequence {
    /// Whether this is the direct successor of `earlier`: the next of its term, or the first of a later term.
    pub fn follows(self, earlier: Option<Self>) -> bool {
        match earlier {
            Some(earlier) if earlier.term == self.term => self.number.checked_sub(earlier.number) == Some(1),
            Some(earlier) if earlier.term > self.term => false,
            _ => self.number == 1,
        }
    }
}

/// A change of a handle's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The handle owns this name.
    Registered(String),
    /// The handle no longer owns this name.
    Displaced(String),
    /// The name of the detached handle is free.
    Released,
    /// The handle is in a call. Its requests go to the mailbox of this backend.
    Joined {
        /// The backend that the call is on.
        backend: BackendName,
        /// The side of the handle.
        side: Side,
    },
    /// The callee has accepted: requests that waited for it may be sent.
    Answered,
    /// The call is over for the handle.
    Left,
}

/// One message for a client. The edge adds session, sender and plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEvent {
    /// A plugin event.
    Plugin {
        /// The transaction that it replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<String>,
        /// The content of `plugindata.data`.
        data: Raw,
        /// The session description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jsep: Option<Raw>,
    },
    /// A core event: `webrtcup`, `media`, `slowlink`, `trickle`, `hangup`.
    Core {
        /// The name of the event.
        janus: String,
        /// The other members, as an object.
        fields: Raw,
    },
    /// A core error instead of an acknowledgement.
    Error {
        /// The transaction that it replies to.
        transaction: String,
        /// Janus' error code.
        code: u16,
        /// Janus' text of the error.
        reason: String,
    },
}

impl ClientEvent {
    /// The bytes of what a client and Janus have sent.
    pub fn size(&self) -> usize {
        match self {
            Self::Plugin { transaction, data, jsep } => {
                let transaction = transaction.as_ref().map_or(0, String::len);
                transaction + data.get().len() + jsep.as_ref().map_or(0, |jsep| jsep.get().len())
            }
            Self::Core { janus, fields } => janus.len() + fields.get().len(),
            Self::Error { transaction, reason, .. } => transaction.len() + reason.len(),
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

/// Requests an edge to give up a session that a client has claimed at `to`.
///
/// The edge that holds the session persists it in the directory, drops it and replies. The other edge then takes it
/// over from the directory. An edge that does not reply in time is considered dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surrender {
    /// The session to give up.
    pub session: SessionId,
    /// The edge that receives the session, and all later messages for it.
    pub to: ServiceId,
}

/// The session is persisted and dropped, or was not at this edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surrendered {
    /// The session that was given up.
    pub session: SessionId,
    /// The edge that held it.
    pub from: ServiceId,
}

/// Ends a session for an operator. Its client receives Janus' `timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnect {
    /// The session to end.
    pub session: SessionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_follows_the_previous_number_or_begins_a_term() {
        let sequence = |term, number| Sequence { term, number };
        for (current, earlier, follows) in [
            (sequence(7, 1), None, true),
            (sequence(7, 2), None, false),
            (sequence(7, 2), Some(sequence(7, 1)), true),
            (sequence(7, 2), Some(sequence(7, 2)), false),
            (sequence(7, 1), Some(sequence(7, 2)), false),
            (sequence(7, 4), Some(sequence(7, 2)), false),
            (sequence(9, 1), Some(sequence(7, 2)), true),
            (sequence(9, 3), Some(sequence(7, 2)), false),
            (sequence(6, 1), Some(sequence(7, 2)), false),
            (sequence(6, 3), Some(sequence(7, 2)), false),
            (sequence(7, 1), Some(sequence(7, u64::MAX)), false),
        ] {
            assert_eq!(current.follows(earlier), follows, "{current:?} after {earlier:?}");
        }
        assert!(sequence(6, 9) < sequence(7, 1), "a later term is greater");
    }
}
