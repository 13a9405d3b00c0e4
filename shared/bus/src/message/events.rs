//! From routers and connectors to an edge: what a client is to hear.

use common::{BackendName, CallId, MessageId};
use protocol::{HandleId, HandleRef, Raw, SessionId, Side};
use serde::{Deserialize, Serialize};

/// What one client handle is to hear, and what its edge is to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Events {
    /// The handle's session.
    pub session: SessionId,
    /// The handle.
    pub handle: HandleId,
    /// The call this is about. An edge drops what is of another call than the handle's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// Its place among all that the call's connector says to this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// The request this is the final answer of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// The request of the other side that the last of the events follows from. One that was told once, by
    /// whichever connector, is not told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<MessageId>,
    /// What changes for the handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// There are too many calls: for a moment the edge refuses by itself what begins one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overloaded: bool,
    /// For the client, in order.
    pub events: Vec<ClientEvent>,
}

impl Events {
    /// What a handle is to hear, of no call, and nothing else.
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
}

/// The place of events among all that is said to one side of a call. They can come twice, or by two
/// roads when a client has changed its edge; by their stamps they are heard once and in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sequence {
    /// The lease under which a connector says it: what comes under a smaller one is stale.
    pub term: u64,
    /// 1 for the first of a term, then one more each time.
    pub number: u64,
}

impl Sequence {
    /// Whether this comes right behind `earlier`: the next of its term, or the first of a later one.
    pub fn follows(self, earlier: Option<Self>) -> bool {
        match earlier {
            Some(earlier) if earlier.term == self.term => self.number.checked_sub(earlier.number) == Some(1),
            Some(earlier) if earlier.term > self.term => false,
            _ => self.number == 1,
        }
    }
}

/// What changes for a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It owns this name now.
    Registered(String),
    /// It does not own this name any more.
    Displaced(String),
    /// It is gone: its name is free.
    Released,
    /// It is in a call now; what it has to say goes to this backend's mailbox.
    Joined {
        /// The backend.
        backend: BackendName,
        /// The handle's side of the call.
        side: Side,
    },
    /// The callee has accepted: what waited for that may go.
    Answered,
    /// The call is over for it.
    Left,
}

/// One message for a client; its edge adds session, sender and plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEvent {
    /// A plugin event.
    Plugin {
        /// The transaction it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<String>,
        /// `plugindata.data`.
        data: Raw,
        /// The session description that goes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jsep: Option<Raw>,
    },
    /// A core event: `webrtcup`, `media`, `slowlink`, `trickle`, `hangup`.
    Core {
        /// Its name.
        janus: String,
        /// Its other members, an object; empty for none.
        fields: Raw,
    },
    /// A core error instead of an acknowledgement.
    Error {
        /// The transaction it answers.
        transaction: String,
        /// Janus' error code.
        code: u16,
        /// In words.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_follows_the_one_before_it_and_begins_each_term() {
        let stamp = |term, number| Sequence { term, number };
        for (stamp, earlier, follows) in [
            (stamp(7, 1), None, true),
            (stamp(7, 2), None, false),
            (stamp(7, 2), Some(stamp(7, 1)), true),
            (stamp(7, 2), Some(stamp(7, 2)), false),
            (stamp(7, 1), Some(stamp(7, 2)), false),
            (stamp(7, 4), Some(stamp(7, 2)), false),
            (stamp(9, 1), Some(stamp(7, 2)), true),
            (stamp(9, 3), Some(stamp(7, 2)), false),
            (stamp(6, 1), Some(stamp(7, 2)), false),
            (stamp(6, 3), Some(stamp(7, 2)), false),
            (stamp(7, 1), Some(stamp(7, u64::MAX)), false),
        ] {
            assert_eq!(stamp.follows(earlier), follows, "{stamp:?} after {earlier:?}");
        }
        assert!(stamp(6, 9) < stamp(7, 1), "a later term is later, whatever its numbers");
    }
}
