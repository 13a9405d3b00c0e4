//! What edges that are gone left in their mailboxes, for the sessions that were claimed from them.
//!
//! The mailbox of such an edge is read once, from front to back, however many sessions are claimed, and
//! for [`STRAGGLERS`] after the last claim again and again, because there are senders that have not
//! heard yet. An [`Estate`] holds what the mailbox holds, no more than [`bus::MAX_BACKLOG`] messages.
//! Events that a session has had before are known by their stamps.
//!
//! An edge that surrendered a session forwards what still comes for it. Should it die before everybody
//! knows, its mailbox is an estate too: for [`STRAGGLERS`] its signs of life are watched. So are those of
//! the edges that had the session before: the last one may have died before it could tell where it is. Of what is in their
//! mailboxes that one may have dealt with most, long ago; only what still is the case is taken from there.
//!
//! How it fails: what cannot be read now is read at the next look.

use super::forwarding;
use crate::mailbox;
use crate::shared::Shared;
use crate::takeover::claim::is_edge_dead;
use bus::MailboxOffset;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, Change, Events, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::{HandleRef, SessionId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

/// How often estates are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// For how long after a claim.
const LINGER: Duration = Duration::from_secs(10);

/// The estates of edges that are gone.
#[derive(Default)]
pub struct OrphanedMailboxes {
    mailboxes: Mutex<BTreeMap<ServiceId, OrphanedMailbox>>,
    added: Notify,
}

/// What one edge left.
#[derive(Default)]
struct OrphanedMailbox {
    /// Its edge is known to be gone; the mailbox of one that may be alive is left to it.
    is_orphaned: bool,
    /// How far its mailbox has been read.
    read_through: Option<MailboxOffset>,
    /// What is in it for sessions that nobody has claimed here.
    undelivered: BTreeMap<SessionId, Vec<Events>>,
    /// The sessions that were claimed here.
    claims: BTreeMap<SessionId, ClaimWindow>,
}

/// A session for which stragglers are looked for.
struct ClaimWindow {
    until: Instant,
    /// It was claimed from this edge, and not from one that had claimed it from this.
    is_direct: bool,
}

impl ClaimWindow {
    fn new(is_direct: bool) -> Self {
        Self { until: Instant::now() + LINGER, is_direct }
    }
}

impl OrphanedMailboxes {
    /// What is left for a session that was claimed here. What comes later is delivered to it.
    pub async fn drain_for(&self, from: &ServiceId, session: SessionId, shared: &Shared) -> Vec<Events> {
        let mut estates = self.mailboxes.lock().await;
        let estate = estates.entry(from.clone()).or_default();
        estate.is_orphaned = true;
        estate.claims.insert(session, ClaimWindow::new(true));
        estate.poll(from, shared).await;
        self.added.notify_one();
        estate.undelivered.remove(&session).unwrap_or_default()
    }

    /// An edge has surrendered a session and forwards what comes for it, as long as it lives.
    pub async fn watch(&self, from: &ServiceId, session: SessionId) {
        self.add_claim(from, session, ClaimWindow::new(true)).await;
    }

    /// An edge had a session before the one it was claimed from.
    pub async fn watch_previous(&self, former: &ServiceId, session: SessionId) {
        self.add_claim(former, session, ClaimWindow::new(false)).await;
    }

    async fn add_claim(&self, from: &ServiceId, session: SessionId, heir: ClaimWindow) {
        let mut estates = self.mailboxes.lock().await;
        estates.entry(from.clone()).or_default().claims.insert(session, heir);
        self.added.notify_one();
    }

    /// Delivers what comes late, for ever.
    pub async fn run(shared: Arc<Shared>) {
        loop {
            let mut estates = shared.orphaned_mailboxes.mailboxes.lock().await;
            for (from, estate) in estates.iter_mut() {
                estate.is_orphaned = estate.is_orphaned || is_edge_dead(&shared, from).await.unwrap_or(false);
                if estate.is_orphaned {
                    estate.poll(from, &shared).await;
                    estate.deliver(&shared).await;
                }
                estate.expire(Instant::now());
            }
            estates.retain(|_, estate| !estate.claims.is_empty());
            let is_empty = estates.is_empty();
            drop(estates);
            match is_empty {
                true => shared.orphaned_mailboxes.added.notified().await,
                false => sleep(POLL_INTERVAL).await,
            }
        }
    }
}

impl OrphanedMailbox {
    async fn poll(&mut self, from: &ServiceId, shared: &Shared) {
        match shared.context.bus.read_undelivered(&Mailbox::Edge(from.clone()), self.read_through).await {
            Ok(left) => left.into_iter().for_each(|(mark, message)| self.add(mark, message)),
            Err(error) => {
                tracing::warn!(%error, edge = %from, "a mailbox could not be inherited; it will be")
            }
        }
    }

    fn add(&mut self, mark: MailboxOffset, message: Message) {
        self.read_through = Some(mark);
        if let Body::Events(events) = message.body {
            self.undelivered.entry(events.session).or_default().push(events);
        }
    }

    /// Delivers what was left for heirs. Who says something new to a session that is here now is to
    /// hear of that.
    async fn deliver(&mut self, shared: &Arc<Shared>) {
        for (session, heir) in &self.claims {
            for events in self.undelivered.remove(session).into_iter().flatten() {
                if !heir.is_direct && !still_applies(&events, shared).await {
                    continue;
                }
                forwarding::announce_address(&events, &shared.context.id, shared).await;
                mailbox::deliver(events, AckGuard::default(), shared).await;
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        self.claims.retain(|_, heir| heir.until > now);
    }
}

/// Whether what was told a while ago still is the case: the call still is, the name is still had or lost.
/// Answers are heard by whoever waits for them.
async fn still_applies(events: &Events, shared: &Shared) -> bool {
    let directory = &shared.context.directory;
    let owns = async |name: &String| {
        let who = HandleRef { session: events.session, handle: events.handle };
        let record = directory.handle(who).await.ok().flatten();
        record.and_then(|record| record.username).as_ref() == Some(name)
    };
    match (events.call, &events.change) {
        (Some(call), _) => !matches!(directory.call(call).await, Ok(None)),
        (None, Some(Change::Registered(name))) => owns(name).await,
        (None, Some(Change::Displaced(name))) => !owns(name).await,
        (None, _) => events.in_reply_to.is_some(),
    }
}
