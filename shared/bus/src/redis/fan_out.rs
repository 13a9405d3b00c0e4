//! Logs and notices over Redis, which every reader receives. Each reader has a connection of its own.

use super::blocking::{BLOCK_TIMEOUT, BlockingConnection, RetryState};
use super::context::{Context, PAGE_SIZE, RESPONSE_TIMEOUT};
use super::parse::{self, EntryId, RawEntry};
use crate::codec::{self, LogLine};
use crate::error::SendError;
use crate::message::Notice;
use crate::topic::{Log, NOTICE_BUFFER, NOTICES};
use ::redis::{RedisResult, cmd};
use common::{ErrorLog, warn_failure};
use futures_util::StreamExt;
use redis_connection::Server;
use std::collections::VecDeque;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

static SUBSCRIBING: ErrorLog = ErrorLog::new("receiving notices");
static LAGGING: ErrorLog = ErrorLog::new("receiving notices in time");
static PARSING: ErrorLog = ErrorLog::new("understanding notices");

/// The newest lines with their ids, oldest first.
pub(super) async fn newest(
    context: &Context,
    log: Log,
    count: usize,
) -> Result<Vec<(String, LogLine)>, SendError> {
    let mut lines: Vec<(String, LogLine)> = Vec::new();
    while lines.len() < count {
        let before = lines.last().map_or_else(|| "+".to_owned(), |(id, _)| format!("({id}"));
        let length = PAGE_SIZE.min(count - lines.len());
        let mut newest = cmd("XREVRANGE");
        newest.arg(log.key()).arg(before).arg("-").arg("COUNT").arg(length);
        let page: Vec<(String, LogLine)> = context.query(&newest).await?;
        let is_last = page.len() < length;
        lines.extend(page);
        if is_last {
            break;
        }
    }
    lines.reverse();
    Ok(lines)
}

/// Reads a log as it grows, on a connection of its own, behind a cursor. Dropping a `next()` drops the connection; the
/// next one connects again. The cursor moves only with lines that were read.
pub struct RedisFollower {
    log: Log,
    cursor: EntryId,
    buffered: VecDeque<LogLine>,
    connection: BlockingConnection,
}

impl RedisFollower {
    /// Begins with the newest `count` lines.
    pub(super) async fn new(context: &Context, log: Log, count: usize) -> Result<Self, SendError> {
        // For a count of 0 the last line is read all the same: its id is the cursor.
        let mut lines = newest(context, log, count.max(1)).await?;
        let cursor = lines.last().and_then(|(id, _)| id.parse().ok()).unwrap_or_default();
        let buffered = lines.split_off(lines.len().saturating_sub(count));
        let buffered = buffered.into_iter().map(|(_, line)| line).collect();
        let reader = format!("follower of {}", log.key());
        let connection = BlockingConnection::new(context.server.clone(), reader);
        Ok(Self { log, cursor, buffered, connection })
    }

    pub(crate) async fn next(&mut self) -> LogLine {
        loop {
            if let Some(line) = self.buffered.pop_front() {
                return line;
            }
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(PAGE_SIZE).arg("BLOCK").arg(BLOCK_TIMEOUT.as_millis() as u64);
            read.arg("STREAMS").arg(self.log.key()).arg(self.cursor.to_string());
            match self.connection.query(&read).await {
                Ok(value) => self.buffer(parse::read(value)),
                Err(error) => self.connection.retry.back_off(&error).await,
            }
        }
    }

    fn buffer(&mut self, entries: Vec<RawEntry>) {
        for RawEntry { id, fields } in entries {
            self.cursor = id;
            self.buffered.push_back(codec::to_text_fields(&fields));
        }
    }
}

/// A subscription to notices, on a connection of its own task. Notices that are published while the connection is
/// down are missed.
pub struct RedisNotices {
    // A broadcast channel with one receiver, because it is bounded and drops its oldest.
    receiver: broadcast::Receiver<Notice>,
    task: JoinHandle<()>,
}

impl RedisNotices {
    /// Waits until Redis has confirmed the subscription, at most [`RESPONSE_TIMEOUT`].
    pub(super) async fn subscribe(server: Server) -> Self {
        let (sender, receiver) = broadcast::channel(NOTICE_BUFFER);
        let (ready, confirmed) = oneshot::channel();
        let task = tokio::spawn(Subscriber { server, sender, ready: Some(ready) }.run());
        let _ = timeout(RESPONSE_TIMEOUT, confirmed).await;
        Self { receiver, task }
    }

    pub(crate) async fn next(&mut self) -> Notice {
        loop {
            match self.receiver.recv().await {
                Ok(notice) => return notice,
                Err(RecvError::Lagged(missed)) => {
                    warn_failure!(LAGGING, missed, "a slow subscriber missed notices")
                }
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for RedisNotices {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Subscriber {
    server: Server,
    sender: broadcast::Sender<Notice>,
    ready: Option<oneshot::Sender<()>>,
}

impl Subscriber {
    async fn run(mut self) {
        let mut retry = RetryState::new("notices", &SUBSCRIBING);
        loop {
            if let Err(error) = self.receive(&mut retry).await {
                retry.back_off(&error).await;
            }
        }
    }

    /// Receives until the connection breaks. Returns without an error when the address may lead to another server.
    async fn receive(&mut self, retry: &mut RetryState) -> RedisResult<()> {
        let mut generation = self.server.generation();
        let mut pubsub = self.server.subscribe(NOTICES, RESPONSE_TIMEOUT).await?;
        retry.reset();
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(());
        }
        let mut messages = pubsub.on_message();
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                _ = generation.changed() => return Ok(()),
            };
            let message = message.ok_or(std::io::Error::from(std::io::ErrorKind::ConnectionReset))?;
            self.forward(message.get_payload_bytes());
        }
    }

    fn forward(&self, json: &[u8]) {
        match serde_json::from_slice(json) {
            Ok(notice) => drop(self.sender.send(notice)),
            Err(error) => warn_failure!(PARSING, %error, "ignored a malformed notice"),
        }
    }
}
