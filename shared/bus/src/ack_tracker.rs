//! Tracks which messages of a mailbox may be trimmed.
//!
//! The owner of a mailbox gets an [`AckGuard`] for each message it reads, and passes clones of it to everything that
//! follows from the message. When the last clone is dropped, the effect of the message is stored where the next owner
//! finds it, and the message is acknowledged. A mailbox is trimmed from its old end only, so an acknowledged message
//! waits for all earlier ones.
//!
//! The tracker holds one entry for each message that was read and not trimmed.

use common::sync::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// The position of a message in a mailbox. Offsets of different mailboxes cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailboxOffset {
    /// How often the mailbox was lost and created again.
    pub(crate) epoch: u64,
    /// The entry: milliseconds and a number on Redis, a number in memory.
    pub(crate) entry: (u64, u64),
}

/// The messages that were read and not yet trimmed; clones share it.
#[derive(Clone, Default)]
pub struct AckTracker(Arc<Inner>);

/// Holds back the acknowledgement of one message. The default guards no message.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AckGuard(Option<Arc<TrackedMessage>>);

#[derive(Default)]
struct Inner {
    /// Whether each message is acknowledged.
    messages: Mutex<BTreeMap<MailboxOffset, bool>>,
    acked: Notify,
}

struct TrackedMessage {
    tracker: Arc<Inner>,
    offset: MailboxOffset,
    is_retained: AtomicBool,
}

impl AckTracker {
    /// Begins to track a message that was read.
    pub fn track(&self, offset: MailboxOffset) -> AckGuard {
        self.0.messages.lock().insert(offset, false);
        let (tracker, is_retained) = (self.0.clone(), AtomicBool::new(false));
        AckGuard(Some(Arc::new(TrackedMessage { tracker, offset, is_retained })))
    }

    /// Returns how many messages are unacknowledged, or wait for one that is.
    pub fn unacked(&self) -> usize {
        self.0.messages.lock().len()
    }

    /// Waits until more messages can be trimmed, and returns the offset of the last of them. Safe to cancel.
    pub async fn acked_through(&self) -> MailboxOffset {
        loop {
            match self.0.advance() {
                Some(offset) => return offset,
                None => self.0.acked.notified().await,
            }
        }
    }
}

impl AckGuard {
    /// Leaves the message in its mailbox, for the next owner.
    pub fn retain(self) {
        if let Some(message) = self.0 {
            message.is_retained.store(true, Ordering::Relaxed);
        }
    }
}

impl Inner {
    /// Removes the acknowledged messages at the old end.
    fn advance(&self) -> Option<MailboxOffset> {
        let mut messages = self.messages.lock();
        let mut last = None;
        while let Some(first) = messages.first_entry().filter(|first| *first.get()) {
            last = Some(first.remove_entry().0);
        }
        last
    }
}

impl fmt::Debug for TrackedMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.offset.fmt(formatter)
    }
}

impl Drop for TrackedMessage {
    fn drop(&mut self) {
        if !self.is_retained.load(Ordering::Relaxed) {
            self.tracker.messages.lock().insert(self.offset, true);
            self.tracker.acked.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn tracker_with<const COUNT: usize>() -> (AckTracker, [MailboxOffset; COUNT], [AckGuard; COUNT]) {
        let tracker = AckTracker::default();
        let offsets = std::array::from_fn(|number| MailboxOffset { epoch: 0, entry: (0, number as u64) });
        let guards = offsets.map(|offset| tracker.track(offset));
        (tracker, offsets, guards)
    }

    #[test]
    fn acked_message_waits_for_earlier_ones() {
        let (tracker, offsets, [first, second, third]) = tracker_with();
        drop(second);
        assert_eq!(tracker.acked_through().now_or_never(), None);
        let clone = first.clone();
        drop(first);
        assert_eq!(tracker.acked_through().now_or_never(), None);
        drop(clone);
        assert_eq!(tracker.acked_through().now_or_never(), Some(offsets[1]));
        assert_eq!(tracker.acked_through().now_or_never(), None, "it is returned once");
        drop(third);
        assert_eq!(tracker.acked_through().now_or_never(), Some(offsets[2]));
        assert_eq!(tracker.unacked(), 0);
    }

    #[test]
    fn retained_message_is_never_acked() {
        let (tracker, offsets, [first, second, third]) = tracker_with();
        drop((first, third));
        assert_eq!(tracker.acked_through().now_or_never(), Some(offsets[0]));
        second.retain();
        assert_eq!(tracker.acked_through().now_or_never(), None);
        assert_eq!(tracker.unacked(), 2);
    }
}
