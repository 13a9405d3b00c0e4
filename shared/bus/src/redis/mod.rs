//! The bus over one Redis server.
//!
//! Everything is a stream, but for notices, which are pub/sub:
//!
//! | road | key | form |
//! |---|---|---|
//! | queue | [`Queue::key`] | stream with the consumer group `workers`; what is done is deleted |
//! | mailbox | [`Mailbox::key`] | stream with a life, read by a cursor, trimmed behind it |
//! | notices | [`NOTICES`] | channel |
//! | logs | [`Log::key`] | stream with a cap |
//!
//! Sends and all that is short share one connection that reconnects by itself; each blocking reader
//! has a connection of its own, in a task of its own, so that dropping a `next()` drops nothing that
//! was on its way. A send is one round trip: where nobody has looked lately whether the road has
//! room, a script looks and adds.
//!
//! How it fails: a send waits at most [`PATIENCE`] and then says `Unavailable`. Readers reconnect
//! with a growing pause; what was flushed (keys, groups) they make anew. Acknowledgements wait for
//! Redis in a bounded queue; past the bound they are dropped, and the message comes again.

mod connection;
mod follow;
mod mailbox;
mod notices;
mod outage;
mod peek;
mod queue;
mod reply;
mod roads;
mod room;
mod scripts;

pub use connection::RESPONSE_TIMEOUT;
pub use follow::RedisFollower;
pub use mailbox::RedisMailbox;
pub use notices::RedisNotices;
pub use queue::{RedisAck, RedisWorker};

use crate::codec::{self, Fields};
use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, NOTICES, Queue};
use crate::{LogLine, OVERLOADED_MAILBOX, SendError, line, metrics};
use ::redis::{Cmd, RedisResult, cmd};
use connection::{Server, SharedConnection};
use mailbox::OwnedMailboxes;
use room::LengthCache;
use scripts::Scripts;
use std::sync::Arc;

/// How many entries are read in one round trip where nobody waits for new ones.
const PAGE_SIZE: usize = 500;

/// The bus over a Redis server; clones share it.
#[derive(Clone)]
pub struct RedisBus {
    server: Server,
    shared: SharedConnection,
    scripts: Arc<Scripts>,
    lengths: Arc<LengthCache>,
    owned_mailboxes: OwnedMailboxes,
}

impl RedisBus {
    pub(crate) async fn connect(url: &str, ca: Option<&[u8]>) -> Result<Self, SendError> {
        let server = Server::parse(url, ca)?;
        let shared = server.shared().await?;
        Ok(Self {
            server,
            shared,
            scripts: Arc::default(),
            lengths: Arc::default(),
            owned_mailboxes: OwnedMailboxes::default(),
        })
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
        self.shared.query(cmd("PUBLISH").arg(NOTICES).arg(json)).await
    }

    pub(crate) async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        let mut pipe = ::redis::pipe();
        for record in records {
            pipe.add_command(write_line(Log::Calls, &line::from_call(record))).ignore();
        }
        self.shared.pipe(&pipe).await
    }

    pub(crate) async fn join_workers(&self, queue: Queue, worker: &str) -> RedisWorker {
        RedisWorker::join(self, queue.key(), worker).await
    }

    pub(crate) async fn open(&self, mailbox: Mailbox) -> Result<RedisMailbox, SendError> {
        RedisMailbox::open(self, mailbox.key()).await
    }

    pub(crate) async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        let key = mailbox.key();
        self.owned_mailboxes.remove(&key);
        self.shared.query(cmd("UNLINK").arg(key)).await
    }

    pub(crate) async fn subscribe(&self) -> RedisNotices {
        RedisNotices::listen(self.server.clone()).await
    }

    pub(crate) async fn tail(&self, log: Log, count: usize) -> Result<Vec<LogLine>, SendError> {
        Ok(self.newest(log, count).await?.into_iter().map(|(_, line)| line).collect())
    }

    /// The newest lines with their ids, oldest first; in pages, so that a long look back holds up no send on
    /// the same connection.
    async fn newest(&self, log: Log, count: usize) -> Result<Vec<(String, LogLine)>, SendError> {
        let mut lines: Vec<(String, LogLine)> = Vec::new();
        while lines.len() < count {
            let before = lines.last().map_or_else(|| "+".to_owned(), |(id, _)| format!("({id}"));
            let length = PAGE_SIZE.min(count - lines.len());
            let mut newest = cmd("XREVRANGE");
            newest.arg(log.key()).arg(before).arg("-").arg("COUNT").arg(length);
            let page: Vec<(String, LogLine)> = self.shared.query(&newest).await?;
            let is_last = page.len() < length;
            lines.extend(page);
            if is_last {
                break;
            }
        }
        lines.reverse();
        Ok(lines)
    }

    pub(crate) async fn backlog(&self, key: &str) -> Result<usize, SendError> {
        self.shared.query(cmd("XLEN").arg(key)).await
    }

    pub(crate) async fn ping(&self) -> Result<(), SendError> {
        self.shared.query(&cmd("PING")).await
    }

    /// Adds an entry; with `NOMKSTREAM` only to a stream that is there.
    async fn add(&self, key: &str, only: Option<&str>, message: &Message) -> Result<(), SendError> {
        let (fields, bound) = (codec::encode(message)?, message.stream_limit());
        let Some(_flying) = self.lengths.reserve(key, bound) else {
            return self.add_checked(key, only, &fields, bound).await;
        };
        let mut add = cmd("XADD");
        add.arg(key).arg(only).arg("*");
        for (name, value) in &fields {
            add.arg(name.as_slice()).arg(value.as_slice());
        }
        let added: Option<String> = self.shared.query(&add).await?;
        added.map(drop).ok_or(SendError::NoMailbox)
    }

    async fn add_checked(
        &self,
        key: &str,
        only: Option<&str>,
        fields: &Fields,
        bound: usize,
    ) -> Result<(), SendError> {
        let script = if only.is_some() { &self.scripts.post } else { &self.scripts.enqueue };
        let mut call = script.key(key);
        call.arg(bound);
        for (name, value) in fields {
            call.arg(name.as_slice()).arg(value.as_slice());
        }
        match self.shared.invoke(&call).await? {
            scripts::NO_MAILBOX => Err(SendError::NoMailbox),
            full if full < scripts::NO_MAILBOX => {
                metrics::queue_full(key);
                self.lengths.record(key, length(scripts::NO_MAILBOX - full));
                Err(SendError::Full)
            }
            added => {
                self.lengths.record(key, length(added));
                Ok(())
            }
        }
    }

    /// Puts an entry aside that cannot be worked on.
    async fn dead_letter(&self, road: &str, fields: &Fields, error: &str) -> RedisResult<()> {
        if codec::is_canary(fields) {
            return Ok(());
        }
        self.shared
            .try_query::<()>(&write_line(Log::Dead, &line::from_dead_letter(road, fields, error)))
            .await?;
        tracing::warn!(road, error, "message given up");
        metrics::dead_lettered(road);
        Ok(())
    }
}

/// That of a road, which is no less than nothing.
fn length(answer: i64) -> usize {
    usize::try_from(answer).unwrap_or_default()
}

fn write_line(log: Log, line: &LogLine) -> Cmd {
    let mut add = cmd("XADD");
    add.arg(log.key()).arg("MAXLEN").arg("~").arg(log.cap()).arg("*");
    for (name, value) in line {
        add.arg(name).arg(value);
    }
    add
}
