//! The address of a Redis server, and the ways to connect to it.

use crate::refusal::to_connection_error;
use crate::settings::Settings;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo, RedisError,
    RedisResult, TlsCertificates,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A connection breaks when the server's host has acknowledged nothing for this long.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// The most commands that wait for the socket of a shared connection. A further one waits for room, and may time out.
const PIPELINE_BUFFER: usize = 1_024;

/// A Redis server: address, credentials and TLS settings. It has no `Debug`, because it holds the password. Clones
/// share the generation.
#[derive(Clone)]
pub struct Server {
    info: Arc<ConnectionInfo>,
    generation: Arc<watch::Sender<u64>>,
}

impl Server {
    /// Parses `redis[s]://[USER:SECRET@]HOST[:PORT][/DB]`. With `ca` (PEM), the server's certificate must be
    /// signed by it instead of by a certificate authority that the system trusts.
    ///
    /// # Errors
    /// When the URL is invalid, or there is a `ca` and the scheme is not `rediss`.
    pub fn new(url: &str, ca: Option<&[u8]>) -> RedisResult<Self> {
        let info = url.into_connection_info()?.set_tcp_settings(tcp_settings());
        let Some(ca) = ca else { return Ok(Self::from(info)) };
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca.to_vec()) };
        let client = Client::build_with_tls(info, certificates)?;
        Ok(Self::from(client.get_connection_info().clone()))
    }

    /// A number that grows when the address may lead to another server than before. Connections that are older should
    /// then be replaced, even those that seem to work: a replica answers readers, and has nothing new for them.
    #[must_use]
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    pub(crate) fn advance_generation(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// Connects one reader, which may send commands that block for less than `response_timeout`.
    ///
    /// # Errors
    /// When the server cannot be reached within `connect_timeout`, or refuses.
    pub async fn connect_reader(
        &self,
        connect_timeout: Duration,
        response_timeout: Duration,
    ) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(Some(response_timeout));
        self.connect(ProtocolVersion::RESP2, &config).await
    }

    /// Connects and subscribes to a channel.
    ///
    /// # Errors
    /// When the server does not confirm the subscription within `timeout`, or refuses.
    pub async fn subscribe(&self, channel: &str, timeout: Duration) -> RedisResult<PubSub> {
        let client = self.client(ProtocolVersion::RESP2)?;
        let subscribing = async {
            let mut pubsub = client.get_async_pubsub().await?;
            pubsub.subscribe(channel).await?;
            Ok(pubsub)
        };
        let subscribed = tokio::time::timeout(timeout, subscribing).await.map_err(|_| timed_out())?;
        subscribed.map_err(to_connection_error)
    }

    /// Connects for short commands. `on_push` is called when the connection breaks.
    pub(crate) async fn connect_shared(
        &self,
        settings: &Settings,
        on_push: impl Fn(PushInfo) -> RedisResult<()> + Send + Sync + 'static,
    ) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.response_timeout))
            .set_pipeline_buffer_size(PIPELINE_BUFFER)
            .set_push_sender(on_push);
        self.connect(ProtocolVersion::RESP3, &config).await
    }

    async fn connect(
        &self,
        protocol: ProtocolVersion,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let connected = self.client(protocol)?.get_multiplexed_async_connection_with_config(config).await;
        connected.map_err(to_connection_error)
    }

    fn client(&self, protocol: ProtocolVersion) -> RedisResult<Client> {
        let settings = self.info.redis_settings().clone().set_protocol(protocol).set_skip_set_lib_name();
        Client::open(ConnectionInfo::clone(&self.info).set_redis_settings(settings))
    }
}

impl From<ConnectionInfo> for Server {
    fn from(info: ConnectionInfo) -> Self {
        Self { info: info.into(), generation: Arc::default() }
    }
}

fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(TCP_USER_TIMEOUT / 2).with_interval(Duration::from_secs(1));
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(TCP_USER_TIMEOUT);
    settings
}

pub(crate) fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
