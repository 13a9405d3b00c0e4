//! Which messages of a mailbox are done: those whose effect is where the next connector finds it.
//!
//! A message is read, and a [`Receipt`] goes with whatever follows from it; when the last clone of it
//! is dropped, the message is done. What is done behind a message that is not waits for that one:
//! a mailbox is only trimmed from its old end.
//!
//! At most [`ROOM`] messages may be under way; then the mailbox is not read.

use bus::Mark;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many messages may be under way.
const ROOM: usize = 4096;

/// The messages that are under way.
#[derive(Default)]
pub struct Ledger(Arc<Book>);

/// While one of its clones lives, a message is not done.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    _entry: Option<Arc<Entry>>,
}

#[derive(Default)]
struct Book {
    /// Whether each message is done.
    messages: Mutex<BTreeMap<Mark, bool>>,
    done: Notify,
}

struct Entry {
    book: Arc<Book>,
    mark: Mark,
}

impl Ledger {
    /// A message was read.
    pub fn enter(&self, mark: Mark) -> Receipt {
        self.0.messages().insert(mark, false);
        Receipt { _entry: Some(Arc::new(Entry { book: self.0.clone(), mark })) }
    }

    /// Whether one more may be read.
    pub fn has_room(&self) -> bool {
        self.0.messages().len() < ROOM
    }

    /// Waits until more messages are done, with all that came before them; the last of those. Safe
    /// to cancel.
    pub async fn done(&self) -> Mark {
        loop {
            match self.0.settle() {
                Some(mark) => return mark,
                None => self.0.done.notified().await,
            }
        }
    }
}

impl Book {
    fn settle(&self) -> Option<Mark> {
        let mut messages = self.messages();
        let mut settled = None;
        while let Some(entry) = messages.first_entry().filter(|entry| *entry.get()) {
            settled = Some(entry.remove_entry().0);
        }
        settled
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<Mark, bool>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mark.fmt(formatter)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.book.messages().insert(self.mark, true);
        self.book.done.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::message::{Body, LegRef, Message};
    use bus::topic::Mailbox;
    use bus::{Bus, MailboxReader};
    use futures_util::FutureExt;
    use protocol::{BackendName, CallId, Side};

    async fn mailbox_with(messages: usize) -> MailboxReader {
        let (bus, mailbox) = (Bus::memory(), Mailbox::Backend(BackendName::from("a")));
        let reader = bus.open(mailbox.clone()).await.unwrap();
        for _ in 0..messages {
            let leg = LegRef { call: CallId::fresh(), side: Side::Caller };
            bus.post(&mailbox, &Message::new(Body::Hangup(leg))).await.unwrap();
        }
        reader
    }

    async fn read(mailbox: &mut MailboxReader) -> Mark {
        mailbox.next().await;
        mailbox.mark().unwrap()
    }

    #[tokio::test]
    async fn what_is_done_waits_for_what_came_before() {
        let (ledger, mut mailbox) = (Ledger::default(), mailbox_with(3).await);
        let marks = [read(&mut mailbox).await, read(&mut mailbox).await, read(&mut mailbox).await];
        let [first, second, third] = marks.map(|mark| ledger.enter(mark));
        drop(second);
        assert_eq!(ledger.done().now_or_never(), None);
        let clone = first.clone();
        drop(first);
        assert_eq!(ledger.done().now_or_never(), None);
        drop(clone);
        assert_eq!(ledger.done().now_or_never(), Some(marks[1]));
        assert_eq!(ledger.done().now_or_never(), None, "it is said once");
        drop(third);
        assert_eq!(ledger.done().now_or_never(), Some(marks[2]));
    }

    #[tokio::test]
    async fn it_has_room_for_so_many() {
        let (ledger, mut mailbox) = (Ledger::default(), mailbox_with(ROOM).await);
        let mut receipts = Vec::new();
        while ledger.has_room() {
            receipts.push(ledger.enter(read(&mut mailbox).await));
        }
        assert_eq!(receipts.len(), ROOM);
        receipts.truncate(1);
        assert_eq!(ledger.done().now_or_never(), None);
        receipts.clear();
        assert!(ledger.done().now_or_never().is_some() && ledger.has_room());
    }
}
