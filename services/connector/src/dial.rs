//! Keeps a [`Link`] to Janus: dials, and dials again with a growing pause when it goes down.
//!
//! The first link claims the sessions that a former connector had. What a link that went down leaves
//! on Janus is destroyed by the next one.

use crate::janus::LinkError;
use crate::janus::link::Link;
use crate::janus::message::{FromJanus, JanusId};
use crate::janus::opening::{Connected, connect};
use crate::janus::site::Endpoint;
use crate::standing::LeaseWatch;
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};

const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(100);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// A link that is up or being dialled.
pub struct ReconnectingLink {
    endpoint: Endpoint,
    lease: LeaseWatch,
    delay: Duration,
    /// Sessions that are to be claimed, then those that are to be destroyed.
    claims: Vec<JanusId>,
    orphans: Vec<JanusId>,
    /// It was said that this Janus keeps no session for another connector.
    reclaim_warned: bool,
    state: LinkState,
}

enum LinkState {
    Up(Box<Link>, Interval),
    Connecting(BoxFuture<'static, Result<Connected, LinkError>>),
}

/// What the link brings.
#[derive(Debug)]
pub enum LinkEvent {
    /// Janus is there.
    Up {
        /// A new session.
        session: JanusId,
        /// The claimed ones that it still has.
        claimed: Vec<JanusId>,
    },
    /// The sessions are gone, and why.
    Down(String),
    /// Janus cannot be reached, and why; it is tried again.
    Unreachable(String),
    /// Janus says something.
    Message(FromJanus),
}

impl ReconnectingLink {
    /// Begins to dial; claims these sessions.
    pub fn new(endpoint: Endpoint, lease: LeaseWatch, claims: Vec<JanusId>) -> Self {
        let state = LinkState::Connecting(connect_after(endpoint.clone(), claims.clone(), Duration::ZERO));
        let orphans = Vec::new();
        Self { endpoint, lease, delay: MIN_RECONNECT_DELAY, claims, orphans, reclaim_warned: false, state }
    }

    /// Sends to Janus; what cannot be sent is found out by [`next`](Self::next).
    pub fn send(&mut self, text: String) {
        self.with_link(|link| link.send(text));
    }

    /// Ends a session that is not the newest.
    pub fn destroy(&mut self, session: JanusId) {
        self.with_link(|link| link.destroy(session));
    }

    fn with_link(&mut self, act: impl FnOnce(&mut Link) -> Result<(), LinkError>) {
        if let LinkState::Up(link, _) = &mut self.state
            && let Err(error) = act(link)
        {
            tracing::warn!(%error, "a request to Janus is lost");
        }
    }

    /// What comes next. Safe to cancel.
    pub async fn next(&mut self) -> LinkEvent {
        match &mut self.state {
            LinkState::Up(link, keepalive) => match next_message(link, keepalive).await {
                Ok(message) => LinkEvent::Message(message),
                Err(down) => {
                    self.orphans = link.sessions();
                    self.reconnect();
                    LinkEvent::Down(down.to_string())
                }
            },
            LinkState::Connecting(dialling) => match dialling.await {
                Ok(opened) => self.on_connected(opened),
                Err(error) => {
                    self.orphans.append(&mut self.claims);
                    self.reconnect();
                    LinkEvent::Unreachable(error.to_string())
                }
            },
        }
    }

    fn on_connected(&mut self, opened: Connected) -> LinkEvent {
        if opened.reclaim_timeout.is_zero() && !std::mem::replace(&mut self.reclaim_warned, true) {
            let url = &self.endpoint.url;
            tracing::warn!(%url, "calls on this Janus end with their connector: set its reclaim_session_timeout");
        }
        let (session, kept) = (opened.session, opened.claimed.clone());
        let mut link = Link::new(opened, self.endpoint.credentials.clone(), self.lease.clone());
        for orphan in std::mem::take(&mut self.orphans) {
            let _ = link.destroy(orphan);
        }
        let mut keepalive = tokio::time::interval(link.keepalive_interval);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.claims.clear();
        self.delay = MIN_RECONNECT_DELAY;
        self.state = LinkState::Up(Box::new(link), keepalive);
        LinkEvent::Up { session, claimed: kept }
    }

    fn reconnect(&mut self) {
        self.state = LinkState::Connecting(connect_after(self.endpoint.clone(), Vec::new(), self.delay));
        self.delay = (self.delay * 2).min(MAX_RECONNECT_DELAY);
    }

    /// Ends all sessions.
    pub async fn close(self) {
        if let LinkState::Up(link, _) = self.state {
            link.close().await;
        }
    }

    /// Leaves the sessions to whoever claims them.
    pub async fn disconnect(self) {
        if let LinkState::Up(mut link, _) = self.state {
            link.disconnect().await;
        }
    }
}

/// What Janus says next, while it is asked for signs of life.
async fn next_message(link: &mut Link, keepalive: &mut Interval) -> Result<FromJanus, LinkError> {
    loop {
        let silent_at = link.silence_deadline();
        tokio::select! {
            biased;
            message = link.next() => return message,
            _ = keepalive.tick() => link.send_keepalives()?,
            () = sleep_until(silent_at) => return Err(LinkError::Unresponsive),
        }
    }
}

/// Waits until then, for ever without a time.
pub async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn connect_after(
    site: Endpoint,
    claims: Vec<JanusId>,
    pause: Duration,
) -> BoxFuture<'static, Result<Connected, LinkError>> {
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        connect(&site, &claims).await
    })
}
