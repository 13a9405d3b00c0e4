//! The connection that all short commands of a process share.
//!
//! It reconnects by itself, with a growing pause, also while no command is sent. A command in flight fails
//! when the connection breaks. A command that is sent while the connection is down waits for the current
//! attempt to connect.

use crate::server::{Server, timed_out};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, Pipeline, ProtocolVersion, RedisError, RedisResult,
    ScriptInvocation,
};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The most commands that wait for the socket. A further one waits for room, and may time out.
const PIPELINE_BUFFER: usize = 1_024;
/// The shortest time between two replacements of a refused connection.
const RENEW_INTERVAL: Duration = Duration::from_millis(400);
/// Error codes that concern the command only: the connection works.
const COMMAND_ERRORS: [&str; 4] = ["WRONGTYPE", "NOSCRIPT", "NOGROUP", "BUSYGROUP"];

/// The time limits of a [`SharedConnection`].
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bounds one [`query`](SharedConnection::query), reconnecting included.
    pub query_timeout: Duration,
    /// Bounds one attempt to connect.
    pub connect_timeout: Duration,
    /// Bounds the reply to a command over an open connection.
    pub response_timeout: Duration,
    /// The first pause between two attempts to connect; it doubles each time.
    pub min_retry_delay: Duration,
    /// The longest pause.
    pub max_retry_delay: Duration,
    /// Attempts after the first, before the commands that wait for the connection fail.
    pub retries: usize,
}

/// What can be sent over a [`SharedConnection`]: a command, a pipeline or a script.
pub trait Command: Sync {
    /// Sends it over this connection and waits for the reply.
    fn send<T: FromRedisValue + Send>(
        &self,
        connection: &mut ConnectionManager,
    ) -> impl Future<Output = RedisResult<T>> + Send;
}

impl Command for Cmd {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut ConnectionManager) -> RedisResult<T> {
        self.query_async(connection).await
    }
}

impl Command for Pipeline {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut ConnectionManager) -> RedisResult<T> {
        self.query_async(connection).await
    }
}

/// Loads the script and sends it again where the server does not have it.
impl Command for ScriptInvocation<'_> {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut ConnectionManager) -> RedisResult<T> {
        self.invoke_async(connection).await
    }
}

/// A connection that reconnects by itself; clones share it.
#[derive(Clone)]
pub struct SharedConnection(Arc<Inner>);

struct Inner {
    client: Client,
    settings: Settings,
    current: RwLock<Current>,
}

struct Current {
    manager: ConnectionManager,
    since: Instant,
}

impl SharedConnection {
    /// Connects to a server.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn connect(server: &Server, settings: Settings) -> RedisResult<Self> {
        let client = server.client(ProtocolVersion::RESP3)?;
        let manager = ConnectionManager::new_with_config(client.clone(), config(&settings)).await?;
        let current = RwLock::new(Current { manager, since: Instant::now() });
        Ok(Self(Arc::new(Inner { client, settings, current })))
    }

    /// Sends a command and waits for its reply, at most [`Settings::query_timeout`]. Tries once more when the
    /// connection was refused: then nothing was sent, and the failure has started a new attempt to connect.
    ///
    /// # Errors
    /// Of the command, or of the connection; then the command may have been executed.
    pub async fn query<T: FromRedisValue + Send>(&self, command: &impl Command) -> RedisResult<T> {
        let query = async {
            match self.query_once(command).await {
                Err(error) if error.is_connection_refusal() => self.query_once(command).await,
                result => result,
            }
        };
        timeout(self.0.settings.query_timeout, query).await.map_err(|_| timed_out())?
    }

    /// As [`query`](Self::query), without its timeout and without its second attempt.
    ///
    /// # Errors
    /// As those of `query`.
    pub async fn query_once<T: FromRedisValue + Send>(&self, command: &impl Command) -> RedisResult<T> {
        let mut manager = self.manager();
        command.send(&mut manager).await.inspect_err(|error| self.renew_after(error))
    }

    fn manager(&self) -> ConnectionManager {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).manager.clone()
    }

    /// Replaces a manager whose attempt to reconnect was refused, for a wrong password or too many clients.
    /// It returns that refusal to every later command, whereas it retries after an I/O error.
    fn renew_after(&self, error: &RedisError) {
        if !may_be_refusal(error) {
            return;
        }
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.since.elapsed() < RENEW_INTERVAL {
            return;
        }
        let client = self.0.client.clone();
        if let Ok(manager) = ConnectionManager::new_lazy_with_config(client, config(&self.0.settings)) {
            *current = Current { manager, since: Instant::now() };
        }
    }
}

fn config(settings: &Settings) -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(settings.response_timeout))
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_min_delay(settings.min_retry_delay)
        .set_max_delay(settings.max_retry_delay)
        .set_number_of_retries(settings.retries)
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

/// Whether the server may have refused the connection, rather than the command.
fn may_be_refusal(error: &RedisError) -> bool {
    if error.is_io_error() || matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType) {
        return false;
    }
    let Some(replies) = error.clone().into_server_errors() else { return true };
    !replies.iter().any(|(_, reply)| COMMAND_ERRORS.contains(&reply.code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{RedisError, Value, from_redis_value};

    fn server_error(reply: &str) -> RedisError {
        let reply = redis::parse_redis_value(reply.as_bytes()).and_then(Value::extract_error);
        reply.expect_err("the reply is an error")
    }

    #[test]
    fn refusals_differ_from_command_errors() {
        for refusal in ["-WRONGPASS invalid\r\n", "-ERR max number of clients reached\r\n"] {
            assert!(may_be_refusal(&server_error(refusal)), "{refusal}");
        }
        for error in ["-WRONGTYPE no stream\r\n", "-BUSYGROUP there is one\r\n", "-NOGROUP none\r\n"] {
            assert!(!may_be_refusal(&server_error(error)), "{error}");
        }
        assert!(!may_be_refusal(&timed_out()));
        let mismatch = from_redis_value::<u64>(Value::Nil).expect_err("nil is no number");
        assert!(!may_be_refusal(&mismatch.into()));
    }
}
