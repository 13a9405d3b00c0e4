//! The address of a Redis server, and connections that one task uses alone.

use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError,
    RedisResult, TlsCertificates,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A connection breaks when the server's host has acknowledged nothing for this long.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// A Redis server: address, credentials and TLS settings. It has no `Debug`, because it holds the password.
#[derive(Clone)]
pub struct Server {
    info: Arc<ConnectionInfo>,
}

impl Server {
    /// Parses `redis[s]://[USER:SECRET@]HOST[:PORT][/DB]`. With `ca` (PEM), the server's certificate must be
    /// signed by it instead of by a certificate authority that the system trusts.
    ///
    /// # Errors
    /// When the URL is invalid, or there is a `ca` and the scheme is not `rediss`.
    pub fn new(url: &str, ca: Option<&[u8]>) -> RedisResult<Self> {
        let info = url.into_connection_info()?.set_tcp_settings(tcp_settings());
        let Some(ca) = ca else { return Ok(Self { info: info.into() }) };
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca.to_vec()) };
        let client = Client::build_with_tls(info, certificates)?;
        Ok(Self { info: client.get_connection_info().clone().into() })
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
        self.client(ProtocolVersion::RESP2)?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Connects for subscriptions.
    ///
    /// # Errors
    /// When the server cannot be reached within `connect_timeout`, or refuses.
    pub async fn connect_pubsub(&self, connect_timeout: Duration) -> RedisResult<PubSub> {
        let client = self.client(ProtocolVersion::RESP2)?;
        timeout(connect_timeout, client.get_async_pubsub()).await.map_err(|_| timed_out())?
    }

    pub(crate) fn client(&self, protocol: ProtocolVersion) -> RedisResult<Client> {
        let settings = self.info.redis_settings().clone().set_protocol(protocol).set_skip_set_lib_name();
        Client::open(ConnectionInfo::clone(&self.info).set_redis_settings(settings))
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
