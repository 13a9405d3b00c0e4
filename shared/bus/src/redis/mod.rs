//! The bus over one Redis server.
//!
//! | stream | key | form |
//! |---|---|---|
//! | queue | [`Queue::key`] | stream with the consumer group `workers`; acknowledged entries are deleted |
//! | mailbox | [`Mailbox::key`] | stream with a TTL, read by a cursor, trimmed behind it |
//! | notices | [`NOTICES`] | pub/sub channel |
//! | logs | [`Log::key`] | capped stream |
//!
//! Sends and other short commands share one connection. Each blocking reader has its own connection and task, so that
//! dropping a `next()` loses no reply. A send is one round trip: a script checks the length and adds the entry, unless
//! the length is known from a recent send.
//!
//! Failure: a send waits at most [`RESPONSE_TIMEOUT`] and then returns `Unavailable`. Readers reconnect with a growing
//! delay, and create keys and groups again that a flush has removed. Acknowledgements wait for Redis in a bounded
//! queue; when it is full they are dropped, and the messages are delivered again.

mod blocking;
mod capacity;
mod context;
mod fan_out;
mod inspect;
mod mailbox;
mod parse;
mod queue;

pub use context::RESPONSE_TIMEOUT;
pub use fan_out::{RedisFollower, RedisNotices};
pub use mailbox::RedisMailbox;
pub use queue::{RedisAck, RedisWorker};

use crate::ack_tracker::MailboxOffset;
use crate::codec::{self, Fields, LogLine};
use crate::error::SendError;
use crate::inspect::{StreamEntry, StreamStats};
use crate::message::{CallRecord, Message, Notice};
use crate::metrics;
use crate::topic::{Log, Mailbox, NOTICES, OVERLOADED_MAILBOX, Queue};
use ::redis::{cmd, pipe};
use capacity::LengthCache;
use context::{Context, NO_MAILBOX, append};
use mailbox::OwnedMailboxes;
use redis_connection::Server;
use std::sync::Arc;
use std::time::Duration;

/// The bus over a Redis server; clones share it.
#[derive(Clone)]
pub struct RedisBus {
    context: Context,
    lengths: Arc<LengthCache>,
    owned_mailboxes: OwnedMailboxes,
}

impl RedisBus {
    pub(crate) async fn connect(server: &Server) -> Result<Self, SendError> {
        let context = Context::connect(server.clone()).await?;
        Ok(Self { context, lengths: Arc::default(), owned_mailboxes: OwnedMailboxes::default() })
    }

    pub(crate) async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        self.add(&queue.key(), None, message).await
    }

    pub(crate) async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        self.add(&mailbox.key(), Some("NOMKSTREAM"), message).await
    }

    pub(crate) fn is_overloaded(&self, mailbox: &Mailbox) -> bool {
        self.lengths.has_at_least(&mailbox.key(), OVERLOADED_MAILBOX)
    }

    pub(crate) async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        let json = serde_json::to_string(notice).expect("a notice is plain JSON");
        self.context.query(cmd("PUBLISH").arg(NOTICES).arg(json)).await
    }

    pub(crate) async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        let mut pipe = pipe();
        for record in records {
            pipe.add_command(append(Log::Calls, &codec::call_line(record))).ignore();
        }
        self.context.query(&pipe).await
    }

    pub(crate) async fn trim_logs(&self) -> Result<(), SendError> {
        for log in Log::ALL {
            let mut trim = self.context.scripts.trim_log.key(log.key());
            trim.arg(log.max_age().as_millis() as u64).arg(log.max_bytes());
            () = self.context.query(&trim).await?;
        }
        Ok(())
    }

    pub(crate) async fn join_workers(&self, queue: Queue, worker: &str) -> RedisWorker {
        RedisWorker::join(&self.context, queue.key(), worker).await
    }

    pub(crate) async fn open(&self, mailbox: Mailbox) -> Result<RedisMailbox, SendError> {
        RedisMailbox::open(&self.context, &self.owned_mailboxes, mailbox.key()).await
    }

    pub(crate) async fn read_undelivered(
        &self,
        mailbox: &Mailbox,
        after: Option<MailboxOffset>,
    ) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
        mailbox::read_undelivered(&self.context, &mailbox.key(), after).await
    }

    pub(crate) async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        let key = mailbox.key();
        self.owned_mailboxes.remove(&key);
        self.context.query(cmd("UNLINK").arg(key)).await
    }

    pub(crate) async fn subscribe(&self) -> RedisNotices {
        RedisNotices::subscribe(self.context.server.clone()).await
    }

    pub(crate) async fn tail(&self, log: Log, count: usize) -> Result<Vec<LogLine>, SendError> {
        let lines = fan_out::newest(&self.context, log, count).await?;
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    pub(crate) async fn follow(&self, log: Log, count: usize) -> Result<RedisFollower, SendError> {
        RedisFollower::new(&self.context, log, count).await
    }

    pub(crate) async fn backlog(&self, key: &str) -> Result<usize, SendError> {
        self.context.query(cmd("XLEN").arg(key)).await
    }

    pub(crate) async fn ping(&self) -> Result<(), SendError> {
        self.context.check_writes().await
    }

    pub(crate) async fn measure_clock(&self) -> Result<(), SendError> {
        self.context.measure_clock().await.map_err(context::unavailable)
    }

    pub(crate) async fn stream_stats(&self, mailboxes: &[Mailbox]) -> Result<Vec<StreamStats>, SendError> {
        inspect::stream_stats(&self.context, mailboxes).await
    }

    pub(crate) async fn peek(
        &self,
        key: &str,
        count: usize,
        watch: Duration,
    ) -> Result<Option<Vec<StreamEntry>>, SendError> {
        inspect::peek(&self.context, key, count, watch).await
    }

    /// Adds an entry; with `NOMKSTREAM` only to an existing stream.
    async fn add(&self, key: &str, nomkstream: Option<&str>, message: &Message) -> Result<(), SendError> {
        let fields = codec::encode(message)?;
        let limit = message.stream_limit().entries_for(codec::size(&fields));
        let Some(_in_flight) = self.lengths.reserve(key, limit) else {
            return self.add_checked(key, nomkstream.is_some(), &fields, limit).await;
        };
        let mut add = cmd("XADD");
        add.arg(key).arg(nomkstream).arg("*");
        for (name, value) in &fields {
            add.arg(name.as_slice()).arg(value.as_slice());
        }
        let added: Option<String> = self.context.query(&add).await?;
        added.map(drop).ok_or(SendError::NoMailbox)
    }

    /// Adds an entry if the stream is shorter than `limit`, and records the length of the stream.
    async fn add_checked(
        &self,
        key: &str,
        is_mailbox: bool,
        fields: &Fields,
        limit: usize,
    ) -> Result<(), SendError> {
        let scripts = &self.context.scripts;
        let script = if is_mailbox { &scripts.post } else { &scripts.enqueue };
        let mut call = script.key(key);
        call.arg(limit);
        for (name, value) in fields {
            call.arg(name.as_slice()).arg(value.as_slice());
        }
        match self.context.query(&call).await? {
            NO_MAILBOX => Err(SendError::NoMailbox),
            full if full < NO_MAILBOX => {
                metrics::queue_full(key);
                self.lengths.record(key, to_length(NO_MAILBOX - full));
                Err(SendError::Full)
            }
            added => {
                self.lengths.record(key, to_length(added));
                Ok(())
            }
        }
    }
}

fn to_length(reply: i64) -> usize {
    usize::try_from(reply).unwrap_or_default()
}
