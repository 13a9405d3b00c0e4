//! Which messages of the edge's mailbox are dealt with, so that they can leave it.
//!
//! One is dealt with when what came of it is written down where another edge can go on with it. Until
//! then its [`Receipt`] goes along: from the mailbox to a connection, and from there to the scribe.
//! Messages leave in order, so the oldest receipt holds back all that is behind it. There is one for
//! each message that the mailbox still holds, no more than [`bus::MAX_BACKLOG`].

use bus::Mark;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The messages that were read and may not leave yet; clones share it.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Book>);

#[derive(Default)]
struct Book {
    /// From the oldest that is not dealt with: whether each is.
    marks: Mutex<BTreeMap<Mark, bool>>,
    settled: Notify,
}

/// A message of the mailbox that is being dealt with; dropped when it is.
#[must_use]
pub struct Receipt(Option<(Ledger, Mark)>);

impl Ledger {
    /// A message was read.
    pub fn enter(&self, mark: Mark) -> Receipt {
        self.marks().insert(mark, false);
        Receipt(Some((self.clone(), mark)))
    }

    /// Waits until more messages may leave: all up to this mark. Safe to cancel.
    pub async fn settled(&self) -> Mark {
        loop {
            self.0.settled.notified().await;
            if let Some(mark) = self.take_settled() {
                return mark;
            }
        }
    }

    /// How many messages were read and may not leave yet.
    pub fn open(&self) -> usize {
        self.marks().len()
    }

    fn take_settled(&self) -> Option<Mark> {
        let mut marks = self.marks();
        let mut last = None;
        while let Some(first) = marks.first_entry().filter(|first| *first.get()) {
            last = Some(first.remove_entry().0);
        }
        last
    }

    fn settle(&self, mark: Mark) {
        let mut marks = self.marks();
        marks.insert(mark, true);
        if marks.first_key_value().is_some_and(|(first, _)| *first == mark) {
            self.0.settled.notify_one();
        }
    }

    fn marks(&self) -> MutexGuard<'_, BTreeMap<Mark, bool>> {
        self.0.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receipt {
    /// For what did not come through the mailbox.
    pub fn none() -> Self {
        Self(None)
    }

    /// The message stays, for whichever edge has its session next.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some((ledger, mark)) = self.0.take() {
            ledger.settle(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::Bus;
    use bus::message::{Body, Canary, Message};
    use bus::topic::Mailbox;
    use futures_util::FutureExt;
    use protocol::ServiceId;

    async fn marks(count: u64) -> Vec<Mark> {
        let (bus, from) = (Bus::memory(), ServiceId::from("edge-1"));
        let mailbox = Mailbox::Edge(from.clone());
        let mut reader = bus.open(mailbox.clone()).await.unwrap();
        let mut marks = Vec::new();
        for number in 0..count {
            let canary = Canary { from: from.clone(), road: String::new(), number };
            bus.post(&mailbox, &Message::new(Body::Canary(canary))).await.unwrap();
            reader.next().await;
            marks.push(reader.mark().unwrap());
        }
        marks
    }

    #[tokio::test]
    async fn the_oldest_message_that_is_not_dealt_with_holds_back_the_others() {
        let marks = marks(4).await;
        let ledger = Ledger::default();
        let [one, two, three, four] = [0, 1, 2, 3].map(|at| ledger.enter(marks[at]));
        drop(two);
        assert_eq!(ledger.settled().now_or_never(), None);
        drop(one);
        assert_eq!(ledger.settled().now_or_never(), Some(marks[1]));
        drop(four);
        assert_eq!(ledger.settled().now_or_never(), None);
        drop(three);
        assert_eq!(ledger.settled().now_or_never(), Some(marks[3]));
        assert_eq!(ledger.open(), 0);
    }
}
