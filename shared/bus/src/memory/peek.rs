//! Looks at entries of the memory bus, for operators. While somebody looks on, every road tells the *tap*
//! what is added; else nobody does, and it costs nothing.

use super::{MemoryBus, locked};
use crate::LogLine;
use crate::codec::Fields;
use crate::entries::{MAX_BYTES, MAX_ENTRIES, StreamEntry};
use crate::message::unix_millis;
use crate::topic::Log;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};
use tokio::time::{Instant, timeout_at};

/// How many entries may wait for one who looks on; the oldest are then missed.
const TAP_BUFFER: usize = 256;

/// Where roads tell what is added to them.
#[derive(Clone)]
pub(super) struct Tap(Sender<Arc<(String, StreamEntry)>>);

impl Default for Tap {
    fn default() -> Self {
        Self(broadcast::channel(TAP_BUFFER).0)
    }
}

impl Tap {
    /// This entry is added to the road with that key.
    pub(super) fn added(&self, key: &str, entry: impl FnOnce() -> StreamEntry) {
        if self.0.receiver_count() > 0 {
            let _ = self.0.send(Arc::new((key.to_owned(), entry())));
        }
    }
}

/// The entry with this number, added so long ago.
pub(super) fn stream_entry(number: u64, since: Instant, fields: &Fields) -> StreamEntry {
    let at = unix_millis().saturating_sub(since.elapsed().as_millis() as u64);
    StreamEntry::new(number.to_string(), at, fields)
}

/// The line with this number.
pub(super) fn from_line(number: u64, line: &LogLine) -> StreamEntry {
    let at = line.iter().find(|(name, _)| name == "at").and_then(|(_, at)| at.parse().ok());
    StreamEntry { id: number.to_string(), at: at.unwrap_or_default(), fields: line.clone() }
}

impl MemoryBus {
    pub(crate) async fn peek(&self, key: &str, count: usize, watch: Duration) -> Option<Vec<StreamEntry>> {
        let tap = self.streams.logs.tap.0.subscribe();
        let mut seen = bounded(self.newest(key, count)?);
        if !watch.is_zero() {
            let last = seen.last().and_then(|entry| entry.id.parse().ok());
            seen.extend(collect_new(tap, key, last, watch).await);
        }
        Some(seen)
    }

    fn newest(&self, key: &str, count: usize) -> Option<Vec<StreamEntry>> {
        if let Some(queue) = locked(&self.streams.queues).get(key) {
            return Some(queue.newest(count));
        }
        if let Some(log) = Log::ALL.into_iter().find(|log| log.key() == key) {
            let (_, added) = self.streams.logs.counts(log)?;
            let lines = self.streams.logs.tail(log, count);
            let first = added - lines.len() as u64;
            return Some((first..).zip(&lines).map(|(number, line)| from_line(number, line)).collect());
        }
        Some(self.mailbox(key)?.newest(count))
    }
}

/// The newest of them that fit.
fn bounded(mut entries: Vec<StreamEntry>) -> Vec<StreamEntry> {
    let mut bytes = 0;
    let fits = entries.iter().rev().take_while(|entry| {
        let before = bytes;
        bytes += entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        before < MAX_BYTES
    });
    let surplus = entries.len() - fits.count();
    entries.split_off(surplus)
}

async fn collect_new(
    mut tap: Receiver<Arc<(String, StreamEntry)>>,
    key: &str,
    last: Option<u64>,
    watch: Duration,
) -> Vec<StreamEntry> {
    let (until, mut seen) = (Instant::now() + watch, Vec::new());
    while seen.len() < MAX_ENTRIES {
        match timeout_at(until, tap.recv()).await {
            Ok(Ok(added)) if added.0 == key && added.1.id.parse().ok() > last => seen.push(added.1.clone()),
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        }
    }
    seen
}
