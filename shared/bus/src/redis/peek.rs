//! Looks at entries, for operators. A script gathers the newest where they lie, so that no more than the bound
//! travels; what comes later is read behind them, on a connection of its own.

use super::RedisBus;
use super::connection::BlockingConnection;
use super::outage::RetryState;
use super::reply::{self, EntryId, RawEntry};
use crate::SendError;
use crate::entries::{self, MAX_BYTES, MAX_ENTRIES};
use ::redis::{Value, cmd};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The id that was given out last, and the newest entries, newest first; nil where there is no stream.
/// ARGV: how many entries, how many bytes.
const NEWEST_SCRIPT: &str = "
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return false end
local last, found, bytes, before = '0-0', {}, 0, '+'
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #stream, 2 do
  if stream[i] == 'last-generated-id' then last = stream[i + 1] end
end
while #found < tonumber(ARGV[1]) and bytes < tonumber(ARGV[2]) do
  local entry = redis.call('XREVRANGE', KEYS[1], before, '-', 'COUNT', 1)[1]
  if not entry then break end
  for _, text in ipairs(entry[2]) do bytes = bytes + #text end
  found[#found + 1] = entry
  before = '(' .. entry[1]
end
return { last, found }";

impl RedisBus {
    pub(crate) async fn peek(
        &self,
        key: &str,
        count: usize,
        watch: Duration,
    ) -> Result<Option<Vec<entries::StreamEntry>>, SendError> {
        let mut look = cmd("EVAL");
        look.arg(NEWEST_SCRIPT).arg(1).arg(key).arg(count).arg(MAX_BYTES);
        let Some((last, newest)): Option<(String, Value)> = self.shared.query(&look).await? else {
            return Ok(None);
        };
        let mut seen = reply::entries(newest);
        seen.reverse();
        if !watch.is_zero() {
            seen.extend(self.read_new(key, last.parse().unwrap_or_default(), watch).await);
        }
        Ok(Some(seen.into_iter().map(to_stream_entry).collect()))
    }

    /// What comes behind this entry. Where Redis goes meanwhile, it is what came until then.
    async fn read_new(&self, key: &str, mut last: EntryId, watch: Duration) -> Vec<RawEntry> {
        let mut connection =
            BlockingConnection::new(self.server.clone(), RetryState::new(format_args!("look at {key}")));
        let (until, mut seen) = (Instant::now() + watch, Vec::new());
        while seen.len() < MAX_ENTRIES {
            let left = until.saturating_duration_since(Instant::now());
            if left < Duration::from_millis(1) {
                break;
            }
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(MAX_ENTRIES - seen.len()).arg("BLOCK").arg(left.as_millis() as u64);
            read.arg("STREAMS").arg(key).arg(last.to_string());
            let Ok(Ok(value)) = timeout(left + watch, connection.query(&read)).await else { break };
            let new = reply::read(value);
            last = new.last().map_or(last, |entry| entry.id);
            seen.extend(new);
        }
        seen
    }
}

fn to_stream_entry(RawEntry { id, fields }: RawEntry) -> entries::StreamEntry {
    entries::StreamEntry::new(id.to_string(), id.0, &fields)
}
