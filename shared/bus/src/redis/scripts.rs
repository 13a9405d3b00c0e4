//! The scripts: what must happen in one step. Each names one key, so that it also runs on a cluster.

use ::redis::Script;

/// A send's answer when the mailbox is not open; of a road that is full it is that many less than this.
pub(super) const NO_MAILBOX: i64 = -1;

/// Adds to a queue unless it has the bound; answers how many messages it has then. ARGV: bound, then names and values.
const ENQUEUE: &str = "
local length = redis.call('XLEN', KEYS[1])
if length >= tonumber(ARGV[1]) then return -1 - length end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return length + 1";

/// The same for a mailbox, if it is there.
const POST: &str = "
local length = redis.call('XLEN', KEYS[1])
if length >= tonumber(ARGV[1]) then return -1 - length end
if redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(ARGV, 2)) then return length + 1 end
return -1";

/// Makes a mailbox last another life; answers whether it had to be made first. ARGV: milliseconds.
const RENEW: &str = "
local missing = redis.call('EXISTS', KEYS[1]) == 0
if missing then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'opening', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'opening')
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return missing and 1 or 0";

/// Removes consumers that were silent for long and hold nothing; in one step, because removing one
/// that holds an entry would lose the entry. ARGV: group, milliseconds of silence.
const SWEEP: &str = "
local swept = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local is = {}
  for i = 1, #consumer, 2 do is[consumer[i]] = consumer[i + 1] end
  if is.pending == 0 and is.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], is.name)
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
