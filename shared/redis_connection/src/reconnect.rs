//! The task that keeps the shared connection open.
//!
//! It connects again when the connection breaks, also while no command is sent, until an attempt succeeds: it makes no
//! difference why the others failed. When a command fails in a way that another connection may not, or Sentinels name
//! another master, it opens that connection first, and then replaces the old one, whose other commands finish.

use crate::refusal::is_connection_error;
use crate::server::Server;
use crate::settings::Settings;
use common::time::{Backoff, jitter};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisError, RedisResult};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// The shortest time between two attempts to replace an open connection.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// An open connection.
pub(crate) struct Link {
    connection: MultiplexedConnection,
    lost: Arc<Notify>,
    suspected: Notify,
    abandoned: Notify,
    since: Instant,
}

impl Link {
    pub(crate) async fn open(server: &Server, settings: &Settings) -> RedisResult<Arc<Self>> {
        let lost = Arc::new(Notify::new());
        let on_push = {
            let lost = lost.clone();
            move |push: PushInfo| -> Result<(), RedisError> {
                if push.kind == PushKind::Disconnection {
                    lost.notify_one();
                }
                Ok(())
            }
        };
        let connection = server.connect_shared(settings, on_push).await?;
        Ok(Arc::new(Self {
            connection,
            lost,
            suspected: Notify::new(),
            abandoned: Notify::new(),
            since: Instant::now(),
        }))
    }

    pub(crate) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// Reports the error of a command, which may mean that the connection must be replaced.
    pub(crate) fn report(&self, error: &RedisError) {
        if error.is_connection_dropped() {
            self.lost.notify_one();
        } else if is_connection_error(error) {
            self.suspected.notify_one();
        }
    }

    /// Waits until no reply can come any more, although the connection may be open.
    pub(crate) async fn until_abandoned(&self) {
        self.abandoned.notified().await;
    }

    async fn until_lost_or_suspected(&self) -> LinkEvent {
        tokio::select! {
            biased;
            () = self.lost.notified() => LinkEvent::Lost,
            () = self.suspected.notified() => LinkEvent::Suspected,
        }
    }
}

#[derive(PartialEq, Eq)]
enum LinkEvent {
    Lost,
    Suspected,
    MasterChanged,
}

/// The state of the shared connection.
pub(crate) enum LinkState {
    Up(Arc<Link>),
    /// The error is of the last attempt to connect.
    Down {
        failed_attempts: u64,
        error: Option<RedisError>,
    },
}

/// Connects again until all users of the connection are gone.
pub(crate) struct Reconnector {
    server: Server,
    settings: Settings,
    state: watch::Sender<LinkState>,
    backoff: Backoff,
    renewed_at: Instant,
}

impl Reconnector {
    /// Starts the task on an open connection.
    pub(crate) fn start(server: Server, settings: Settings, link: Arc<Link>) -> watch::Receiver<LinkState> {
        let (state, receiver) = watch::channel(LinkState::Up(link.clone()));
        let backoff = Backoff::new(settings.min_retry_delay, settings.max_retry_delay);
        let users = state.clone();
        let reconnector = Self { server, settings, state, backoff, renewed_at: Instant::now() };
        tokio::spawn(async move {
            tokio::select! {
                () = users.closed() => {}
                () = reconnector.run(link) => {}
            }
        });
        receiver
    }

    async fn run(mut self, mut link: Arc<Link>) {
        let mut changes = self.server.master_changes();
        loop {
            let event = tokio::select! {
                biased;
                event = link.until_lost_or_suspected() => event,
                Ok(()) = changes.changed() => LinkEvent::MasterChanged,
            };
            let next = match event {
                LinkEvent::Lost => self.reconnect(link.since).await,
                LinkEvent::Suspected | LinkEvent::MasterChanged => self.renew(&link).await,
            };
            if event == LinkEvent::MasterChanged || changes.has_changed().is_ok_and(|changed| changed) {
                changes.mark_unchanged();
                link.abandoned.notify_waiters();
            }
            link = next;
        }
    }

    /// Connects. The first attempt is made at once, unless the last connection broke at once too.
    async fn reconnect(&mut self, lost_link_since: Instant) -> Arc<Link> {
        self.state.send_replace(LinkState::Down { failed_attempts: 0, error: None });
        if lost_link_since.elapsed() < self.settings.max_retry_delay {
            sleep(jitter(self.backoff.next_delay())).await;
        } else {
            self.backoff.reset();
        }
        for failed_attempts in 1.. {
            match Link::open(&self.server, &self.settings).await {
                Ok(link) => {
                    self.state.send_replace(LinkState::Up(link.clone()));
                    return link;
                }
                Err(error) => {
                    self.state.send_replace(LinkState::Down { failed_attempts, error: Some(error) });
                }
            }
            sleep(jitter(self.backoff.next_delay())).await;
        }
        unreachable!("the attempts do not end")
    }

    /// Replaces an open connection, as soon as another can be opened. The old one is used until then.
    async fn renew(&mut self, link: &Link) -> Arc<Link> {
        loop {
            tokio::select! {
                biased;
                () = link.lost.notified() => return self.reconnect(link.since).await,
                () = sleep_until(self.renewed_at + RENEW_INTERVAL) => {}
            }
            let opened = Link::open(&self.server, &self.settings).await;
            self.renewed_at = Instant::now();
            if let Ok(new) = opened {
                self.state.send_replace(LinkState::Up(new.clone()));
                self.server.advance_generation();
                return new;
            }
        }
    }
}
