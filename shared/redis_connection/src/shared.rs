//! The connection that all short commands of a process share.
//!
//! It reconnects by itself, with a growing pause, also while no command is sent. A command in flight fails
//! when the connection breaks, and when another server becomes the master. A command that is sent while the connection is down waits for the attempts to
//! connect, at most [`Settings::retry_for`], but always for the end of one attempt.

use crate::reconnect::{Link, LinkState, Reconnector};
use crate::refusal::{timed_out, to_connection_error};
use crate::server::Server;
use crate::settings::Settings;
use redis::aio::MultiplexedConnection;
use redis::{
    Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation, Value, from_redis_value,
};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// What can be sent over a [`SharedConnection`]: a command, a pipeline or a script.
pub trait Command: Sync {
    /// Sends it over this connection and waits for the reply.
    fn send(&self, connection: &mut MultiplexedConnection)
    -> impl Future<Output = RedisResult<Value>> + Send;

    /// Returns the name of the command with this index, without arguments.
    fn name(&self, index: usize) -> String;
}

fn name_of(command: Option<&Cmd>) -> String {
    match command.and_then(|command| command.args_iter().next()) {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => "a command".to_owned(),
    }
}

impl Command for Cmd {
    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        self.query_async(connection).await
    }

    fn name(&self, _: usize) -> String {
        name_of(Some(self))
    }
}

impl Command for Pipeline {
    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        self.query_async(connection).await
    }

    fn name(&self, index: usize) -> String {
        name_of(self.cmd_iter().nth(index))
    }
}

/// Loads the script and sends it again where the server does not have it.
impl Command for ScriptInvocation<'_> {
    async fn send(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        self.invoke_async(connection).await
    }

    fn name(&self, _: usize) -> String {
        "EVALSHA".to_owned()
    }
}

/// A connection that reconnects by itself; clones share it.
#[derive(Clone)]
pub struct SharedConnection {
    state: watch::Receiver<LinkState>,
    settings: Settings,
}

impl SharedConnection {
    /// Connects to a server.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn connect(server: &Server, settings: Settings) -> RedisResult<Self> {
        let link = Link::open(server, &settings).await?;
        Ok(Self { state: Reconnector::start(server.clone(), settings, link), settings })
    }

    /// Sends a command and waits for its reply, at most [`Settings::query_timeout`].
    ///
    /// # Errors
    /// Of the command, or of the connection; then the command may have been executed.
    pub async fn query<T: FromRedisValue + Send>(&self, command: &impl Command) -> RedisResult<T> {
        match timeout(self.settings.query_timeout, self.query_once(command)).await {
            Ok(result) => result,
            Err(_) => Err(self.on_timeout()),
        }
    }

    /// As [`query`](Self::query), without its timeout.
    ///
    /// # Errors
    /// As those of `query`.
    pub async fn query_once<T: FromRedisValue + Send>(&self, command: &impl Command) -> RedisResult<T> {
        let link = self.wait_until_up().await?;
        let mut connection = link.connection();
        let reply = tokio::select! {
            biased;
            reply = command.send(&mut connection) => reply.map_err(to_connection_error),
            () = link.until_abandoned() => return Err(master_changed()),
        };
        let reply = reply.inspect_err(|error| link.report(error))?;
        Ok(from_redis_value(reply)?)
    }

    async fn wait_until_up(&self) -> RedisResult<Arc<Link>> {
        if let LinkState::Up(link) = &*self.state.borrow() {
            return Ok(link.clone());
        }
        let (mut state, start) = (self.state.clone(), Instant::now());
        let mut failed_before = None;
        loop {
            match &*state.borrow_and_update() {
                LinkState::Up(link) => return Ok(link.clone()),
                LinkState::Down { failed_attempts, error } => {
                    let has_failed = failed_attempts != failed_before.get_or_insert(*failed_attempts);
                    if let Some(error) = error.as_ref().filter(|_| has_failed)
                        && start.elapsed() >= self.settings.retry_for
                    {
                        return Err(error.clone());
                    }
                }
            }
            state.changed().await.map_err(|_| closed())?;
        }
    }

    /// The reason why a command got no reply in time: that of the last attempt to connect, if the connection is down.
    fn on_timeout(&self) -> RedisError {
        match &*self.state.borrow() {
            LinkState::Down { error: Some(error), .. } => error.clone(),
            LinkState::Down { error: None, .. } => timed_out(),
            LinkState::Up(link) => {
                let error = timed_out();
                link.report(&error);
                error
            }
        }
    }
}

/// The error of a command without a reply when another server has become the master.
fn master_changed() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "another server has become the master").into()
}

/// The error after the end of the runtime on which the connection was opened.
fn closed() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::NotConnected).into()
}
