//! The undelivered messages in the mailboxes of dead edges, for the sessions that this edge has claimed from them.
//!
//! A mailbox is read once from its start, for any number of claimed sessions. For [`LINGER`] after the last claim it is
//! read again and again, because some senders do not know yet that the session has moved. In memory are at most
//! [`bus::MAX_BACKLOG`] messages of each mailbox. Events that a session has had before are recognised by their
//! sequence numbers.
//!
//! An edge that surrenders a session forwards its events. If that edge dies within [`LINGER`], its mailbox is read too.
//! So are those of the edges that owned the session before: the latest owner may have died before it could announce
//! itself. That owner has handled most of their messages, so only the events that still apply are delivered.
//!
//! A mailbox that cannot be read now is read at the next poll.

use super::relocation;
use crate::context::EdgeContext;
use crate::delivery::Delivery;
use crate::heartbeat::Liveness;
use bus::MailboxOffset;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, Change, Events, Message};
use bus::topic::Mailbox;
use common::{ErrorLog, ServiceId, warn_failure};
use directory::Directory;
use protocol::{HandleRef, SessionId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

static READING: ErrorLog = ErrorLog::new("reading the mailboxes of dead edges");

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long after a claim late messages are delivered.
const LINGER: Duration = Duration::from_secs(10);

/// The mailboxes of edges that sessions were claimed from.
pub struct OrphanedMailboxes {
    context: Arc<EdgeContext>,
    delivery: Delivery,
    liveness: Liveness,
    mailboxes: Mutex<BTreeMap<ServiceId, OrphanedMailbox>>,
    added: Notify,
}

#[derive(Default)]
struct OrphanedMailbox {
    /// The edge is dead. Only then may this edge read the mailbox; an edge that is alive reads its own.
    is_orphaned: bool,
    read_through: Option<MailboxOffset>,
    /// Events for sessions that this edge has not claimed.
    undelivered: BTreeMap<SessionId, Vec<Events>>,
    claims: BTreeMap<SessionId, ClaimWindow>,
}

/// A claimed session, for which late messages are delivered.
struct ClaimWindow {
    until: Instant,
    /// The session was claimed from this edge, and not from one that had claimed it from this edge.
    is_direct: bool,
}

impl ClaimWindow {
    fn new(is_direct: bool) -> Self {
        Self { until: Instant::now() + LINGER, is_direct }
    }
}

impl OrphanedMailboxes {
    pub fn new(context: Arc<EdgeContext>, delivery: Delivery, liveness: Liveness) -> Self {
        Self { context, delivery, liveness, mailboxes: Mutex::default(), added: Notify::new() }
    }

    /// Returns the undelivered events of a session that was claimed from a dead edge. Later ones are delivered.
    pub async fn drain_for(&self, edge: &ServiceId, session: SessionId) -> Vec<Events> {
        let mut mailboxes = self.mailboxes.lock().await;
        let mailbox = mailboxes.entry(edge.clone()).or_default();
        mailbox.is_orphaned = true;
        mailbox.claims.insert(session, ClaimWindow::new(true));
        mailbox.poll(edge, &self.context).await;
        self.added.notify_one();
        mailbox.undelivered.remove(&session).unwrap_or_default()
    }

    /// Watches the mailbox of an edge that surrendered a session, which forwards its events as long as it runs.
    pub async fn watch(&self, edge: &ServiceId, session: SessionId) {
        self.add_claim(edge, session, ClaimWindow::new(true)).await;
    }

    /// Watches the mailbox of an edge that owned a session before the edge that it was claimed from.
    pub async fn watch_previous(&self, edge: &ServiceId, session: SessionId) {
        self.add_claim(edge, session, ClaimWindow::new(false)).await;
    }

    async fn add_claim(&self, edge: &ServiceId, session: SessionId, window: ClaimWindow) {
        let mut mailboxes = self.mailboxes.lock().await;
        mailboxes.entry(edge.clone()).or_default().claims.insert(session, window);
        self.added.notify_one();
    }

    /// Delivers late messages. Never ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            if self.deliver_late().await {
                sleep(POLL_INTERVAL).await;
            } else {
                self.added.notified().await;
            }
        }
    }

    /// False if there is no mailbox to watch.
    async fn deliver_late(&self) -> bool {
        let mut mailboxes = self.mailboxes.lock().await;
        for (edge, mailbox) in mailboxes.iter_mut() {
            if !mailbox.is_orphaned {
                mailbox.is_orphaned = self.liveness.is_edge_dead(edge).await.unwrap_or(false);
            }
            if mailbox.is_orphaned {
                mailbox.poll(edge, &self.context).await;
                mailbox.deliver(&self.context, &self.delivery).await;
            }
            mailbox.expire(Instant::now());
        }
        mailboxes.retain(|_, mailbox| !mailbox.claims.is_empty());
        !mailboxes.is_empty()
    }
}

impl OrphanedMailbox {
    async fn poll(&mut self, edge: &ServiceId, context: &EdgeContext) {
        match context.bus.read_undelivered(&Mailbox::Edge(edge.clone()), self.read_through).await {
            Ok(messages) => {
                READING.succeeded();
                messages.into_iter().for_each(|(offset, message)| self.add(offset, message));
            }
            Err(error) => {
                warn_failure!(READING, %error, %edge, "failed to read the mailbox of a dead edge, retrying")
            }
        }
    }

    fn add(&mut self, offset: MailboxOffset, message: Message) {
        self.read_through = Some(offset);
        if let Body::Events(events) = message.body {
            self.undelivered.entry(events.session).or_default().push(events);
        }
    }

    /// Delivers the events of claimed sessions. A connector that begins a call is told which edge the client is at now.
    async fn deliver(&mut self, context: &EdgeContext, delivery: &Delivery) {
        for (session, window) in &self.claims {
            for events in self.undelivered.remove(session).into_iter().flatten() {
                if !window.is_direct && !still_applies(&events, &context.directory).await {
                    continue;
                }
                relocation::announce_joined(&context.bus, &events, &context.id).await;
                delivery.deliver(events, AckGuard::default()).await;
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        self.claims.retain(|_, window| window.until > now);
    }
}

/// Whether old events still apply: their call continues, or their name still has (or has not) this owner. A reply
/// always applies; the handle drops it if no request waits for it.
async fn still_applies(events: &Events, directory: &Directory) -> bool {
    let owns = async |name: &String| {
        let handle = HandleRef { session: events.session, handle: events.handle };
        let record = directory.handle(handle).await.ok().flatten();
        record.and_then(|record| record.username).as_ref() == Some(name)
    };
    match (events.call, &events.change) {
        (Some(call), _) => !matches!(directory.call(call).await, Ok(None)),
        (None, Some(Change::Registered(name))) => owns(name).await,
        (None, Some(Change::Displaced(name))) => !owns(name).await,
        (None, _) => events.in_reply_to.is_some(),
    }
}
