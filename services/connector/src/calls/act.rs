//! What a decision of the connector asks to be done. The backend's task does it, in order.

use bus::message::{CallRecord, Events};
use protocol::{CallId, ServiceId};

/// One thing to do.
#[derive(Debug)]
pub enum Act {
    /// Send this to Janus.
    Janus(String),
    /// Tell a client, through its edge.
    Edge(ServiceId, Events),
    /// Write a line of the `calls` log.
    Log(CallRecord),
    /// Free the call's handles, and only then tell its clients: one that hears of the end may call
    /// again at once.
    End(Ended),
}

/// A call that is over.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub call: CallId,
    /// What its clients are told.
    pub tell: Vec<(ServiceId, Events)>,
    /// Its last line in the `calls` log, if it had one before.
    pub log: Option<CallRecord>,
}
