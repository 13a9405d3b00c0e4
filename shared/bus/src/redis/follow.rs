//! Follows a log on a connection of its own, behind a cursor. A `next()` that is dropped takes that
//! connection with it, and the next one makes another; the cursor moves only with what was read.

use super::connection::{BLOCK, Dedicated};
use super::outage::Outage;
use super::reply::{self, Entry, EntryId};
use super::{PAGE, RedisBus};
use crate::topic::Log;
use crate::{Line, SendError, line};
use ::redis::cmd;
use std::collections::VecDeque;

/// One who reads a log as it grows.
pub struct RedisFollower {
    log: Log,
    cursor: EntryId,
    read: VecDeque<Line>,
    connection: Dedicated,
}

impl RedisBus {
    pub(crate) async fn follow(&self, log: Log, count: usize) -> Result<RedisFollower, SendError> {
        // Of none it is still to be known where they end.
        let mut newest = self.newest(log, count.max(1)).await?;
        let cursor = newest.last().and_then(|(id, _)| id.parse().ok()).unwrap_or_default();
        let read = newest.split_off(newest.len().saturating_sub(count));
        let read = read.into_iter().map(|(_, line)| line).collect();
        let connection =
            Dedicated::new(self.server.clone(), Outage::new(format_args!("follower of {}", log.key())));
        Ok(RedisFollower { log, cursor, read, connection })
    }
}

impl RedisFollower {
    pub(crate) async fn next(&mut self) -> Line {
        loop {
            if let Some(line) = self.read.pop_front() {
                return line;
            }
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(PAGE).arg("BLOCK").arg(BLOCK.as_millis() as u64);
            read.arg("STREAMS").arg(self.log.key()).arg(self.cursor.to_string());
            match self.connection.query(&read).await {
                Ok(value) => self.keep(reply::read(value)),
                Err(error) => self.connection.outage.wait(&error).await,
            }
        }
    }

    fn keep(&mut self, entries: Vec<Entry>) {
        for Entry { id, fields } in entries {
            self.cursor = id;
            self.read.push_back(line::of_fields(&fields));
        }
    }
}
