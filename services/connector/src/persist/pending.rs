//! What waits to be written to the directory: at most one value a call, and the connector's record.

use bus::ack_tracker::AckGuard;
use common::CallId;
use common::coalescing_queue::{Coalesce, CoalescingQueue};
use directory::record;
use std::sync::Arc;

pub type WriteQueue = CoalescingQueue<Item, PendingWrite>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    ConnectorRecord,
    Call(CallId),
}

/// The latest state of a call, or the connector's record.
#[derive(Default)]
pub struct PendingWrite {
    /// How many messages to the call's clients are not on the bus yet. The state waits for them: the next
    /// connector assumes that they were sent.
    unsent: usize,
    pub state: Option<String>,
    /// The call's record, if the directory has lost it.
    pub lost: Option<Box<record::Call>>,
    /// The mailbox messages that are handled once the state is written.
    pub acks: Vec<AckGuard>,
}

impl PendingWrite {
    /// Removes all but the count of unsent messages. Returns the guards.
    pub fn discard(&mut self) -> Vec<AckGuard> {
        let discarded = std::mem::take(self);
        self.unsent = discarded.unsent;
        discarded.acks
    }
}

impl Coalesce for PendingWrite {
    fn merge_older(&mut self, older: Self) {
        self.state = self.state.take().or(older.state);
        self.lost = self.lost.take().or(older.lost);
        self.acks.extend(older.acks);
    }

    fn is_ready(&self) -> bool {
        self.unsent == 0 && self.state.is_some()
    }

    fn is_empty(&self) -> bool {
        self.unsent == 0 && self.state.is_none()
    }
}

/// Holds back the state of a call while a message to one of its clients is on its way to the bus.
pub struct NotifyGuard {
    queue: Arc<WriteQueue>,
    call: CallId,
}

impl NotifyGuard {
    pub fn new(queue: &Arc<WriteQueue>, call: CallId) -> Self {
        queue.update(Item::Call(call), |write| write.unsent += 1);
        Self { queue: queue.clone(), call }
    }
}

impl Drop for NotifyGuard {
    fn drop(&mut self) {
        self.queue.update(Item::Call(self.call), |write| write.unsent -= 1);
    }
}
