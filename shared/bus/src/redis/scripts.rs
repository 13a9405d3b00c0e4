//! The Lua scripts, for what must be atomic. Each has one key, so that it also runs on a cluster.

use ::redis::Script;

/// The reply of a send to a missing mailbox. The reply of a full stream is this minus its length.
pub(super) const NO_MAILBOX: i64 = -1;

/// Adds to a queue that is shorter than the limit, and returns its new length. ARGV: limit, then names and values.
const ENQUEUE: &str = "
local length = redis.call('XLEN', KEYS[1])
if length >= tonumber(ARGV[1]) then return -1 - length end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return length + 1";

/// The same for a mailbox, if it exists.
const POST: &str = "
local length = redis.call('XLEN', KEYS[1])
if length >= tonumber(ARGV[1]) then return -1 - length end
if redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(ARGV, 2)) then return length + 1 end
return -1";

/// Renews the TTL of a mailbox, and returns whether it had to be created first. ARGV: milliseconds.
const RENEW: &str = "
local missing = redis.call('EXISTS', KEYS[1]) == 0
if missing then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'opening', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'opening')
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return missing and 1 or 0";

/// Removes idle consumers without pending entries; removing one with a pending entry would lose the entry. ARGV: group,
/// milliseconds of idle time.
const SWEEP: &str = "
local swept = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local info = {}
  for i = 1, #consumer, 2 do info[consumer[i]] = consumer[i + 1] end
  if info.pending == 0 and info.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], info.name)
    swept = swept + 1
  end
end
return swept";

/// The scripts, hashed once.
pub(super) struct Scripts {
    pub(super) enqueue: Script,
    pub(super) post: Script,
    pub(super) renew: Script,
    pub(super) sweep: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            enqueue: Script::new(ENQUEUE),
            post: Script::new(POST),
            renew: Script::new(RENEW),
            sweep: Script::new(SWEEP),
        }
    }
}
