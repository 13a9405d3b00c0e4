//! Looks at the roads, for operators. A script looks at each stream where it is, so that no entry travels:
//! the oldest alone can be a megabyte. What waits is measured by the id of the oldest entry against Redis'
//! own clock, since what is done is deleted, and the lag that Redis counts is of no use where entries are.

use super::queue::GROUP;
use super::{PAGE, RedisBus};
use crate::SendError;
use crate::road::{GONE_AFTER, Road, RoadKind, Workers};
use crate::topic::{self, Log, Mailbox, Queue};
use ::redis::pipe;
use std::time::Duration;

/// Length, entries ever added, milliseconds since the oldest (-1 for none), consumers, pending, redelivered; nil
/// where there is no stream. Of a queue there is a second key, which counts what was redelivered. ARGV: group, milliseconds after which a silent consumer is not counted.
const LOOK: &str = "
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

type Numbers = (u64, u64, i64, u64, u64, u64);

impl RedisBus {
    pub(crate) async fn roads(&self, mailboxes: &[Mailbox]) -> Result<Vec<Road>, SendError> {
        let named = named(mailboxes);
        let mut roads = Vec::new();
        for some in named.chunks(PAGE) {
            let mut looks = pipe();
            for (key, kind) in some {
                let beside = (*kind == RoadKind::Queue).then(|| topic::redelivered(key));
                looks.cmd("EVAL").arg(LOOK).arg(1 + beside.iter().len()).arg(key).arg(beside);
                looks.arg(GROUP).arg(GONE_AFTER.as_millis() as u64);
            }
            let seen: Vec<Option<Numbers>> = self.shared.pipe(&looks).await?;
            let there = some.iter().zip(seen);
            roads.extend(there.filter_map(|((key, kind), numbers)| Some(road(key, *kind, numbers?))));
        }
        Ok(roads)
    }
}

fn named(mailboxes: &[Mailbox]) -> Vec<(String, RoadKind)> {
    let queues = Queue::all().map(|queue| (queue.key(), RoadKind::Queue));
    let mailboxes = mailboxes.iter().map(|mailbox| (mailbox.key(), RoadKind::Mailbox));
    let logs = Log::ALL.iter().map(|log| (log.key().to_owned(), RoadKind::Log));
    queues.chain(mailboxes).chain(logs).collect()
}

fn road(key: &str, kind: RoadKind, (length, added, age, consumers, pending, redelivered): Numbers) -> Road {
    let is_log = kind == RoadKind::Log;
    let oldest = u64::try_from(age).ok().filter(|_| !is_log).map(Duration::from_millis);
    let workers = (kind == RoadKind::Queue).then_some(Workers { consumers, pending, redelivered });
    Road { key: key.to_owned(), kind, length, added, oldest, workers }
}
