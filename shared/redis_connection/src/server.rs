//! The ways to connect to a Redis server.

use crate::address::{self, Address};
use crate::config::{ConfigError, ServerConfig};
use crate::refusal::{timed_out, to_connection_error};
use crate::sentinel::MasterLookup;
use crate::settings::Settings;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, PushInfo, RedisError, RedisResult,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The most commands that wait for the socket of a shared connection. A further one waits for room, and may time out.
const PIPELINE_BUFFER: usize = 1_024;

/// A Redis server: address, credentials and TLS settings. It has no `Debug`, because it holds the password. Clones
/// share the generation.
#[derive(Clone)]
pub struct Server {
    location: Location,
    generation: Arc<watch::Sender<u64>>,
}

#[derive(Clone)]
enum Location {
    Fixed(Arc<ConnectionInfo>),
    /// The server that is the master when a connection is opened.
    Master(Arc<MasterLookup>),
}

impl Server {
    /// Checks a configuration.
    ///
    /// # Errors
    /// When the address is invalid, the files for TLS cannot be used, or there are such files without TLS.
    pub fn new(config: &ServerConfig) -> Result<Self, ConfigError> {
        let mut address = Address::parse(&config.url)?;
        if let Some(password) = &config.password {
            address = address.with_password(password);
        }
        let has_tls =
            address::is_tls(&config.url) || (matches!(address, Address::Sentinels(_)) && config.sentinel.tls);
        if config.certificates().is_some() && !has_tls {
            return Err(ConfigError::CertificatesWithoutTls);
        }
        let unusable = |error: RedisError| ConfigError::Certificates(error.to_string());
        let location = match (address, config.certificates()) {
            (Address::Server(info), None) => Location::Fixed(Arc::new(info)),
            (Address::Server(info), Some(certificates)) => {
                let client = Client::build_with_tls(info, certificates).map_err(unusable)?;
                Location::Fixed(Arc::new(client.get_connection_info().clone()))
            }
            (Address::Sentinels(sentinels), _) => {
                Location::Master(Arc::new(MasterLookup::new(sentinels, config.clone()).map_err(unusable)?))
            }
        };
        Ok(Self { location, generation: Arc::default() })
    }

    /// A number that grows when the address may lead to another server than before. Connections that are older should
    /// then be replaced, even those that seem to work: a replica answers readers, and has nothing new for them.
    #[must_use]
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Counts how often Sentinels have named another master. Without Sentinels the sender is gone.
    pub(crate) fn master_changes(&self) -> watch::Receiver<u64> {
        match &self.location {
            Location::Fixed(_) => watch::channel(0).1,
            Location::Master(lookup) => lookup.changes(),
        }
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
        self.connect(ProtocolVersion::RESP2, &config, connect_timeout).await
    }

    /// Connects and subscribes to a channel.
    ///
    /// # Errors
    /// When the server does not confirm the subscription within `timeout`, or refuses.
    pub async fn subscribe(&self, channel: &str, timeout: Duration) -> RedisResult<PubSub> {
        let subscribing = async {
            let client = self.client(ProtocolVersion::RESP2, timeout).await?;
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
        self.connect(ProtocolVersion::RESP3, &config, settings.connect_timeout).await
    }

    async fn connect(
        &self,
        protocol: ProtocolVersion,
        config: &AsyncConnectionConfig,
        connect_timeout: Duration,
    ) -> RedisResult<MultiplexedConnection> {
        let client = self.client(protocol, connect_timeout).await?;
        let connected = client.get_multiplexed_async_connection_with_config(config).await;
        connected.map_err(to_connection_error)
    }

    /// A client of the server, which is looked up within `limit` if it is a master that Sentinels know.
    async fn client(&self, protocol: ProtocolVersion, limit: Duration) -> RedisResult<Client> {
        let info = match &self.location {
            Location::Fixed(info) => ConnectionInfo::clone(info),
            // Boxed: its future is large, and seldom needed.
            Location::Master(lookup) => Box::pin(lookup.master(limit)).await.map_err(to_connection_error)?,
        };
        let settings = info.redis_settings().clone().set_protocol(protocol).set_skip_set_lib_name();
        Client::open(info.set_redis_settings(settings))
    }
}
