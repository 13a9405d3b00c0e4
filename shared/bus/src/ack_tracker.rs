//! Which messages of a mailbox are done: those whose effect is where the mailbox's next owner finds it.
//!
//! A message is read, and a [`Receipt`] goes with whatever follows from it; when the last clone of that
//! is dropped, the message is done. What is done behind a message that is not waits for that one: a
//! mailbox is only trimmed from its old end.
//!
//! Holds one entry for each message that its owner has read and that is not done.

use crate::MailboxOffset;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The messages that were read and are not done; clones share it.
#[derive(Clone, Default)]
pub struct AckTracker(Arc<Inner>);

/// While one of its clones lives, a message is not done. The default is that of no message.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AckGuard(Option<Arc<TrackedMessage>>);

#[derive(Default)]
struct Inner {
    /// Whether each message is done.
    messages: Mutex<BTreeMap<MailboxOffset, bool>>,
    acked: Notify,
}

struct TrackedMessage {
    tracker: Arc<Inner>,
    offset: MailboxOffset,
    is_retained: AtomicBool,
}

impl AckTracker {
    /// A message has been read.
    pub fn track(&self, mark: MailboxOffset) -> AckGuard {
        self.0.messages().insert(mark, false);
        AckGuard(Some(Arc::new(TrackedMessage {
            tracker: self.0.clone(),
            offset: mark,
            is_retained: AtomicBool::new(false),
        })))
    }

    /// How many messages are not done, or wait for one that is not.
    pub fn unacked(&self) -> usize {
        self.0.messages().len()
    }

    /// Waits until more messages are done, with all that came before them; the last of those. Safe
    /// to cancel.
    pub async fn acked_through(&self) -> MailboxOffset {
        loop {
            match self.0.advance() {
                Some(mark) => return mark,
                None => self.0.acked.notified().await,
            }
        }
    }
}

impl AckGuard {
    /// The message stays in its mailbox, for whoever has that next.
    pub fn retain(self) {
        if let Some(entry) = self.0 {
            entry.is_retained.store(true, Ordering::Relaxed);
        }
    }
}

impl Inner {
    fn advance(&self) -> Option<MailboxOffset> {
        let mut messages = self.messages();
        let mut settled = None;
        while let Some(entry) = messages.first_entry().filter(|entry| *entry.get()) {
            settled = Some(entry.remove_entry().0);
        }
        settled
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<MailboxOffset, bool>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.tracker.messages().insert(self.offset, true);
            self.tracker.acked.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn ledger_with<const COUNT: usize>() -> (AckTracker, [MailboxOffset; COUNT], [AckGuard; COUNT]) {
        let ledger = AckTracker::default();
        let marks = std::array::from_fn(|number| MailboxOffset { epoch: 0, entry: (0, number as u64) });
        let receipts = marks.map(|mark| ledger.track(mark));
        (ledger, marks, receipts)
    }

    #[test]
    fn what_is_done_waits_for_what_came_before() {
        let (ledger, marks, [first, second, third]) = ledger_with();
        drop(second);
        assert_eq!(ledger.acked_through().now_or_never(), None);
        let clone = first.clone();
        drop(first);
        assert_eq!(ledger.acked_through().now_or_never(), None);
        drop(clone);
        assert_eq!(ledger.acked_through().now_or_never(), Some(marks[1]));
        assert_eq!(ledger.acked_through().now_or_never(), None, "it is said once");
        drop(third);
        assert_eq!(ledger.acked_through().now_or_never(), Some(marks[2]));
        assert_eq!(ledger.unacked(), 0);
    }

    #[test]
    fn what_is_kept_is_never_done() {
        let (ledger, marks, [first, second, third]) = ledger_with();
        drop((first, third));
        assert_eq!(ledger.acked_through().now_or_never(), Some(marks[0]));
        second.retain();
        assert_eq!(ledger.acked_through().now_or_never(), None);
        assert_eq!(ledger.unacked(), 2);
    }
}
