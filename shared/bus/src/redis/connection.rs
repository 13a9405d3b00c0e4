//! Connections: one that all short commands share, and one for each blocking reader.
//!
//! Three settings differ from the crate's defaults, each for a measured reason: TCP_NODELAY is on
//! (it is off by default and costs 40 ms a send); a blocking reader's response timeout is longer than
//! it blocks (the default, 500 ms, breaks it); the shared connection speaks RESP3, because only then
//! does it notice a loss, and reconnect, before the next send fails. Keepalive and user timeout find
//! a peer that vanished without a word.

use super::outage::RetryState;
use crate::SendError;
use ::redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection, PubSub};
use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, Pipeline,
    TlsCertificates,
};
use ::redis::{ProtocolVersion, RedisError, RedisResult, ScriptInvocation, Value, cmd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{error::Elapsed, timeout};

/// How long a send waits for Redis.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a blocking read blocks.
pub(super) const BLOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a vanished peer goes unnoticed.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(6);

/// Where Redis is and how to get in. Not printable: it holds the password.
#[derive(Clone)]
pub(super) struct Server {
    info: Arc<ConnectionInfo>,
}

impl Server {
    /// `ca`: PEM of whom to trust with `rediss://`, instead of those whom the system trusts.
    pub(super) fn parse(url: &str, ca: Option<&[u8]>) -> Result<Self, SendError> {
        let info = url
            .into_connection_info()
            .map_err(|_| SendError::Unavailable("the URL makes no sense".to_owned()))?;
        let info = info.set_tcp_settings(tcp_settings());
        let Some(ca) = ca else { return Ok(Self { info: info.into() }) };
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca.to_vec()) };
        let client = Client::build_with_tls(info, certificates).map_err(unavailable)?;
        Ok(Self { info: client.get_connection_info().clone().into() })
    }

    fn client(&self, protocol: ProtocolVersion) -> RedisResult<Client> {
        let settings = self.info.redis_settings().clone().set_protocol(protocol).set_skip_set_lib_name();
        Client::open(ConnectionInfo::clone(&self.info).set_redis_settings(settings))
    }

    /// The connection for short commands.
    pub(super) async fn shared(&self) -> Result<SharedConnection, SendError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100))
            .set_pipeline_buffer_size(1024);
        let client = self.client(ProtocolVersion::RESP3).map_err(unavailable)?;
        let manager = ConnectionManager::new_with_config(client, config);
        Ok(SharedConnection { manager: manager.await.map_err(unavailable)? })
    }

    /// A connection that one reader blocks on.
    async fn blocking(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(BLOCK_TIMEOUT + RESPONSE_TIMEOUT));
        self.client(ProtocolVersion::RESP2)?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// A connection for subscriptions.
    pub(super) async fn pubsub(&self) -> RedisResult<PubSub> {
        let client = self.client(ProtocolVersion::RESP2)?;
        timeout(RESPONSE_TIMEOUT, client.get_async_pubsub()).await.map_err(timed_out)?
    }
}

#[cfg(target_os = "linux")]
fn tcp_settings() -> TcpSettings {
    base_tcp_settings().set_user_timeout(TCP_USER_TIMEOUT)
}

#[cfg(not(target_os = "linux"))]
fn tcp_settings() -> TcpSettings {
    base_tcp_settings()
}

fn base_tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(TCP_USER_TIMEOUT / 2).with_interval(TCP_USER_TIMEOUT / 6);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive)
}

/// Runs a command within [`RESPONSE_TIMEOUT`]. A refusal that is left over from an outage is tried once more:
/// nothing was sent then, and the failure has just started the next attempt to connect. A macro,
/// because the command borrows the connection, which closures that return futures cannot express.
macro_rules! bounded {
    ($run:expr) => {
        timeout(RESPONSE_TIMEOUT, async {
            match $run.await {
                Err(error) if error.is_connection_refusal() => $run.await,
                result => result,
            }
        })
        .await
        .map_err(timed_out)?
    };
}

/// The connection that all short commands share; it reconnects by itself.
#[derive(Clone)]
pub(super) struct SharedConnection {
    manager: ConnectionManager,
}

impl SharedConnection {
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, SendError> {
        self.try_query(command).await.map_err(unavailable)
    }

    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, SendError> {
        self.try_invoke(call).await.map_err(unavailable)
    }

    pub(super) async fn pipe<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, SendError> {
        self.try_pipe_query(pipe).await.map_err(unavailable)
    }

    async fn try_pipe_query<T: FromRedisValue>(&self, pipe: &Pipeline) -> RedisResult<T> {
        bounded!(pipe.query_async(&mut self.manager.clone()))
    }

    /// As [`query`](Self::query), for those who look at the error.
    pub(super) async fn try_query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        bounded!(command.query_async(&mut self.manager.clone()))
    }

    pub(super) async fn try_invoke<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> RedisResult<T> {
        bounded!(call.invoke_async(&mut self.manager.clone()))
    }

    pub(super) async fn try_pipe(&self, pipe: &Pipeline) -> RedisResult<()> {
        bounded!(pipe.exec_async(&mut self.manager.clone()))
    }
}

/// A connection of one reader's own, opened when needed, given up when it breaks.
pub(super) struct BlockingConnection {
    server: Server,
    connection: Option<MultiplexedConnection>,
    client: ClientId,
    pub(super) retry: RetryState,
}

/// Redis' number of the client that a [`Dedicated`] is; 0 for none.
#[derive(Clone, Default)]
pub(super) struct ClientId(Arc<AtomicU64>);

impl ClientId {
    /// Ends that connection for certain. Closing our end is not enough for those who must know that
    /// nothing more is delivered there: Redis may hear of it after the next command of another.
    pub(super) async fn kill(&self, shared: &SharedConnection) {
        let id = self.0.load(Ordering::Relaxed);
        let _ = shared.try_query::<u64>(cmd("CLIENT").arg("KILL").arg("ID").arg(id)).await;
    }
}

impl BlockingConnection {
    pub(super) fn new(server: Server, retry: RetryState) -> Self {
        Self { server, connection: None, client: ClientId::default(), retry }
    }

    /// Runs a blocking command. After an error the caller is to pause.
    pub(super) async fn query(&mut self, command: &Cmd) -> RedisResult<Value> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let result = command.query_async(&mut connection).await;
        // A server's error leaves the connection as it was; after any other it is not to be trusted.
        if result.as_ref().map_or_else(|error| error.code().is_some(), |_| true) {
            self.connection = Some(connection);
        }
        if result.is_ok() {
            self.retry.reset();
        }
        result
    }

    /// Who this is, now and after it has reconnected.
    pub(super) fn client(&self) -> ClientId {
        self.client.clone()
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.server.blocking().await?;
        // Where this is not allowed, there is no hanging up, and the connection is as good.
        let id = cmd("CLIENT").arg("ID").query_async(&mut connection).await.unwrap_or_default();
        self.client.0.store(id, Ordering::Relaxed);
        Ok(connection)
    }
}

/// No error of the crate holds the URL; their texts may be shown.
pub(super) fn unavailable(error: RedisError) -> SendError {
    SendError::Unavailable(error.to_string())
}

fn timed_out(_: Elapsed) -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
