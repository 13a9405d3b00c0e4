//! The connection of one reader, whose commands block until there are messages, and its retries.

use super::context::{Context, RESPONSE_TIMEOUT, unix_micros};
use crate::metrics;
use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, RedisError, RedisResult, Value, cmd};
use common::clock::Measurement;
use common::time::Backoff;
use common::{ErrorLog, warn_failure};
use redis_connection::{Server, is_command_error, plain_error_text};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

static READING: ErrorLog = ErrorLog::new("reading streams");

/// A blocking read blocks for at most this long.
pub(super) const BLOCK_TIMEOUT: Duration = Duration::from_secs(2);
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// A connection that is opened on demand. It is replaced when it breaks, when Redis refuses, and when the address may
/// lead to another server.
pub(super) struct BlockingConnection {
    server: Server,
    generation: watch::Receiver<u64>,
    connection: Option<MultiplexedConnection>,
    client: ClientId,
    pub(super) retry: RetryState,
}

impl BlockingConnection {
    /// `reader` names the reader in logs.
    pub(super) fn new(server: Server, reader: impl Display) -> Self {
        let (generation, retry) = (server.generation(), RetryState::new(reader, &READING));
        Self { server, generation, connection: None, client: ClientId::default(), retry }
    }

    /// Runs a blocking command. After an error the caller must call [`RetryState::back_off`].
    pub(super) async fn query(&mut self, command: &Cmd) -> RedisResult<Value> {
        let is_current = !self.generation.has_changed().unwrap_or_default();
        let mut connection = match self.connection.take().filter(|_| is_current) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let result = command.query_async(&mut connection).await;
        if result.as_ref().map_or_else(is_command_error, |_| true) {
            self.connection = Some(connection);
        }
        if result.is_ok() {
            self.retry.reset();
        }
        result
    }

    /// The client id of the current connection, also after a reconnect.
    pub(super) fn client(&self) -> ClientId {
        self.client.clone()
    }

    async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        self.generation.mark_unchanged();
        let response_timeout = BLOCK_TIMEOUT + RESPONSE_TIMEOUT;
        let mut connection = self.server.connect_reader(RESPONSE_TIMEOUT, response_timeout).await?;
        // The connection may lead to another server than before, with another clock.
        let measurement = Measurement::begin();
        measurement.end(unix_micros(cmd("TIME").query_async(&mut connection).await?));
        let id = match cmd("CLIENT").arg("ID").query_async(&mut connection).await {
            // An ACL may forbid the command. Then the connection works, but cannot be killed.
            Err(error) if is_command_error(&error) => 0,
            id => id?,
        };
        self.client.0.store(id, Ordering::Relaxed);
        Ok(connection)
    }
}

/// Redis' id of a [`BlockingConnection`]; 0 for none.
#[derive(Clone, Default)]
pub(super) struct ClientId(Arc<AtomicU64>);

impl ClientId {
    /// Makes Redis close the connection. Closing our end does not suffice when nothing more may be delivered there:
    /// Redis may notice that only after the next command of another client.
    pub(super) async fn kill(&self, context: &Context) {
        let id = self.0.load(Ordering::Relaxed);
        // An ACL may forbid this; the service works all the same.
        let _ = context.shared.query::<u64>(cmd("CLIENT").arg("KILL").arg("ID").arg(id)).await;
    }
}

/// The retries of one reader: growing delays. The readers of a kind share an [`ErrorLog`].
pub(super) struct RetryState {
    reader: String,
    log: &'static ErrorLog,
    backoff: Backoff,
    is_failing: bool,
}

impl RetryState {
    /// `reader` names the reader in logs.
    pub(super) fn new(reader: impl Display, log: &'static ErrorLog) -> Self {
        let backoff = Backoff::new(MIN_BACKOFF, MAX_BACKOFF);
        Self { reader: reader.to_string(), log, backoff, is_failing: false }
    }

    /// Waits after a failure, before the next attempt.
    pub(super) async fn back_off(&mut self, error: &RedisError) {
        self.is_failing = true;
        let (reader, error) = (&self.reader, plain_error_text(error));
        warn_failure!(self.log, reader, error, "a command to Redis failed, retrying");
        self.backoff.wait().await;
    }

    /// Records a success.
    pub(super) fn reset(&mut self) {
        self.log.succeeded();
        if self.is_failing {
            metrics::reconnected();
            self.is_failing = false;
            self.backoff.reset();
        }
    }
}
