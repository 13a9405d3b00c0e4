//! Statistics and entries of the streams, for operators. Scripts read both where the streams are, so that no more than
//! the result travels.

use super::blocking::BlockingConnection;
use super::context::{Context, PAGE_SIZE};
use super::parse::{self, EntryId, RawEntry};
use super::queue::GROUP;
use crate::error::SendError;
use crate::inspect::{
    CONSUMER_IDLE_LIMIT, MAX_BYTES, MAX_ENTRIES, StreamEntry, StreamKind, StreamStats, Workers,
};
use crate::topic::{self, Log, Mailbox, Queue};
use ::redis::{Value, cmd, pipe};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Returns length, entries ever added, age of the oldest entry in milliseconds (-1 for none), consumers, pending and
/// redelivered; nil where there is no stream.
///
/// The age is the difference of Redis' clock and the oldest entry's id: acknowledged entries are deleted, which makes
/// the lag that Redis computes useless. KEYS: stream, for a queue also its counter of redeliveries. ARGV: group,
/// milliseconds after which an idle consumer is not counted.
const STATS_SCRIPT: &str = "
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return false end
local function to_table(flat)
  local result = {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  return result
end
local stream = to_table(redis.call('XINFO', 'STREAM', KEYS[1]))
local age = -1
if stream['first-entry'] then
  local now = redis.call('TIME')
  local added = tonumber(string.match(stream['first-entry'][1], '^%d+'))
  age = math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - added)
end
local consumers, pending = 0, 0
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = to_table(flat)
  if group.name == ARGV[1] then
    pending = group.pending
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      if to_table(consumer).idle < tonumber(ARGV[2]) then consumers = consumers + 1 end
    end
  end
end
local counter = KEYS[2] and redis.pcall('GET', KEYS[2])
local redelivered = type(counter) == 'string' and tonumber(counter) or 0
return { stream.length, stream['entries-added'] or 0, age, consumers, pending, redelivered }";

/// Returns the last generated id, and the newest entries, newest first; nil where there is no stream. ARGV: the most
/// entries, the most bytes.
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

/// What [`STATS_SCRIPT`] returns.
type StatsReply = (u64, u64, i64, u64, u64, u64);

pub(super) async fn stream_stats(
    context: &Context,
    mailboxes: &[Mailbox],
) -> Result<Vec<StreamStats>, SendError> {
    let mut stats = Vec::new();
    for page in known_streams(mailboxes).chunks(PAGE_SIZE) {
        let mut pipe = pipe();
        for (key, kind) in page {
            let counter = (*kind == StreamKind::Queue).then(|| topic::redelivered_key(key));
            let keys = 1 + usize::from(counter.is_some());
            pipe.cmd("EVAL").arg(STATS_SCRIPT).arg(keys).arg(key).arg(counter);
            pipe.arg(GROUP).arg(CONSUMER_IDLE_LIMIT.as_millis() as u64);
        }
        let replies: Vec<Option<StatsReply>> = context.query(&pipe).await?;
        for ((key, kind), reply) in page.iter().zip(replies) {
            stats.extend(reply.map(|reply| to_stats(key, *kind, reply)));
        }
    }
    Ok(stats)
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
    let age = u64::try_from(age).ok().map(Duration::from_millis);
    StreamStats {
        key: key.to_owned(),
        kind,
        length,
        added,
        oldest: age.filter(|_| kind != StreamKind::Log),
        workers: (kind == StreamKind::Queue).then_some(Workers { consumers, pending, redelivered }),
    }
}

pub(super) async fn peek(
    context: &Context,
    key: &str,
    count: usize,
    watch: Duration,
) -> Result<Option<Vec<StreamEntry>>, SendError> {
    let mut eval = cmd("EVAL");
    eval.arg(NEWEST_SCRIPT).arg(1).arg(key).arg(count).arg(MAX_BYTES);
    let Some((last, newest)): Option<(String, Value)> = context.query(&eval).await? else {
        return Ok(None);
    };
    let mut entries = parse::entries(newest);
    entries.reverse();
    if !watch.is_zero() {
        entries.extend(read_new(context, key, last.parse().unwrap_or_default(), watch).await);
    }
    Ok(Some(entries.into_iter().map(to_stream_entry).collect()))
}

/// Reads the entries that arrive behind `last`. When the connection breaks, it returns those that came until then.
async fn read_new(context: &Context, key: &str, mut last: EntryId, watch: Duration) -> Vec<RawEntry> {
    let mut connection = BlockingConnection::new(context.server.clone(), format_args!("watch of {key}"));
    let deadline = Instant::now() + watch;
    let mut entries = Vec::new();
    while entries.len() < MAX_ENTRIES {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining < Duration::from_millis(1) {
            break;
        }
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(MAX_ENTRIES - entries.len()).arg("BLOCK").arg(remaining.as_millis() as u64);
        read.arg("STREAMS").arg(key).arg(last.to_string());
        let Ok(Ok(value)) = timeout(remaining + watch, connection.query(&read)).await else { break };
        let new = parse::read(value);
        last = new.last().map_or(last, |entry| entry.id);
        entries.extend(new);
    }
    entries
}

fn to_stream_entry(RawEntry { id, fields }: RawEntry) -> StreamEntry {
    StreamEntry::new(id.to_string(), id.0, &fields)
}
