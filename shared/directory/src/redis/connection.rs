//! The connection to Redis, how operations fail, and the Lua scripts.
//!
//! All operations share one connection, which reconnects by itself. Each sends one pipeline at a time. An
//! operation in flight fails when the connection breaks. One that comes while it is down waits for the
//! attempts to connect, at most [`REQUEST_TIMEOUT`]. A Redis server that was flushed or restarted has
//! lost the scripts: they are loaded again, and the pipeline is sent once more. Every pipeline here may be sent
//! twice.
//!
//! A script is one atomic step. It changes one key, or the two keys of a lease, which share a hash tag.

use crate::{Error, Result, metrics};
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Script, ServerErrorKind};
use redis_connection::{
    CHECK_KEY, LastRefusal, Server, Settings, SharedConnection, error_text, plain_error_text,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Bounds a round trip, reconnecting and loading the scripts included.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(2_500);
const SETTINGS: Settings = Settings {
    query_timeout: REQUEST_TIMEOUT,
    connect_timeout: Duration::from_secs(1),
    response_timeout: Duration::from_secs(2),
    min_retry_delay: Duration::from_millis(50),
    max_retry_delay: Duration::from_millis(400),
    retry_for: Duration::from_millis(500),
};

#[derive(Clone)]
pub(super) struct Connection {
    shared: SharedConnection,
    /// The last operation got no reply.
    is_down: Arc<AtomicBool>,
    last_refusal: LastRefusal,
}

impl Connection {
    pub(super) async fn connect(server: &Server) -> Result<Self> {
        let connecting = SharedConnection::connect(server, SETTINGS);
        let shared = connecting.await.map_err(|error| to_error("the connection", &error))?;
        Ok(Self { shared, is_down: Arc::default(), last_refusal: LastRefusal::default() })
    }

    /// Makes one round trip. An error names `key`.
    pub(super) async fn query<T: FromRedisValue + Send>(&self, key: &str, pipe: &Pipeline) -> Result<T> {
        let reply = tokio::time::timeout(REQUEST_TIMEOUT, self.send(pipe)).await;
        self.track_outage(match &reply {
            Ok(Err(error)) => error.is_io_error(),
            Ok(Ok(_)) => false,
            Err(_) => true,
        });
        let reply = reply.map_err(|_| Error::Unavailable("no reply in time".to_owned()))?;
        reply.map_err(|error| {
            self.last_refusal.record(pipe, &error);
            if is_malformed(&error) {
                to_error(key, &error)
            } else {
                Error::Unavailable(error_text(pipe, &error))
            }
        })
    }

    /// Tries writes that change nothing, as [`CHECK_KEY`] does not exist. Fails also if Redis has just refused another
    /// command.
    pub(super) async fn check_writes(&self) -> Result<()> {
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(CHECK_KEY).arg("").arg("XX").ignore();
        pipe.cmd("ZADD").arg(CHECK_KEY).arg("XX").arg(0).arg("").ignore();
        () = self.query(CHECK_KEY, &pipe).await?;
        self.last_refusal.current().map_or(Ok(()), |refusal| Err(Error::Unavailable(refusal)))
    }

    fn track_outage(&self, is_down: bool) {
        if self.is_down.swap(is_down, Ordering::Relaxed) && !is_down {
            metrics::reconnected();
        }
    }

    async fn send<T: FromRedisValue + Send>(&self, pipe: &Pipeline) -> RedisResult<T> {
        match self.shared.query_once(pipe).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.load_scripts().await?;
                self.shared.query_once(pipe).await
            }
            reply => reply,
        }
    }

    async fn load_scripts(&self) -> RedisResult<()> {
        tracing::info!(
            "Redis does not have the scripts, loading them: it is new, was restarted or was flushed"
        );
        let mut pipe = redis::pipe();
        for source in SOURCES {
            pipe.cmd("SCRIPT").arg("LOAD").arg(source).ignore();
        }
        self.shared.query_once(&pipe).await
    }
}

fn to_error(key: &str, error: &RedisError) -> Error {
    if is_malformed(error) {
        Error::Malformed { key: key.to_owned(), why: error.to_string() }
    } else {
        Error::Unavailable(plain_error_text(error))
    }
}

/// Whether Redis replied, but not with what a record of this version contains.
fn is_malformed(error: &RedisError) -> bool {
    let is_wrong_type = || {
        let errors = error.clone().into_server_errors();
        errors.is_some_and(|all| all.iter().any(|(_, server)| server.code() == "WRONGTYPE"))
    };
    matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType) || is_wrong_type()
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!($file)),+)));)*

        /// The text of each script, for a Redis server that does not have them.
        pub(super) const SOURCES: &[&str] = &[$(concat!($(include_str!($file)),+)),*];
    };
}

scripts! {
    ACQUIRE_HANDLE = "lua/acquire_handle.lua";
    ACQUIRE_LEASE = "lua/acquire_lease.lua";
    ANNOUNCE_BACKEND = "lua/announce_backend.lua";
    ANNOUNCE_DISCOVERED = "lua/announce_discovered.lua";
    CLAIM_NAME = "lua/claim_name.lua";
    CLAIM_SESSION = "lua/claim_session.lua";
    CLEAR_DISPLACED = "lua/clear_displaced.lua";
    CLEAR_IF = "lua/clear_if.lua";
    CLEAR_IN_CALL = "lua/clear_in_call.lua";
    DELETE_IF = "lua/delete_if.lua";
    END_CALL = "lua/end_call.lua";
    GRANT_NAME = "lua/grant_name.lua";
    HEARTBEAT = "lua/heartbeat.lua";
    MOVE_HANDLE = "lua/move_handle.lua";
    MOVE_NAME = "lua/name.lua" "lua/move_name.lua";
    OPEN_SESSION = "lua/open_session.lua";
    PUT_CONNECTOR_RECORD = "lua/put_connector_record.lua";
    REGISTER_BACKEND = "lua/register_backend.lua";
    RELEASE_NAME = "lua/name.lua" "lua/release_name.lua";
    REMOVE_BACKEND = "lua/remove_backend.lua";
    REMOVE_HANDLE = "lua/remove_handle.lua";
    RENEW_PROXY = "lua/renew_proxy.lua";
    REPAIR_NAME = "lua/name.lua" "lua/repair_name.lua";
    REVOKE_CLAIM = "lua/revoke_claim.lua";
    SAVE_CALL = "lua/save_call.lua";
    SAVE_SESSION = "lua/save_session.lua";
    SET_IN_CALL = "lua/name.lua" "lua/set_in_call.lua";
    SET_TIMESTAMP = "lua/set_timestamp.lua";
    STALE_MEMBERS = "lua/stale_members.lua";
    UNEXPIRED_MEMBERS = "lua/unexpired_members.lua";
    UNREGISTER_BACKEND = "lua/unregister_backend.lua";
}
