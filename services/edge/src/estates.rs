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

use crate::claim::is_gone;
use crate::shared::Shared;
use crate::{forwards, mailbox};
use bus::Mark;
use bus::ledger::Receipt;
use bus::message::{Body, Change, Events, Message};
use bus::topic::Mailbox;
use protocol::{HandleRef, ServiceId, SessionId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

/// How often estates are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// For how long after a claim.
const STRAGGLERS: Duration = Duration::from_secs(10);

/// The estates of edges that are gone.
#[derive(Default)]
pub struct Estates {
    estates: Mutex<BTreeMap<ServiceId, Estate>>,
    opened: Notify,
}

/// What one edge left.
#[derive(Default)]
struct Estate {
    /// Its edge is known to be gone; the mailbox of one that may be alive is left to it.
    is_open: bool,
    /// How far its mailbox has been read.
    read: Option<Mark>,
    /// What is in it for sessions that nobody has claimed here.
    left: BTreeMap<SessionId, Vec<Events>>,
    /// The sessions that were claimed here.
    heirs: BTreeMap<SessionId, Heir>,
}

/// A session for which stragglers are looked for.
struct Heir {
    until: Instant,
    /// It was claimed from this edge, and not from one that had claimed it from this.
    is_first: bool,
}

impl Heir {
    fn new(is_first: bool) -> Self {
        Self { until: Instant::now() + STRAGGLERS, is_first }
    }
}

impl Estates {
    /// What is left for a session that was claimed here. What comes later is delivered to it.
    pub async fn inherit(&self, from: &ServiceId, session: SessionId, shared: &Shared) -> Vec<Events> {
        let mut estates = self.estates.lock().await;
        let estate = estates.entry(from.clone()).or_default();
        estate.is_open = true;
        estate.heirs.insert(session, Heir::new(true));
        estate.look(from, shared).await;
        self.opened.notify_one();
        estate.left.remove(&session).unwrap_or_default()
    }

    /// An edge has surrendered a session and forwards what comes for it, as long as it lives.
    pub async fn watch(&self, from: &ServiceId, session: SessionId) {
        self.watch_for(from, session, Heir::new(true)).await;
    }

    /// An edge had a session before the one it was claimed from.
    pub async fn watch_former(&self, former: &ServiceId, session: SessionId) {
        self.watch_for(former, session, Heir::new(false)).await;
    }

    async fn watch_for(&self, from: &ServiceId, session: SessionId, heir: Heir) {
        let mut estates = self.estates.lock().await;
        estates.entry(from.clone()).or_default().heirs.insert(session, heir);
        self.opened.notify_one();
    }

    /// Delivers what comes late, for ever.
    pub async fn run(shared: Arc<Shared>) {
        loop {
            let mut estates = shared.estates.estates.lock().await;
            for (from, estate) in estates.iter_mut() {
                estate.is_open = estate.is_open || is_gone(&shared, from).await.unwrap_or(false);
                if estate.is_open {
                    estate.look(from, &shared).await;
                    estate.deliver(&shared).await;
                }
                estate.forget(Instant::now());
            }
            estates.retain(|_, estate| !estate.heirs.is_empty());
            let is_empty = estates.is_empty();
            drop(estates);
            match is_empty {
                true => shared.estates.opened.notified().await,
                false => sleep(LOOK_EVERY).await,
            }
        }
    }
}

impl Estate {
    async fn look(&mut self, from: &ServiceId, shared: &Shared) {
        match shared.context.bus.left_in(&Mailbox::Edge(from.clone()), self.read).await {
            Ok(left) => left.into_iter().for_each(|(mark, message)| self.add(mark, message)),
            Err(error) => {
                tracing::warn!(%error, edge = %from, "a mailbox could not be inherited; it will be")
            }
        }
    }

    fn add(&mut self, mark: Mark, message: Message) {
        self.read = Some(mark);
        if let Body::Events(events) = message.body {
            self.left.entry(events.session).or_default().push(events);
        }
    }

    /// Delivers what was left for heirs. Who says something new to a session that is here now is to
    /// hear of that.
    async fn deliver(&mut self, shared: &Arc<Shared>) {
        for (session, heir) in &self.heirs {
            for events in self.left.remove(session).into_iter().flatten() {
                if !heir.is_first && !still_is(&events, shared).await {
                    continue;
                }
                forwards::attend(&events, &shared.context.id, shared).await;
                mailbox::deliver(events, Receipt::default(), shared).await;
            }
        }
    }

    fn forget(&mut self, now: Instant) {
        self.heirs.retain(|_, heir| heir.until > now);
    }
}

/// Whether what was told a while ago still is the case: the call still is, the name is still had or lost.
/// Answers are heard by whoever waits for them.
async fn still_is(events: &Events, shared: &Shared) -> bool {
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
        (None, _) => events.answers.is_some(),
    }
}
