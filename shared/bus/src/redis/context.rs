//! What all parts of the Redis bus share: the server, the shared connection and the scripts.

use super::parse::RawEntry;
use crate::codec::{self, Fields, LogLine};
use crate::error::SendError;
use crate::metrics;
use crate::topic::Log;
use ::redis::{Cmd, FromRedisValue, RedisError, RedisResult, Script, cmd};
use common::clock::{self, Measurement};
use common::{ErrorLog, warn_failure};
use redis_connection::{
    CHECK_KEY, Command, LastRefusal, Server, Settings, SharedConnection, error_text, plain_error_text,
};
use std::sync::Arc;
use std::time::Duration;

static DEAD_LETTERS: ErrorLog = ErrorLog::new("delivering messages");

/// A send waits this long for Redis, and then fails.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries of one round trip where nothing waits for new ones. Longer reads are made in pages, so that they hold up no
/// send on the shared connection.
pub(super) const PAGE_SIZE: usize = 500;
/// An expired entry is dropped only by a measurement of Redis' clock that is not older than this.
const MEASUREMENT_TTL: Duration = Duration::from_millis(100);
/// The reply of a send to a missing mailbox. The reply of a full stream is this minus its length.
pub(super) const NO_MAILBOX: i64 = -1;

#[derive(Clone)]
pub(super) struct Context {
    pub(super) server: Server,
    pub(super) shared: SharedConnection,
    pub(super) scripts: Arc<Scripts>,
    last_refusal: LastRefusal,
}

impl Context {
    pub(super) async fn connect(server: Server) -> Result<Self, SendError> {
        let settings = Settings {
            query_timeout: RESPONSE_TIMEOUT,
            connect_timeout: RESPONSE_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
            min_retry_delay: Duration::from_millis(100),
            max_retry_delay: Duration::from_millis(400),
            retry_for: Duration::from_millis(200),
        };
        let shared = SharedConnection::connect(&server, settings).await.map_err(unavailable)?;
        let context = Self { server, shared, scripts: Arc::default(), last_refusal: LastRefusal::default() };
        context.measure_clock().await.map_err(unavailable)?;
        Ok(context)
    }

    /// Sends a command, pipeline or script over the shared connection.
    pub(super) async fn query<T: FromRedisValue + Send>(
        &self,
        command: &impl Command,
    ) -> Result<T, SendError> {
        self.try_query(command).await.map_err(|error| SendError::Unavailable(error_text(command, &error)))
    }

    /// As [`query`](Self::query), for callers that inspect the error.
    pub(super) async fn try_query<T: FromRedisValue + Send>(&self, command: &impl Command) -> RedisResult<T> {
        self.shared.query(command).await.inspect_err(|error| self.last_refusal.record(command, error))
    }

    /// Tries a write that adds nothing, as [`CHECK_KEY`] does not exist. Fails also if Redis has just refused another command.
    pub(super) async fn check_writes(&self) -> Result<(), SendError> {
        let mut add = cmd("XADD");
        add.arg(CHECK_KEY).arg("NOMKSTREAM").arg("*").arg("check").arg("1");
        () = self.query(&add).await?;
        self.last_refusal.current().map_or(Ok(()), |refusal| Err(SendError::Unavailable(refusal)))
    }

    /// Measures Redis' clock.
    pub(super) async fn measure_clock(&self) -> RedisResult<()> {
        let measurement = Measurement::begin();
        measurement.end(unix_micros(self.try_query(&cmd("TIME")).await?));
        Ok(())
    }

    /// Measures Redis' clock again where it makes one of these entries expired: the clock may have jumped since the last
    /// measurement. While Redis does not reply, the last measurement counts.
    pub(super) async fn confirm_expiry(&self, entries: &[RawEntry]) {
        if entries.iter().any(RawEntry::is_expired) && clock::since_measurement() > MEASUREMENT_TTL {
            let _ = self.measure_clock().await;
        }
    }

    /// Moves an entry to the dead log. A canary is dropped.
    pub(super) async fn dead_letter(&self, stream: &str, fields: &Fields, error: &str) -> RedisResult<()> {
        if codec::is_canary(fields) {
            return Ok(());
        }
        let line = codec::dead_letter_line(stream, fields, error);
        self.try_query::<()>(&append(Log::Dead, &line)).await?;
        warn_failure!(DEAD_LETTERS, stream, error, "moved a message to the dead log");
        metrics::dead_lettered(stream);
        Ok(())
    }
}

/// The command that appends a line to a log.
pub(super) fn append(log: Log, line: &LogLine) -> Cmd {
    let mut add = cmd("XADD");
    add.arg(log.key()).arg("MAXLEN").arg("~").arg(log.cap()).arg("*");
    for (name, value) in line {
        add.arg(name).arg(value);
    }
    add
}

/// The texts of these errors do not contain the URL, so they may be shown.
pub(super) fn unavailable(error: RedisError) -> SendError {
    SendError::Unavailable(plain_error_text(&error))
}

/// Converts the reply to `TIME`, seconds and microseconds, to microseconds.
pub(super) fn unix_micros((seconds, micros): (u64, u64)) -> u64 {
    seconds.saturating_mul(1_000_000).saturating_add(micros)
}

// The Lua scripts, for what must be atomic. Each has one key, so that it also runs on a cluster.

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

/// Removes entries that are too old, then the oldest until the log takes no more bytes than it may. ARGV: milliseconds,
/// bytes.
const TRIM_LOG: &str = "
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[1])
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', oldest))
for _ = 1, 8 do
  local bytes = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 64)
  if not bytes or bytes <= tonumber(ARGV[2]) then return end
  local kept = math.floor(redis.call('XLEN', KEYS[1]) * tonumber(ARGV[2]) / bytes * 0.9)
  redis.call('XTRIM', KEYS[1], 'MAXLEN', kept)
end";

/// The scripts, hashed once.
pub(super) struct Scripts {
    pub(super) enqueue: Script,
    pub(super) post: Script,
    pub(super) renew: Script,
    pub(super) sweep: Script,
    pub(super) trim_log: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            enqueue: Script::new(ENQUEUE),
            post: Script::new(POST),
            renew: Script::new(RENEW),
            sweep: Script::new(SWEEP),
            trim_log: Script::new(TRIM_LOG),
        }
    }
}
