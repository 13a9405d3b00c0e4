//! The consumer group of a queue, as one of its consumers uses it: one function a command.

use crate::REDELIVER_AFTER;
use crate::redis::RedisBus;
use crate::redis::connection::BLOCK_TIMEOUT;
use crate::redis::reply::{self, EntryId, PendingEntry, RawEntry};
use crate::topic;
use ::redis::{Cmd, RedisError, RedisResult, Value, cmd, pipe};
use std::time::Duration;

/// The one consumer group of every queue.
pub(in crate::redis) const GROUP: &str = "workers";
/// How many messages are read, or taken over, at a time.
pub(super) const READ_BATCH: usize = 64;
/// More than any worker can hold.
const MAX_PENDING: usize = 10_000;
/// An idle time that everybody takes for death.
const OVERDUE_IDLE: Duration = Duration::from_secs(3600);
/// A consumer that has been silent for so long and holds nothing will not come back.
const REMOVE_CONSUMER_AFTER: Duration = Duration::from_secs(300);

pub(super) struct ConsumerGroup {
    pub(super) bus: RedisBus,
    pub(super) key: String,
    pub(super) consumer: String,
}

impl ConsumerGroup {
    pub(super) fn new(bus: &RedisBus, key: String, consumer: &str) -> Self {
        Self { bus: bus.clone(), key, consumer: consumer.to_owned() }
    }

    /// Makes the group, and the stream, where they are missing.
    pub(super) async fn create(&self) -> RedisResult<()> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(&self.key).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.bus.shared.try_query(&create).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            result => result,
        }
    }

    /// After an error: a group that was flushed is made anew.
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

    /// Tells Redis that this consumer is there: it notes it where entries are given out, not where one
    /// waits for them. Asks for what the consumer holds behind all ids there are, which is nothing (behind the
    /// very last one Redis begins at the first again).
    pub(super) async fn touch_consumer(&self) -> RedisResult<()> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(1);
        read.arg("STREAMS").arg(&self.key).arg(EntryId(u64::MAX, 0).to_string());
        self.bus.shared.try_query::<Value>(&read).await.map(drop)
    }

    pub(super) async fn acknowledge(&self, ids: &[EntryId]) -> RedisResult<()> {
        let ids: Vec<String> = ids.iter().map(EntryId::to_string).collect();
        let mut both = pipe();
        both.cmd("XACK").arg(&self.key).arg(GROUP).arg(&ids).ignore();
        both.cmd("XDEL").arg(&self.key).arg(&ids).ignore();
        self.bus.shared.try_pipe(&both).await
    }

    /// What nobody has finished in time, whoever has it.
    pub(super) async fn overdue(&self) -> RedisResult<Vec<PendingEntry>> {
        let mut pending = cmd("XPENDING");
        pending.arg(&self.key).arg(GROUP).arg("IDLE").arg(REDELIVER_AFTER.as_millis() as u64);
        pending.arg("-").arg("+").arg(READ_BATCH);
        self.bus.shared.try_query(&pending).await.map(reply::pending)
    }

    /// Takes over what is still overdue of these.
    pub(super) async fn claim(&self, overdue: &[PendingEntry]) -> RedisResult<Vec<RawEntry>> {
        let mut claim = self.claim_command(REDELIVER_AFTER);
        claim.arg(overdue.iter().map(|pending| pending.id.to_string()).collect::<Vec<_>>());
        self.bus.shared.try_query(&claim).await.map(reply::entries)
    }

    /// Counts, for operators, what was taken over. Nothing depends on it: what is not counted is done all the
    /// same.
    pub(super) async fn count_redelivered(&self, count: usize) {
        if count > 0 {
            let mut add = cmd("INCRBY");
            add.arg(topic::redelivered_key(&self.key)).arg(count);
            let _ = self.bus.shared.try_query::<()>(&add).await;
        }
    }

    /// Starts the time of these anew.
    pub(super) async fn reset_idle(&self, ids: &[EntryId]) -> RedisResult<()> {
        let mut claim = self.claim_command(Duration::ZERO);
        claim.arg(ids.iter().map(EntryId::to_string).collect::<Vec<_>>()).arg("JUSTID");
        self.bus.shared.try_query(&claim).await
    }

    /// Lets others have these at once.
    pub(super) async fn release(&self, held: &[PendingEntry]) -> RedisResult<()> {
        if held.is_empty() {
            return Ok(());
        }
        let mut all = pipe();
        for PendingEntry { id, deliveries } in held {
            let mut claim = self.claim_command(Duration::ZERO);
            claim.arg(id.to_string()).arg("IDLE").arg(OVERDUE_IDLE.as_millis() as u64);
            claim.arg("RETRYCOUNT").arg(*deliveries).arg("JUSTID");
            all.add_command(claim).ignore();
        }
        self.bus.shared.try_pipe(&all).await
    }

    /// Lets others have all that this consumer holds.
    pub(super) async fn release_all(&self) -> RedisResult<()> {
        let mut pending = cmd("XPENDING");
        pending.arg(&self.key).arg(GROUP).arg("-").arg("+").arg(MAX_PENDING).arg(&self.consumer);
        let held = self.bus.shared.try_query(&pending).await.map(reply::pending)?;
        self.release(&held).await
    }

    /// Forgets consumers that are gone.
    pub(super) async fn sweep(&self) -> RedisResult<()> {
        let mut call = self.bus.scripts.sweep.key(&self.key);
        self.bus.shared.try_invoke(call.arg(GROUP).arg(REMOVE_CONSUMER_AFTER.as_millis() as u64)).await
    }

    fn claim_command(&self, least_idle: Duration) -> Cmd {
        let mut claim = cmd("XCLAIM");
        claim.arg(&self.key).arg(GROUP).arg(&self.consumer).arg(least_idle.as_millis() as u64);
        claim
    }
}
