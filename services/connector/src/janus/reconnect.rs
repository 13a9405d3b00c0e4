//! Keeps a [`Link`] to Janus: connects, and connects again with a growing delay when the link breaks.
//!
//! The first link claims the sessions of the former connector. A later link destroys the sessions that the
//! broken one left on Janus.

use super::connect::{Connected, connect};
use super::endpoint::{Endpoint, LinkError};
use super::link::Link;
use super::message::{FromJanus, JanusId};
use crate::lease::state::LeaseWatch;
use common::time::{Backoff, sleep_until};
use common::{ErrorLog, warn_failure};
use futures_util::future::BoxFuture;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

static SENDING: ErrorLog = ErrorLog::new("sending requests to Janus");

const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(100);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// A link that is up or being opened.
pub struct ReconnectingLink {
    endpoint: Endpoint,
    lease: LeaseWatch,
    backoff: Backoff,
    /// Sessions to be claimed by the first link.
    claims: Vec<JanusId>,
    /// Sessions to be destroyed by the next link.
    orphans: Vec<JanusId>,
    /// The warning that this Janus keeps no sessions was logged.
    reclaim_warned: bool,
    state: LinkState,
}

enum LinkState {
    Up(Box<Link>, Interval),
    Connecting(BoxFuture<'static, Result<Connected, LinkError>>),
}

#[derive(Debug)]
pub enum LinkEvent {
    Up {
        session: JanusId,
        /// The claimed sessions that Janus still has.
        claimed: Vec<JanusId>,
    },
    /// The link broke for this reason, and its sessions are lost.
    Down(String),
    /// Connecting failed for this reason. It is tried again.
    Unreachable(String),
    Message(FromJanus),
}

impl ReconnectingLink {
    /// Begins to connect. The first link claims these sessions.
    pub fn new(endpoint: Endpoint, lease: LeaseWatch, claims: Vec<JanusId>) -> Self {
        let connecting = connect_after(Duration::ZERO, endpoint.clone(), claims.clone());
        Self {
            endpoint,
            lease,
            backoff: Backoff::new(MIN_RECONNECT_DELAY, MAX_RECONNECT_DELAY),
            claims,
            orphans: Vec::new(),
            reclaim_warned: false,
            state: LinkState::Connecting(connecting),
        }
    }

    /// Sends a request. Returns it if a link is up and has no room for it. Without a link it is dropped: its call ends
    /// or has ended.
    pub fn send(&mut self, text: String) -> Option<String> {
        match &mut self.state {
            LinkState::Up(link, _) => link.send(text),
            LinkState::Connecting(_) => None,
        }
    }

    /// Ends a claimed session.
    pub fn destroy(&mut self, session: JanusId) {
        if let LinkState::Up(link, _) = &mut self.state
            && link.destroy(session).is_some()
        {
            warn_failure!(
                SENDING,
                session,
                "failed to end a session on Janus, which ends it without its connection"
            );
        }
    }

    /// Waits for the next event. Safe to cancel.
    pub async fn next(&mut self) -> LinkEvent {
        match &mut self.state {
            LinkState::Up(link, keepalive) => match next_message(link, keepalive).await {
                Ok(message) => LinkEvent::Message(message),
                Err(error) => {
                    self.orphans = link.sessions();
                    if let LinkState::Up(broken, _) = self.reconnect() {
                        tokio::spawn(broken.abandon(error.close_code()));
                    }
                    LinkEvent::Down(error.to_string())
                }
            },
            LinkState::Connecting(connecting) => match connecting.await {
                Ok(connected) => self.on_connected(connected),
                Err(error) => {
                    self.orphans.append(&mut self.claims);
                    self.reconnect();
                    LinkEvent::Unreachable(error.to_string())
                }
            },
        }
    }

    fn on_connected(&mut self, connected: Connected) -> LinkEvent {
        if connected.reclaim_timeout.is_zero() && !std::mem::replace(&mut self.reclaim_warned, true) {
            let url = &self.endpoint.url;
            tracing::warn!(%url, "calls on this Janus end with their connector: set its reclaim_session_timeout");
        }
        let (session, claimed) = (connected.session, connected.claimed.clone());
        let mut link = Link::new(connected, self.endpoint.credentials.clone(), self.lease.clone());
        for orphan in std::mem::take(&mut self.orphans) {
            let _ = link.destroy(orphan);
        }
        let mut keepalive = tokio::time::interval(link.keepalive_interval);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.claims.clear();
        self.backoff.reset();
        self.state = LinkState::Up(Box::new(link), keepalive);
        LinkEvent::Up { session, claimed }
    }

    /// Begins to connect again. Returns the former state.
    fn reconnect(&mut self) -> LinkState {
        let delay = self.backoff.next_delay();
        let connecting = connect_after(delay, self.endpoint.clone(), Vec::new());
        std::mem::replace(&mut self.state, LinkState::Connecting(connecting))
    }

    /// Destroys all sessions and closes the link.
    pub async fn close(self) {
        if let LinkState::Up(link, _) = self.state {
            link.close().await;
        }
    }

    /// Closes the link. The sessions stay on Janus, for the next connector to claim.
    pub async fn disconnect(self) {
        if let LinkState::Up(link, _) = self.state {
            link.disconnect().await;
        }
    }

    /// Closes the link at once: what is queued is not written. The sessions belong to the connector that has the lease.
    pub async fn abandon(self) {
        if let LinkState::Up(link, _) = self.state {
            link.abandon(CloseCode::Away).await;
        }
    }
}

/// Waits for the next message. Sends keepalives while it waits.
async fn next_message(link: &mut Link, keepalive: &mut Interval) -> Result<FromJanus, LinkError> {
    loop {
        let silence_deadline = link.silence_deadline();
        tokio::select! {
            biased;
            message = link.next() => return message,
            _ = keepalive.tick() => link.send_keepalives()?,
            () = sleep_until(silence_deadline) => return Err(LinkError::Unresponsive),
        }
    }
}

fn connect_after(
    delay: Duration,
    endpoint: Endpoint,
    claims: Vec<JanusId>,
) -> BoxFuture<'static, Result<Connected, LinkError>> {
    Box::pin(async move {
        tokio::time::sleep(delay).await;
        connect(&endpoint, &claims).await
    })
}
