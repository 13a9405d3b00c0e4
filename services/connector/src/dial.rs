//! Keeps a [`Link`] to Janus: dials, and dials again with a growing pause when it goes down.
//!
//! The first link claims the sessions that a former connector had. What a link that went down leaves
//! on Janus is destroyed by the next one.

use crate::janus::Down;
use crate::janus::link::Link;
use crate::janus::message::{FromJanus, JanusId};
use crate::janus::opening::{Opened, open};
use crate::janus::site::Site;
use crate::standing::Standing;
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A link that is up or being dialled.
pub struct Dial {
    site: Site,
    standing: Standing,
    pause: Duration,
    /// Sessions that are to be claimed, then those that are to be destroyed.
    claims: Vec<JanusId>,
    orphans: Vec<JanusId>,
    /// It was said that this Janus keeps no session for another connector.
    warned: bool,
    state: State,
}

enum State {
    Up(Box<Link>, Interval),
    Dialling(BoxFuture<'static, Result<Opened, Down>>),
}

/// What the link brings.
#[derive(Debug)]
pub enum FromLink {
    /// Janus is there.
    Up {
        /// A new session.
        session: JanusId,
        /// The claimed ones that it still has.
        kept: Vec<JanusId>,
    },
    /// The sessions are gone, and why.
    Down(String),
    /// Janus cannot be reached, and why; it is tried again.
    Unreachable(String),
    /// Janus says something.
    Message(FromJanus),
}

impl Dial {
    /// Begins to dial; claims these sessions.
    pub fn new(site: Site, standing: Standing, claims: Vec<JanusId>) -> Self {
        let state = State::Dialling(dial(site.clone(), claims.clone(), Duration::ZERO));
        let orphans = Vec::new();
        Self { site, standing, pause: FIRST_PAUSE, claims, orphans, warned: false, state }
    }

    /// Sends to Janus; what cannot be sent is found out by [`next`](Self::next).
    pub fn send(&mut self, text: String) {
        self.with_link(|link| link.send(text));
    }

    /// Ends a session that is not the newest.
    pub fn destroy(&mut self, session: JanusId) {
        self.with_link(|link| link.destroy(session));
    }

    fn with_link(&mut self, act: impl FnOnce(&mut Link) -> Result<(), Down>) {
        if let State::Up(link, _) = &mut self.state
            && let Err(error) = act(link)
        {
            tracing::warn!(%error, "a request to Janus is lost");
        }
    }

    /// What comes next. Safe to cancel.
    pub async fn next(&mut self) -> FromLink {
        match &mut self.state {
            State::Up(link, keepalive) => match heard(link, keepalive).await {
                Ok(message) => FromLink::Message(message),
                Err(down) => {
                    self.orphans = link.sessions();
                    self.redial();
                    FromLink::Down(down.to_string())
                }
            },
            State::Dialling(dialling) => match dialling.await {
                Ok(opened) => self.up(opened),
                Err(error) => {
                    self.orphans.append(&mut self.claims);
                    self.redial();
                    FromLink::Unreachable(error.to_string())
                }
            },
        }
    }

    fn up(&mut self, opened: Opened) -> FromLink {
        if opened.reclaim_timeout.is_zero() && !std::mem::replace(&mut self.warned, true) {
            let url = &self.site.url;
            tracing::warn!(%url, "calls on this Janus end with their connector: set its reclaim_session_timeout");
        }
        let (session, kept) = (opened.session, opened.kept.clone());
        let mut link = Link::over(opened, self.site.credentials.clone(), self.standing.clone());
        for orphan in std::mem::take(&mut self.orphans) {
            let _ = link.destroy(orphan);
        }
        let mut keepalive = tokio::time::interval(link.keepalive_every);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.claims.clear();
        self.pause = FIRST_PAUSE;
        self.state = State::Up(Box::new(link), keepalive);
        FromLink::Up { session, kept }
    }

    fn redial(&mut self) {
        self.state = State::Dialling(dial(self.site.clone(), Vec::new(), self.pause));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Ends all sessions.
    pub async fn close(self) {
        if let State::Up(link, _) = self.state {
            link.close().await;
        }
    }

    /// Leaves the sessions to whoever claims them.
    pub async fn leave(self) {
        if let State::Up(mut link, _) = self.state {
            link.leave().await;
        }
    }
}

/// What Janus says next, while it is asked for signs of life.
async fn heard(link: &mut Link, keepalive: &mut Interval) -> Result<FromJanus, Down> {
    loop {
        let silent_at = link.silent_at();
        tokio::select! {
            biased;
            message = link.next() => return message,
            _ = keepalive.tick() => link.keepalive()?,
            () = sleep_until(silent_at) => return Err(Down::Silent),
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

fn dial(site: Site, claims: Vec<JanusId>, pause: Duration) -> BoxFuture<'static, Result<Opened, Down>> {
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        open(&site, &claims).await
    })
}
