//! Walks through what may be large in small steps, so that nobody else waits for Redis.

use super::RedisDirectory;
use crate::Result;
use redis::Cmd;
use std::collections::HashSet;

/// How much Redis looks at in one step.
const SCAN_COUNT: usize = 1_000;

impl RedisDirectory {
    /// All a `SCAN` or `SSCAN` finds, up to `most`; `command` makes it from a cursor. A scan may
    /// name a thing twice: the set holds it once.
    pub(super) async fn scan(
        &self,
        key: &str,
        most: usize,
        command: impl Fn(u64) -> Cmd,
    ) -> Result<HashSet<Vec<u8>>> {
        let mut found = HashSet::new();
        let mut cursor = 0;
        loop {
            let mut step = redis::pipe();
            step.add_command(command(cursor).arg("COUNT").arg(SCAN_COUNT).take());
            let ((next, some),): ((u64, Vec<Vec<u8>>),) = self.connection.query(key, &step).await?;
            found.extend(some);
            cursor = next;
            if cursor == 0 || found.len() >= most {
                return Ok(found);
            }
        }
    }
}
