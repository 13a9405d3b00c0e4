//! A session moves from one edge to another.

pub mod claim;
pub mod forwarding;
pub mod orphaned_mailboxes;
pub mod relocation;
