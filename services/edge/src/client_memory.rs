//! How many bytes the clients of an edge may make it hold: requests and events that wait, messages that are incomplete or
//! unread.
//!
//! Each [`MemoryShare`] may take a part of what is free, [`FREE_PARTS`], but no more than [`MAX_SHARE`]. So one client alone
//! takes little, many together take less each, and there is always room for another. A share that holds more than it may
//! take now keeps it, and takes no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A share may hold this part of what is free, as a divisor.
const FREE_PARTS: usize = 32;
/// The most and the least that a share may hold, in bytes.
pub const MAX_SHARE: usize = 4 << 20;
const MIN_SHARE: usize = 4 << 10;

/// The memory for all clients of an edge.
#[derive(Debug)]
pub struct ClientMemory {
    max: usize,
    held: AtomicUsize,
}

impl ClientMemory {
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, held: AtomicUsize::new(0) })
    }

    /// A share that holds nothing.
    pub fn share(self: &Arc<Self>) -> MemoryShare {
        MemoryShare { memory: self.clone(), held: 0 }
    }

    /// The bytes that all shares hold.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub fn max(&self) -> usize {
        self.max
    }

    /// How much a share may hold now.
    fn allowance(&self) -> usize {
        (self.max.saturating_sub(self.held()) / FREE_PARTS).clamp(MIN_SHARE, MAX_SHARE)
    }
}

/// What one buffer of a client holds.
#[derive(Debug)]
pub struct MemoryShare {
    memory: Arc<ClientMemory>,
    held: usize,
}

impl MemoryShare {
    /// Records how many bytes the buffer holds.
    pub fn set(&mut self, bytes: usize) {
        let held = &self.memory.held;
        if bytes > self.held {
            held.fetch_add(bytes - self.held, Ordering::Relaxed);
        } else if bytes < self.held {
            held.fetch_sub(self.held - bytes, Ordering::Relaxed);
        }
        self.held = bytes;
    }

    /// Whether the buffer may hold so many bytes now.
    pub fn may_hold(&self, bytes: usize) -> bool {
        bytes <= self.held || bytes <= self.allowance()
    }

    /// How many bytes the buffer may hold now.
    pub fn allowance(&self) -> usize {
        self.memory.allowance()
    }

    pub fn memory(&self) -> &Arc<ClientMemory> {
        &self.memory
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets each of the shares take all that it may; returns what they hold together.
    fn fill(shares: &mut [MemoryShare]) -> usize {
        let mut held = 0;
        for share in shares {
            let allowance = share.allowance();
            assert!(share.may_hold(allowance) && !share.may_hold(allowance + 1));
            share.set(allowance);
            held += allowance;
        }
        held
    }

    #[test]
    fn clients_together_hold_no_more_than_the_bound() {
        let max = 64 << 20;
        for count in [1, 100, 1_000] {
            let memory = ClientMemory::new(max);
            let mut shares: Vec<_> = (0..count).map(|_| memory.share()).collect();
            let held = fill(&mut shares);
            assert_eq!(memory.held(), held);
            assert!(held <= max + count * MIN_SHARE, "{count} clients hold {held}");
            assert!(memory.share().may_hold(MIN_SHARE), "there is room for another");
            drop(shares);
            assert_eq!(memory.held(), 0);
        }
    }

    #[test]
    fn one_client_holds_little() {
        let memory = ClientMemory::new(64 << 20);
        assert_eq!(memory.share().allowance(), 2 << 20);
        assert_eq!(ClientMemory::new(1 << 30).share().allowance(), MAX_SHARE);
    }

    #[test]
    fn share_keeps_what_it_holds_when_others_take_more() {
        let memory = ClientMemory::new(64 << 20);
        let (mut first, mut second) = (memory.share(), memory.share());
        first.set(2 << 20);
        second.set(32 << 20);
        assert!(first.may_hold(2 << 20) && !first.may_hold((2 << 20) + 1));
    }
}
