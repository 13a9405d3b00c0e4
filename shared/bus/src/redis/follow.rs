//! Follows a log on a connection of its own, behind a cursor. A `next()` that is dropped takes that
//! connection with it, and the next one makes another; the cursor moves only with what was read.

use super::connection::{BLOCK_TIMEOUT, BlockingConnection};
use super::outage::RetryState;
use super::reply::{self, EntryId, RawEntry};
use super::{PAGE_SIZE, RedisBus};
use crate::topic::Log;
use crate::{LogLine, SendError, line};
use ::redis::cmd;
use std::collections::VecDeque;

/// One who reads a log as it grows.
pub struct RedisFollower {
    log: Log,
    cursor: EntryId,
    buffered: VecDeque<LogLine>,
    connection: BlockingConnection,
}

impl RedisBus {
    pub(crate) async fn follow(&self, log: Log, count: usize) -> Result<RedisFollower, SendError> {
        // Of none it is still to be known where they end.
        let mut newest = self.newest(log, count.max(1)).await?;
        let cursor = newest.last().and_then(|(id, _)| id.parse().ok()).unwrap_or_default();
        let read = newest.split_off(newest.len().saturating_sub(count));
        let read = read.into_iter().map(|(_, line)| line).collect();
        let connection = BlockingConnection::new(
            self.server.clone(),
            RetryState::new(format_args!("follower of {}", log.key())),
        );
        Ok(RedisFollower { log, cursor, buffered: read, connection })
    }
}

impl RedisFollower {
    pub(crate) async fn next(&mut self) -> LogLine {
        loop {
            if let Some(line) = self.buffered.pop_front() {
                return line;
            }
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(PAGE_SIZE).arg("BLOCK").arg(BLOCK_TIMEOUT.as_millis() as u64);
            read.arg("STREAMS").arg(self.log.key()).arg(self.cursor.to_string());
            match self.connection.query(&read).await {
                Ok(value) => self.buffer(reply::read(value)),
                Err(error) => self.connection.retry.back_off(&error).await,
            }
        }
    }

    fn buffer(&mut self, entries: Vec<RawEntry>) {
        for RawEntry { id, fields } in entries {
            self.cursor = id;
            self.buffered.push_back(line::from_fields(&fields));
        }
    }
}
