//! Moves sessions from edge to edge.

pub mod claim;
pub mod forwarding;
pub mod liveness;
pub mod orphaned_mailboxes;
pub mod relocation;
pub mod surrender;
