//! The consumer group of a queue, as one of its consumers uses it, with one method for each command.

use crate::redis::blocking::BLOCK_TIMEOUT;
use crate::redis::context::Context;
use crate::redis::parse::{self, EntryId, PendingEntry, RawEntry};
use crate::topic::{self, REDELIVER_AFTER};
use ::redis::{Cmd, RedisError, RedisResult, Value, cmd, pipe};
use std::time::Duration;

/// The one consumer group of every queue.
pub(in crate::redis) const GROUP: &str = "workers";
/// The most messages that are read, or reclaimed, at a time.
pub(super) const READ_BATCH: usize = 64;
/// More than the pending entries of any worker.
const MAX_PENDING: usize = 10_000;
/// The idle time of a released entry, with which it counts as overdue.
const OVERDUE_IDLE: Duration = Duration::from_secs(3600);
/// A consumer without pending entries is removed after this idle time.
const REMOVE_CONSUMER_AFTER: Duration = Duration::from_secs(300);

pub(super) struct ConsumerGroup {
    pub(super) context: Context,
    pub(super) key: String,
    consumer: String,
}

impl ConsumerGroup {
    pub(super) fn new(context: &Context, key: String, consumer: &str) -> Self {
        Self { context: context.clone(), key, consumer: consumer.to_owned() }
    }

    /// Creates the group, and the stream, where they are missing.
    pub(super) async fn create(&self) -> RedisResult<()> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.key).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.context.try_query(&create).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            result => result,
        }
    }

    /// Creates the group again, if this error says that it is missing.
    pub(super) async fn recreate(&self, error: &RedisError) {
        if error.code() == Some("NOGROUP") {
            let _ = self.create().await;
        }
    }

    /// The command that waits for new messages.
    pub(super) fn read_command(&self) -> Cmd {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer);
        read.arg("COUNT").arg(READ_BATCH).arg("BLOCK").arg(BLOCK_TIMEOUT.as_millis() as u64);
        read.arg("STREAMS").arg(&self.key).arg(">");
        read
    }

    /// Resets the idle time of the consumer. Redis itself resets it when entries are delivered, and not while the
    /// consumer waits. This reads the consumer's pending entries after an id that no entry exceeds, so it finds none.
    /// (After the greatest possible id, Redis would start over at the first.)
    pub(super) async fn touch_consumer(&self) -> RedisResult<()> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(1);
        read.arg("STREAMS").arg(&self.key).arg(EntryId(u64::MAX, 0).to_string());
        self.context.try_query::<Value>(&read).await.map(drop)
    }

    pub(super) async fn acknowledge(&self, ids: &[EntryId]) -> RedisResult<()> {
        let ids: Vec<String> = ids.iter().map(EntryId::to_string).collect();
        let mut both = pipe();
        both.cmd("XACK").arg(&self.key).arg(GROUP).arg(&ids).ignore();
        both.cmd("XDEL").arg(&self.key).arg(&ids).ignore();
        self.context.try_query(&both).await
    }

    /// The overdue entries of all consumers.
    pub(super) async fn overdue(&self) -> RedisResult<Vec<PendingEntry>> {
        let mut pending = cmd("XPENDING");
        pending.arg(&self.key).arg(GROUP).arg("IDLE").arg(REDELIVER_AFTER.as_millis() as u64);
        pending.arg("-").arg("+").arg(READ_BATCH);
        self.context.try_query(&pending).await.map(parse::pending)
    }

    /// Claims those of these entries that are still overdue.
    pub(super) async fn claim(&self, overdue: &[PendingEntry]) -> RedisResult<Vec<RawEntry>> {
        let mut claim = self.claim_command(REDELIVER_AFTER);
        claim.arg(overdue.iter().map(|pending| pending.id.to_string()).collect::<Vec<_>>());
        self.context.try_query(&claim).await.map(parse::entries)
    }

    /// Counts redeliveries, for operators. A failure is ignored.
    pub(super) async fn count_redelivered(&self, count: usize) {
        if count > 0 {
            let mut add = cmd("INCRBY");
            add.arg(topic::redelivered_key(&self.key)).arg(count);
            let _ = self.context.try_query::<()>(&add).await;
        }
    }

    /// Resets the idle time of these entries.
    pub(super) async fn reset_idle(&self, ids: &[EntryId]) -> RedisResult<()> {
        let mut claim = self.claim_command(Duration::ZERO);
        claim.arg(ids.iter().map(EntryId::to_string).collect::<Vec<_>>()).arg("JUSTID");
        self.context.try_query(&claim).await
    }

    /// Makes these entries overdue, so that other consumers claim them at once.
    pub(super) async fn release(&self, entries: &[PendingEntry]) -> RedisResult<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut all = pipe();
        for PendingEntry { id, deliveries } in entries {
            let mut claim = self.claim_command(Duration::ZERO);
            claim.arg(id.to_string()).arg("IDLE").arg(OVERDUE_IDLE.as_millis() as u64);
            claim.arg("RETRYCOUNT").arg(*deliveries).arg("JUSTID");
            all.add_command(claim).ignore();
        }
        self.context.try_query(&all).await
    }

    /// Releases all pending entries of this consumer.
    pub(super) async fn release_all(&self) -> RedisResult<()> {
        let mut pending = cmd("XPENDING");
        pending.arg(&self.key).arg(GROUP).arg("-").arg("+").arg(MAX_PENDING).arg(&self.consumer);
        let entries = self.context.try_query(&pending).await.map(parse::pending)?;
        self.release(&entries).await
    }

    /// Removes consumers that have left.
    pub(super) async fn sweep(&self) -> RedisResult<()> {
        let mut call = self.context.scripts.sweep.key(&self.key);
        self.context.try_query(call.arg(GROUP).arg(REMOVE_CONSUMER_AFTER.as_millis() as u64)).await
    }

    fn claim_command(&self, min_idle: Duration) -> Cmd {
        let mut claim = cmd("XCLAIM");
        claim.arg(&self.key).arg(GROUP).arg(&self.consumer).arg(min_idle.as_millis() as u64);
        claim
    }
}
