//! What every part of the edge uses: its identity, bus and directory, its limits, and its tasks.

use crate::client_memory::ClientMemory;
use crate::fair_use::FairUseOptions;
use crate::options::{Limits, Options, SocketOptions};
use bus::Bus;
use bus::ack_tracker::AckGuard;
use common::ServiceId;
use directory::Directory;
use protocol::SessionId;
use protocol::server_info::ServerInfo;
use service::{CancellationToken, Context, Health, ShutdownPolicy, TaskGroup, TrustedProxies};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// How long messages stay in the mailbox after another edge has taken over their session, so that it can read them.
const ACK_DELAY: Duration = Duration::from_secs(2);

/// The identity, services, limits and tasks of a running edge.
pub struct EdgeContext {
    pub id: ServiceId,
    pub bus: Bus,
    pub directory: Directory,
    pub health: Health,
    pub shutdown: CancellationToken,
    pub shutdown_policy: ShutdownPolicy,
    pub limits: Arc<Limits>,
    pub socket_options: SocketOptions,
    pub trusted_proxies: TrustedProxies,
    /// What the clients may make the edge hold.
    pub client_memory: Arc<ClientMemory>,
    pub fair_use: FairUseOptions,
    /// The reply to `info`.
    pub server_info: Arc<ServerInfo>,
    /// The tasks of connections.
    pub connections: TaskGroup,
    /// All other tasks.
    pub background: TaskGroup,
    permits: Arc<Semaphore>,
}

impl EdgeContext {
    pub fn new(options: &Options, context: Context) -> Self {
        let server_info = server_info(options, &context.id);
        let Context { id, bus, directory, health, shutdown, shutdown_policy } = context;
        let socket_options = options.socket_options();
        Self {
            id,
            bus,
            directory,
            health,
            shutdown,
            shutdown_policy,
            limits: Arc::new(options.limits()),
            client_memory: ClientMemory::new(options.max_client_memory << 20),
            permits: Arc::new(Semaphore::new(socket_options.max_connections)),
            socket_options,
            trusted_proxies: options.trusted_proxies.clone(),
            fair_use: options.fair_use.clone(),
            server_info: Arc::new(server_info),
            connections: TaskGroup::default(),
            background: TaskGroup::default(),
        }
    }

    /// Waits until one more client may connect.
    pub async fn connection_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.ok()
    }

    /// How many clients may connect besides the one that is accepted next.
    pub fn free_places(&self) -> usize {
        self.permits.available_permits()
    }

    /// Waits until no client is connected.
    pub async fn all_disconnected(&self) {
        let all = self.socket_options.max_connections as u32;
        // Fails only if the semaphore is closed, which it never is.
        let _ = self.permits.acquire_many(all).await;
    }

    /// Acknowledges messages when the edge that has taken over their session has had time to read them.
    pub fn ack_later(&self, guards: Vec<AckGuard>) {
        if !guards.is_empty() {
            self.background.spawn(async move {
                sleep(ACK_DELAY).await;
                drop(guards);
            });
        }
    }

    /// Whether the directory says that another edge owns a session.
    pub async fn is_owned_elsewhere(&self, session: SessionId) -> bool {
        matches!(self.directory.session(session).await, Ok(Some(record)) if record.edge != self.id)
    }
}

fn server_info(options: &Options, id: &ServiceId) -> ServerInfo {
    ServerInfo {
        server_name: options.server_name.clone().unwrap_or_else(|| id.to_string()),
        version_string: env!("CARGO_PKG_VERSION").to_owned(),
        session_timeout: options.session_timeout,
        reclaim_session_timeout: options.reclaim_timeout,
        accepting_new_sessions: true,
        api_secret: options.api_secret.is_some(),
        auth_token: options.token_auth_secret.is_some(),
    }
}
