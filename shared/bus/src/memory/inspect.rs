//! Entries of the memory bus, for operators. While an operator watches, every stream passes its new entries to the
//! [`Tap`]; otherwise the tap costs nothing.

use crate::codec::{Fields, LogLine};
use crate::inspect::{MAX_BYTES, MAX_ENTRIES, StreamEntry};
use common::clock::unix_millis;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};
use tokio::time::{Instant, timeout_at};

/// New entries that wait for a slow watcher; for a further one the oldest is dropped.
const TAP_BUFFER: usize = 256;

/// A new entry, with the key of its stream.
pub(super) type NewEntry = Arc<(String, StreamEntry)>;

/// Passes new entries of all streams to those who watch.
#[derive(Clone)]
pub(super) struct Tap(Sender<NewEntry>);

impl Default for Tap {
    fn default() -> Self {
        Self(broadcast::channel(TAP_BUFFER).0)
    }
}

impl Tap {
    pub(super) fn added(&self, key: &str, entry: impl FnOnce() -> StreamEntry) {
        if self.0.receiver_count() > 0 {
            let _ = self.0.send(Arc::new((key.to_owned(), entry())));
        }
    }

    pub(super) fn subscribe(&self) -> Receiver<NewEntry> {
        self.0.subscribe()
    }
}

/// The entry with this number, which was added at `since`.
pub(super) fn stream_entry(number: u64, since: Instant, fields: &Fields) -> StreamEntry {
    let at = unix_millis().saturating_sub(since.elapsed().as_millis() as u64);
    StreamEntry::new(number.to_string(), at, fields)
}

/// The line of a log with this number.
pub(super) fn from_line(number: u64, line: &LogLine) -> StreamEntry {
    let at = line.iter().find(|(name, _)| name == "at").and_then(|(_, at)| at.parse().ok());
    StreamEntry { id: number.to_string(), at: at.unwrap_or_default(), fields: line.clone() }
}

/// The newest of these entries that fit into [`MAX_BYTES`], and one entry more.
pub(super) fn newest_that_fit(mut entries: Vec<StreamEntry>) -> Vec<StreamEntry> {
    let mut bytes = 0;
    let fits = entries.iter().rev().take_while(|entry| {
        let bytes_before = bytes;
        bytes += entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        bytes_before < MAX_BYTES
    });
    let surplus = entries.len() - fits.count();
    entries.split_off(surplus)
}

/// Collects the entries that arrive in a stream behind `last`.
pub(super) async fn collect_new(
    mut arriving: Receiver<NewEntry>,
    key: &str,
    last: Option<u64>,
    watch: Duration,
) -> Vec<StreamEntry> {
    let deadline = Instant::now() + watch;
    let mut entries = Vec::new();
    while entries.len() < MAX_ENTRIES {
        match timeout_at(deadline, arriving.recv()).await {
            Ok(Ok(new)) => {
                let (stream, entry) = &*new;
                if stream == key && entry.id.parse().ok() > last {
                    entries.push(entry.clone());
                }
            }
            Ok(Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        }
    }
    entries
}
