//! What a decision of the edge asks to be done. The connection does it, in order.

use bus::message::Message;
use common::BackendName;
use protocol::{HandleRef, SessionId};

/// One thing to do.
#[derive(Debug)]
pub enum Action {
    /// Tell the session's client; kept for later while it is away.
    SendToClient(SessionId, String),
    /// Put a message on the bus. If that fails, the handle is told with the message's id.
    Publish(Destination, Box<Message>, HandleRef),
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the routers.
    Requests,
    /// To the connector that serves this backend.
    Backend(BackendName),
}
