//! What was seen of the cluster so far, and why nothing new is seen. Pure.

use super::frame::ClusterView;
use super::memory::History;

/// What was seen.
#[derive(Default)]
pub struct ClusterMonitor {
    /// Where rest is.
    pub address: String,
    pub history: History,
    /// Why the last look failed.
    pub error: Option<String>,
}

impl ClusterMonitor {
    /// Of the cluster that rest at this address is part of.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), ..Self::default() }
    }

    /// What came of a look.
    pub fn apply(&mut self, look: Result<ClusterView, String>) {
        match look {
            Ok(frame) => {
                self.history.push(frame);
                self.error = None;
            }
            Err(trouble) => self.error = Some(trouble),
        }
    }
}
