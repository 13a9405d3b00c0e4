//! Reads the logs.

use super::blocking::{BLOCK_TIMEOUT, BlockingConnection};
use super::context::{Context, PAGE_SIZE};
use super::parse::{self, EntryId, RawEntry};
use crate::error::SendError;
use crate::log_line::{self, LogLine};
use crate::topic::Log;
use ::redis::cmd;
use std::collections::VecDeque;

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
            self.buffered.push_back(log_line::from_fields(&fields));
        }
    }
}
