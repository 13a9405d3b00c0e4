//! Keeps a [`Link`] to Janus: dials, and dials again with a growing pause when it goes down.

use crate::janus::message::{FromJanus, JanusId};
use crate::janus::site::Site;
use crate::janus::{Down, Link};
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, Interval};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A link that is up or being dialled.
pub struct Dial {
    site: Site,
    pause: Duration,
    state: State,
}

enum State {
    Up(Box<Link>, Interval),
    Dialling(BoxFuture<'static, Result<Link, Down>>),
}

/// What the link brings.
#[derive(Debug)]
pub enum FromLink {
    /// A new session on Janus.
    Up(JanusId),
    /// The session is gone, and why.
    Down(String),
    /// Janus cannot be reached, and why; it is tried again.
    Unreachable(String),
    /// Janus says something.
    Message(FromJanus),
}

impl Dial {
    /// Begins to dial.
    pub fn new(site: Site) -> Self {
        let state = State::Dialling(dial(site.clone(), Duration::ZERO));
        Self { site, pause: FIRST_PAUSE, state }
    }

    /// Sends to Janus; what cannot be sent is found out by [`next`](Self::next).
    pub fn send(&mut self, text: String) {
        if let State::Up(link, _) = &self.state
            && let Err(error) = link.send(text)
        {
            tracing::warn!(%error, "a request to Janus is lost");
        }
    }

    /// What comes next. Safe to cancel.
    pub async fn next(&mut self) -> FromLink {
        loop {
            match &mut self.state {
                State::Up(link, keepalive) => {
                    let down = tokio::select! {
                        biased;
                        message = link.next() => match message {
                            Ok(FromJanus::Timeout) => Down::Closed,
                            Ok(message) => return FromLink::Message(message),
                            Err(down) => down,
                        },
                        _ = keepalive.tick() => match link.keepalive() {
                            Ok(()) => continue,
                            Err(down) => down,
                        },
                    };
                    self.redial();
                    return FromLink::Down(down.to_string());
                }
                State::Dialling(dialling) => match dialling.await {
                    Ok(link) => {
                        let session = link.session;
                        let first = Instant::now() + link.keepalive_every;
                        let keepalive = tokio::time::interval_at(first, link.keepalive_every);
                        self.pause = FIRST_PAUSE;
                        self.state = State::Up(Box::new(link), keepalive);
                        return FromLink::Up(session);
                    }
                    Err(error) => {
                        self.redial();
                        return FromLink::Unreachable(error.to_string());
                    }
                },
            }
        }
    }

    fn redial(&mut self) {
        self.state = State::Dialling(dial(self.site.clone(), self.pause));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Ends the session.
    pub async fn close(self) {
        if let State::Up(link, _) = self.state {
            link.close().await;
        }
    }
}

fn dial(site: Site, pause: Duration) -> BoxFuture<'static, Result<Link, Down>> {
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        Link::open(&site).await
    })
}
