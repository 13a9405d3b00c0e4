//! Asks Sentinels for the address of the master.
//!
//! Each connection that is opened asks again; connections that are opened at the same time share an answer. A task also
//! asks all the time whether the master has changed: a former master that still runs breaks no connection, and takes
//! writes for some seconds that are lost when it becomes a replica.

use crate::address::Sentinels;
use crate::config::ServerConfig;
use crate::refusal::timed_out;
use crate::tcp::tcp_settings;
use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, TlsMode, cmd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

/// How long an answer of the Sentinels counts. A process has many connections, which a failover breaks all at once.
const ANSWER_TTL: Duration = Duration::from_millis(100);

type Lookup<'a> = Pin<Box<dyn Future<Output = RedisResult<ConnectionInfo>> + Send + 'a>>;

/// How often a Sentinel is asked whether the master has changed.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
/// Bounds one such question, connecting included.
const WATCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The lookup of a master.
pub(crate) struct MasterLookup {
    sentinels: Sentinels,
    config: ServerConfig,
    last: Mutex<Option<(Instant, ConnectionInfo)>>,
    /// How often another master was found than before.
    changes: watch::Sender<u64>,
    is_watched: AtomicBool,
}

impl MasterLookup {
    /// # Errors
    /// When the certificates cannot be used.
    pub(crate) fn new(sentinels: Sentinels, config: ServerConfig) -> RedisResult<Self> {
        let lookup = Self {
            sentinels,
            config,
            last: Mutex::default(),
            changes: watch::Sender::default(),
            is_watched: AtomicBool::new(false),
        };
        lookup.client().map(|_| lookup)
    }

    /// Counts the changes of the master from the first lookup on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns the address of the master, which has confirmed that it is one. The future has no type of its own: it
    /// would make the types of all futures that connect too deep for the compiler.
    ///
    /// # Errors
    /// When no Sentinel replies within `limit`, none knows the master, or the master does not reply.
    pub(crate) fn master(self: &Arc<Self>, limit: Duration) -> Lookup<'_> {
        if !self.is_watched.swap(true, Ordering::Relaxed) {
            tokio::spawn(watch_master(Arc::downgrade(self)));
        }
        Box::pin(async move { timeout(limit, self.look_up()).await.map_err(|_| timed_out())? })
    }

    async fn look_up(&self) -> RedisResult<ConnectionInfo> {
        let mut last = self.last.lock().await;
        if let Some((at, master)) = &*last
            && at.elapsed() < ANSWER_TTL
        {
            return Ok(master.clone());
        }
        let found = self.client()?.async_get_client().await.map_err(|error| self.explain(error))?;
        let master = found.get_connection_info().clone();
        if last.as_ref().is_some_and(|(_, last)| last.addr() != master.addr()) {
            self.count_change();
        }
        *last = Some((Instant::now(), master.clone()));
        Ok(master)
    }

    fn count_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Compares the master that a Sentinel names with that of the last lookup. Returns the connection to the Sentinel.
    async fn compare(&self, open: Option<MultiplexedConnection>) -> RedisResult<MultiplexedConnection> {
        let mut sentinel = match open {
            Some(connection) => connection,
            None => {
                let client = self.client()?.async_get_sentinel_client().await?;
                client.get_multiplexed_async_connection().await?
            }
        };
        let mut request = cmd("SENTINEL");
        request.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.sentinels.master);
        let current: Option<(String, u16)> = request.query_async(&mut sentinel).await?;
        let mut last = self.last.lock().await;
        let is_other =
            last.as_ref().zip(current).is_some_and(|((_, last), (host, port))| match last.addr() {
                ConnectionAddr::Tcp(last_host, last_port)
                | ConnectionAddr::TcpTls { host: last_host, port: last_port, .. } => {
                    (last_host, *last_port) != (&host, port)
                }
                _ => true,
            });
        if is_other {
            *last = None;
            self.count_change();
        }
        Ok(sentinel)
    }

    /// Adds the name of the master to an error that depends on it.
    fn explain(&self, error: RedisError) -> RedisError {
        if error.kind() != ErrorKind::MasterNameNotFoundBySentinel {
            return error;
        }
        let text = format!("no Sentinel knows a working master of the name {:?}", self.sentinels.master);
        std::io::Error::new(std::io::ErrorKind::NotFound, text).into()
    }

    /// A client without connections: one that was opened earlier may lead to a Sentinel that has gone.
    fn client(&self) -> RedisResult<SentinelClient> {
        let Self { sentinels, config, .. } = self;
        let addresses = sentinels.hosts.iter().map(|(host, port)| self.sentinel_address(host, *port));
        let master = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(addresses, &sentinels.master, master)?
            .set_client_to_redis_tcp_settings(tcp_settings())
            .set_client_to_sentinel_tcp_settings(tcp_settings())
            .set_client_to_redis_db(sentinels.login.db());
        if let Some(user) = sentinels.login.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = sentinels.login.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if sentinels.is_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = config.certificates().filter(|_| sentinels.is_tls) {
            builder = builder.set_client_to_redis_certificates(certificates);
        }
        if let Some(user) = &config.sentinel.user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &config.sentinel.password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if let Some(certificates) = config.certificates().filter(|_| config.sentinel.tls) {
            builder = builder.set_client_to_sentinel_certificates(certificates);
        }
        builder.build()
    }

    fn sentinel_address(&self, host: &str, port: u16) -> ConnectionAddr {
        let host = host.to_owned();
        if self.config.sentinel.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    }
}

/// Compares again and again, until the lookup is dropped. After an error another Sentinel is asked.
async fn watch_master(lookup: Weak<MasterLookup>) {
    let mut connection = None;
    loop {
        sleep(WATCH_INTERVAL).await;
        let Some(lookup) = lookup.upgrade() else { return };
        connection = timeout(WATCH_TIMEOUT, lookup.compare(connection)).await.ok().and_then(Result::ok);
    }
}
