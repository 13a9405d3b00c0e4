//! Looks at the roads, for operators. A script looks at each stream where it is, so that no entry travels:
//! the oldest alone can be a megabyte. What waits is measured by the id of the oldest entry against Redis'
//! own clock, since what is done is deleted, and the lag that Redis counts is of no use where entries are.

use super::queue::GROUP;
use super::{PAGE_SIZE, RedisBus};
use crate::SendError;
use crate::streams::{CONSUMER_IDLE_LIMIT, StreamKind, StreamStats, Workers};
use crate::topic::{self, Log, Mailbox, Queue};
use ::redis::pipe;
use std::time::Duration;

/// Length, entries ever added, milliseconds since the oldest (-1 for none), consumers, pending, redelivered; nil
/// where there is no stream. Of a queue there is a second key, which counts what was redelivered. ARGV: group, milliseconds after which a silent consumer is not counted.
const STATS_SCRIPT: &str = "
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return false end
local function named(flat)
  local is = {}
  for i = 1, #flat, 2 do is[flat[i]] = flat[i + 1] end
  return is
end
local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))
local age = -1
if stream['first-entry'] then
  local now = redis.call('TIME')
  local added = tonumber(string.match(stream['first-entry'][1], '^%d+'))
  age = math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - added)
end
local consumers, pending = 0, 0
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(flat)
  if group.name == ARGV[1] then
    pending = group.pending
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      if named(consumer).idle < tonumber(ARGV[2]) then consumers = consumers + 1 end
    end
  end
end
local redelivered = tonumber(KEYS[2] and redis.call('GET', KEYS[2]) or 0)
return { stream.length, stream['entries-added'] or 0, age, consumers, pending, redelivered }";

type StatsReply = (u64, u64, i64, u64, u64, u64);

impl RedisBus {
    pub(crate) async fn stream_stats(&self, mailboxes: &[Mailbox]) -> Result<Vec<StreamStats>, SendError> {
        let named = known_streams(mailboxes);
        let mut roads = Vec::new();
        for some in named.chunks(PAGE_SIZE) {
            let mut looks = pipe();
            for (key, kind) in some {
                let beside = (*kind == StreamKind::Queue).then(|| topic::redelivered_key(key));
                looks.cmd("EVAL").arg(STATS_SCRIPT).arg(1 + beside.iter().len()).arg(key).arg(beside);
                looks.arg(GROUP).arg(CONSUMER_IDLE_LIMIT.as_millis() as u64);
            }
            let seen: Vec<Option<StatsReply>> = self.shared.pipe(&looks).await?;
            let there = some.iter().zip(seen);
            roads.extend(there.filter_map(|((key, kind), numbers)| Some(to_stats(key, *kind, numbers?))));
        }
        Ok(roads)
    }
}

fn known_streams(mailboxes: &[Mailbox]) -> Vec<(String, StreamKind)> {
    let queues = Queue::all().map(|queue| (queue.key(), StreamKind::Queue));
    let mailboxes = mailboxes.iter().map(|mailbox| (mailbox.key(), StreamKind::Mailbox));
    let logs = Log::ALL.iter().map(|log| (log.key().to_owned(), StreamKind::Log));
    queues.chain(mailboxes).chain(logs).collect()
}

fn to_stats(
    key: &str,
    kind: StreamKind,
    (length, added, age, consumers, pending, redelivered): StatsReply,
) -> StreamStats {
    let is_log = kind == StreamKind::Log;
    let oldest = u64::try_from(age).ok().filter(|_| !is_log).map(Duration::from_millis);
    let workers = (kind == StreamKind::Queue).then_some(Workers { consumers, pending, redelivered });
    StreamStats { key: key.to_owned(), kind, length, added, oldest, workers }
}
