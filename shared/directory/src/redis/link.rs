//! The connection to Redis and how it fails.
//!
//! All operations share one connection, each as one pipeline. It reconnects by itself, with a
//! growing pause, also while nobody asks anything (RESP3 says when it breaks). An operation in
//! flight when it breaks fails; one that comes while it is down waits for the attempt under way,
//! at most [`ANSWER_WITHIN`]. A Redis that was flushed or restarted has lost the scripts: they are
//! loaded again, and the pipeline is sent once more, which every pipeline here allows.

use super::scripts;
use crate::{Error, Result, metrics};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError,
    RedisResult, ServerErrorKind, TlsCertificates,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// No round trip takes longer, whatever the connection goes through.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(2_500);
/// How long a connected Redis has to answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A peer whose machine is gone acknowledges nothing: then the connection counts as broken.
#[cfg(target_os = "linux")]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
const MIN_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(400);
const MAX_RETRIES: usize = 4;
/// Commands that wait for the socket; more wait for room, and time out like any other.
const PIPELINE_BUFFER: usize = 1_024;

#[derive(Clone)]
pub(super) struct Connection(Arc<Inner>);

struct Inner {
    client: Client,
    current: RwLock<CurrentManager>,
    /// The last question was not answered.
    is_down: AtomicBool,
}

struct CurrentManager {
    manager: ConnectionManager,
    created_at: Instant,
}

impl Connection {
    pub(super) async fn connect(url: &str, ca: Option<&[u8]>) -> Result<Self> {
        let client = build_client(url, ca).map_err(|error| to_error("the URL", &error))?;
        let connecting = ConnectionManager::new_with_config(client.clone(), config());
        let manager = connecting.await.map_err(|error| to_error("the connection", &error))?;
        let current = RwLock::new(CurrentManager { manager, created_at: Instant::now() });
        Ok(Self(Arc::new(Inner { client, current, is_down: AtomicBool::new(false) })))
    }

    /// One round trip; `key` is what an error is about.
    pub(super) async fn query<T: FromRedisValue>(&self, key: &str, pipe: &Pipeline) -> Result<T> {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.send(pipe)).await;
        self.track_outage(matches!(answer, Ok(Err(ref error)) if error.is_io_error()) || answer.is_err());
        let answer = answer.map_err(|_| Error::Unavailable("no answer in time".to_owned()))?;
        answer.map_err(|error| to_error(key, &error))
    }

    fn track_outage(&self, is_away: bool) {
        if self.0.is_down.swap(is_away, Ordering::Relaxed) && !is_away {
            metrics::reconnected();
        }
    }

    async fn send<T: FromRedisValue>(&self, pipe: &Pipeline) -> RedisResult<T> {
        let mut manager = self.manager();
        let answer = match pipe.query_async(&mut manager).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                load_scripts(&mut manager).await?;
                pipe.query_async(&mut manager).await
            }
            answer => answer,
        };
        answer.inspect_err(|error| self.replace_refused(error))
    }

    fn manager(&self) -> ConnectionManager {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).manager.clone()
    }

    /// A manager whose reconnection was *refused* (wrong password, too many clients) keeps that
    /// refusal for ever, where a mere I/O error makes it try again: so it is replaced, but not at
    /// every refused command.
    fn replace_refused(&self, error: &RedisError) {
        if error.is_io_error() || is_malformed(error) {
            return;
        }
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.created_at.elapsed() < MAX_RETRY_DELAY {
            return;
        }
        if let Ok(manager) = ConnectionManager::new_lazy_with_config(self.0.client.clone(), config()) {
            *current = CurrentManager { manager, created_at: Instant::now() };
        }
    }
}

fn build_client(url: &str, ca: Option<&[u8]>) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(TCP_USER_TIMEOUT);
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
    let Some(ca) = ca else { return Client::open(info) };
    Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(ca.to_vec()) })
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_min_delay(MIN_RETRY_DELAY)
        .set_max_delay(MAX_RETRY_DELAY)
        .set_number_of_retries(MAX_RETRIES)
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

async fn load_scripts(manager: &mut ConnectionManager) -> RedisResult<()> {
    tracing::info!("loading the scripts: this Redis is new, was restarted or was flushed");
    let mut pipe = redis::pipe();
    for source in scripts::SOURCES {
        pipe.cmd("SCRIPT").arg("LOAD").arg(source).ignore();
    }
    pipe.exec_async(manager).await
}

fn to_error(key: &str, error: &RedisError) -> Error {
    match is_malformed(error) {
        true => Error::Malformed { key: key.to_owned(), why: error.to_string() },
        false => Error::Unavailable(error.to_string()),
    }
}

/// The answer came, and is not what a record of ours would give.
fn is_malformed(error: &RedisError) -> bool {
    let code = || {
        error.clone().into_server_errors().is_some_and(|all| all.iter().any(|(_, e)| e.code() == "WRONGTYPE"))
    };
    matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType) || code()
}
