//! What a decision of the connector asks to be done. The backend's task does it, in order.

use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::{CallRecord, Deadline, EndKind, Events, ProxyInvite, ProxyReply};
use common::{CallId, ServiceId};
use directory::record;
use serde::{Deserialize, Serialize};

/// One thing to do.
#[derive(Debug)]
pub enum Action {
    /// Send this to Janus.
    SendToJanus(String),
    /// End this session on Janus.
    DestroySession(JanusId),
    /// Tell a client, through its edge.
    SendToEdge(ServiceId, Events),
    /// Tell a rest service that its peer may call.
    ReplyToRest(ServiceId, ProxyReply),
    /// Have a peer's proxy asked, as long as an answer is wanted.
    InviteProxy(ProxyInvite, Option<Deadline>),
    /// Once its clients have been told all that comes before: write down what is known of a call.
    SaveCall(SaveCall),
    /// Write a call down again in a directory that has lost it.
    RestoreCall(Box<record::Call>, String),
    /// Janus has not answered what a call needs: that counts against its plugin.
    JanusTimeout,
    /// Write a line of the `calls` log.
    Log(CallRecord),
    /// Free the call's handles, and only then tell its clients: one that hears of the end may call
    /// again at once.
    EndCall(EndedCall),
}

impl Action {
    /// Tell a client.
    pub fn send_to_edge((edge, events): (ServiceId, Events)) -> Self {
        Self::SendToEdge(edge, events)
    }
}

/// A call whose state has changed.
#[derive(Debug)]
pub struct SaveCall {
    /// Which.
    pub call: CallId,
    /// What is known of it.
    pub state: String,
    /// The messages that are done with that.
    pub acks: Vec<AckGuard>,
}

/// A call that is over.
#[derive(Debug)]
pub struct EndedCall {
    /// Which.
    pub call: CallId,
    /// What follows from it.
    pub notices: FinalNotices,
    /// The messages that are done with that.
    pub acks: Vec<AckGuard>,
}

/// What is to be said of the end of a call. It is written down with the end itself, so that the next
/// connector can say it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FinalNotices {
    /// What its clients are told.
    pub client_events: Vec<(ServiceId, Events)>,
    /// What a rest service that waits is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_refusal: Option<(ServiceId, ProxyReply)>,
    /// Its last line in the `calls` log, if it had one before, and what that comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<(CallRecord, EndKind)>,
}
