//! Notices, and the canary, which carries no work.

use common::{BackendName, ServiceId};
use serde::{Deserialize, Serialize};

/// A notification for all services. A lost one does no harm: services also poll for the same facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A backend appeared, left or changed its state.
    BackendChanged(BackendName),
    /// A name moved to another handle.
    NameDisplaced(String),
    /// Checks that notices are delivered.
    Canary(Canary),
}

/// A synthetic message that checks a stream end to end and measures its latency.
///
/// Routers and rest services return a canary of a queue to the mailbox of its sender. In a mailbox, and as a notice,
/// the sender receives its canary itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The service that sent it.
    pub from: ServiceId,
    /// The stream it was sent on, by the sender's name for it.
    pub stream: String,
    /// The sender's running number.
    pub number: u64,
}
