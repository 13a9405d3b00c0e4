//! What was seen of the cluster so far, and why nothing new is seen. Pure.

use super::frame::Frame;
use super::memory::Memory;

/// What was seen.
#[derive(Default)]
pub struct Watch {
    /// Where rest is.
    pub address: String,
    pub memory: Memory,
    /// Why the last look failed.
    pub trouble: Option<String>,
}

impl Watch {
    /// Of the cluster that rest at this address is part of.
    pub fn of(address: &str) -> Self {
        Self { address: address.to_owned(), ..Self::default() }
    }

    /// What came of a look.
    pub fn learn(&mut self, look: Result<Frame, String>) {
        match look {
            Ok(frame) => {
                self.memory.learn(frame);
                self.trouble = None;
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }
}
