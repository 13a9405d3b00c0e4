//! What a decision of the connector asks to be done. The backend's task does it, in order.

use crate::janus::message::JanusId;
use bus::ledger::Receipt;
use bus::message::{AskPeer, CallRecord, Deadline, EndKind, Events, PeerAnswer};
use directory::record;
use protocol::{CallId, ServiceId};
use serde::{Deserialize, Serialize};

/// One thing to do.
#[derive(Debug)]
pub enum Act {
    /// Send this to Janus.
    Janus(String),
    /// End this session on Janus.
    Destroy(JanusId),
    /// Tell a client, through its edge.
    Edge(ServiceId, Events),
    /// Tell a rest service that its peer may call.
    Answer(ServiceId, PeerAnswer),
    /// Have a peer's proxy asked, as long as an answer is wanted.
    Ask(AskPeer, Option<Deadline>),
    /// Once its clients have been told all that comes before: write down what is known of a call.
    Save(Save),
    /// Write a call down again in a directory that has lost it.
    Restore(Box<record::Call>, String),
    /// Janus has not answered what a call needs: that counts against its plugin.
    Unanswered,
    /// Write a line of the `calls` log.
    Log(CallRecord),
    /// Free the call's handles, and only then tell its clients: one that hears of the end may call
    /// again at once.
    End(Ended),
}

impl Act {
    /// Tell a client.
    pub fn edge((edge, events): (ServiceId, Events)) -> Self {
        Self::Edge(edge, events)
    }
}

/// A call whose state has changed.
#[derive(Debug)]
pub struct Save {
    /// Which.
    pub call: CallId,
    /// What is known of it.
    pub state: String,
    /// The messages that are done with that.
    pub receipts: Vec<Receipt>,
}

/// A call that is over.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub call: CallId,
    /// What follows from it.
    pub letter: Letter,
    /// The messages that are done with that.
    pub receipts: Vec<Receipt>,
}

/// What is to be said of the end of a call. It is written down with the end itself, so that the next
/// connector can say it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Letter {
    /// What its clients are told.
    pub tell: Vec<(ServiceId, Events)>,
    /// What a rest service that waits is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<(ServiceId, PeerAnswer)>,
    /// Its last line in the `calls` log, if it had one before, and what that comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<(CallRecord, EndKind)>,
}
