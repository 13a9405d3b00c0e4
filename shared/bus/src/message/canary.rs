//! A message that does nothing but arrive: it shows that a road is open, and how long it takes.

use common::ServiceId;
use serde::{Deserialize, Serialize};

/// A canary. A router that gets one sends it back to the mailbox of the edge that sent it, a rest service
/// to that of the rest service; in a mailbox, and as a notice, its sender hears it himself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Who sent it.
    pub from: ServiceId,
    /// The road it was sent on, as its sender calls it.
    pub stream: String,
    /// The sender's own count.
    pub number: u64,
}
