//! What all parts of the Redis bus share: the server, the shared connection and the scripts.

use super::scripts::Scripts;
use crate::codec::{self, Fields};
use crate::error::SendError;
use crate::log_line::{self, LogLine};
use crate::metrics;
use crate::topic::Log;
use ::redis::{Cmd, FromRedisValue, RedisError, RedisResult, cmd};
use redis_connection::{Command, Server, Settings, SharedConnection};
use std::sync::Arc;
use std::time::Duration;

/// A send waits this long for Redis, and then fails.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries of one round trip where nothing waits for new ones. Longer reads are made in pages, so that they hold up no
/// send on the shared connection.
pub(super) const PAGE_SIZE: usize = 500;

#[derive(Clone)]
pub(super) struct Context {
    pub(super) server: Server,
    pub(super) shared: SharedConnection,
    pub(super) scripts: Arc<Scripts>,
}

impl Context {
    pub(super) async fn connect(url: &str, ca: Option<&[u8]>) -> Result<Self, SendError> {
        let server = Server::new(url, ca).map_err(unavailable)?;
        let settings = Settings {
            query_timeout: RESPONSE_TIMEOUT,
            connect_timeout: RESPONSE_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
            min_retry_delay: Duration::from_millis(100),
            max_retry_delay: Duration::from_millis(100),
            retries: 1,
        };
        let shared = SharedConnection::connect(&server, settings).await.map_err(unavailable)?;
        Ok(Self { server, shared, scripts: Arc::default() })
    }

    /// Sends a command, pipeline or script over the shared connection.
    pub(super) async fn query<T: FromRedisValue + Send>(
        &self,
        command: &impl Command,
    ) -> Result<T, SendError> {
        self.try_query(command).await.map_err(unavailable)
    }

    /// As [`query`](Self::query), for callers that inspect the error.
    pub(super) async fn try_query<T: FromRedisValue + Send>(&self, command: &impl Command) -> RedisResult<T> {
        self.shared.query(command).await
    }

    /// Moves an entry to the dead log. A canary is dropped.
    pub(super) async fn dead_letter(&self, stream: &str, fields: &Fields, error: &str) -> RedisResult<()> {
        if codec::is_canary(fields) {
            return Ok(());
        }
        let line = log_line::from_dead_letter(stream, fields, error);
        self.try_query::<()>(&append(Log::Dead, &line)).await?;
        tracing::warn!(stream, error, "moved a message to the dead log");
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
    SendError::Unavailable(error.to_string())
}
