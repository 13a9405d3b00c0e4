//! Sessions enter a connection when its client creates or claims them, and leave it when they end or others claim them.
//!
//! A claimed session belongs to the claimer in the registry first. Its events go there from that moment, and wait until
//! the session has arrived.
//!
//! An orphan is a session that this edge owns in the directory and that no connection has. For example, another edge
//! has requested a session and did not claim it, or the directory did not confirm a change. Routers end only the
//! sessions of dead edges, so this edge has to end its own.

use super::Connection;
use crate::auth::Auth;
use crate::components::Components;
use crate::metrics::{self, ClaimFailure, ClaimKind};
use crate::registry::{Inbound, InboxSender, SurrenderedSession, TakeOver};
use crate::session::client::no_such_session;
use crate::takeover::claim::{ClaimedSession, confirm_surrender};
use crate::takeover::relocation::Relocation;
use bus::ack_tracker::AckGuard;
use bus::message::ClientMoved;
use bus::topic::Mailbox;
use common::{ErrorLog, ServiceId, warn_failure};
use directory::record::SessionPolicy;
use protocol::error::{JanusError, SESSION_CONFLICT, UNKNOWN};
use protocol::{SessionId, reply};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

static CREATING: ErrorLog = ErrorLog::new("creating sessions");
static CLAIMING: ErrorLog = ErrorLog::new("claiming sessions");
static REMOVING: ErrorLog = ErrorLog::new("removing sessions from the directory");
static ADOPTING: ErrorLog = ErrorLog::new("looking up the owners of sessions");

/// How long another connection of this edge may take to surrender a session.
const LOCAL_SURRENDER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a session may be on its way between connections or edges.
const ADOPTION_DELAY: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) async fn create(
        &mut self,
        transaction: &str,
        wanted: Option<SessionId>,
        token_digest: Option<String>,
    ) {
        if !self.allowance.begin_session() {
            let refusal = JanusError::new(UNKNOWN, "Too many sessions of this address");
            return self.reply(reply::error(None, Some(transaction), &refusal));
        }
        let session = wanted.unwrap_or_else(SessionId::random);
        let context = &self.parts.context;
        let policy =
            SessionPolicy { token_digest: token_digest.clone(), grace: context.limits.reclaim_timeout };
        let opened = context.directory.open_session(session, &context.id, &policy).await;
        if opened.is_ok() {
            CREATING.succeeded();
        }
        match opened {
            Ok(true) => {
                self.parts.registry.insert(session, self.sender.clone(), token_digest.clone());
                self.client.add_created(session, token_digest, Instant::now());
                self.reply(reply::created(transaction, session));
            }
            Ok(false) => {
                let refusal = JanusError::new(SESSION_CONFLICT, "Session ID already in use");
                self.reply(reply::error(Some(session), Some(transaction), &refusal));
            }
            Err(error) => {
                warn_failure!(CREATING, %error, "failed to create a session, refusing the request");
                // The directory may have created the session although the request failed.
                adopt_later(session, &self.parts);
                let refusal =
                    JanusError::new(UNKNOWN, "The server cannot open sessions right now, please try again");
                self.reply(reply::error(None, Some(transaction), &refusal));
            }
        }
    }

    /// Claims a session from another connection of this edge, or else from another edge.
    pub(super) async fn claim(&mut self, transaction: &str, id: SessionId, token_digest: Option<String>) {
        self.discard_if_taken(id).await;
        let may_claim = |own: Option<&str>| Auth::same_token(own, token_digest.as_deref());
        let is_claimed = match self.parts.registry.take_over(id, self.sender.clone(), may_claim) {
            TakeOver::From(owner) => self.claim_local(transaction, id, owner).await,
            TakeOver::Unknown => false,
            TakeOver::Refused => {
                metrics::claim_failed(ClaimFailure::WrongToken);
                return self.reply(no_such_session(transaction, id));
            }
        };
        if !is_claimed {
            self.claim_remote(transaction, id, token_digest).await;
        }
    }

    /// Drops a session of this edge that another edge owns: an edge that was paused may not know yet that it was taken
    /// over.
    async fn discard_if_taken(&mut self, id: SessionId) {
        if self.parts.registry.has_arrived(id)
            && self.parts.context.is_owned_elsewhere(id).await
            && let Some(owner) = self.parts.registry.remove(id)
        {
            // If the connection has ended, it has no session to drop.
            let _ = owner.send(Inbound::Lost(id));
        }
    }

    async fn claim_local(&mut self, transaction: &str, id: SessionId, owner: InboxSender) -> bool {
        let Some(surrendered) = self.request_surrender(id, owner).await else {
            self.parts.registry.remove_if_owner(id, &self.sender);
            return false;
        };
        let SurrenderedSession { session, backlog, ack_guards } = surrendered;
        metrics::session_claimed(ClaimKind::Local);
        let now = Instant::now();
        self.dirty.mark_received(id, ack_guards, now);
        self.client.add_claimed(session, now);
        self.reply(reply::success(id, transaction));
        for text in backlog {
            self.replay(id, text.to_string()).await;
        }
        true
    }

    async fn request_surrender(&mut self, id: SessionId, owner: InboxSender) -> Option<SurrenderedSession> {
        let (claimer, surrendered) = oneshot::channel();
        owner.send(Inbound::SurrenderToConnection(id, claimer)).ok()?;
        self.serve_while(id, timeout(LOCAL_SURRENDER_TIMEOUT, surrendered)).await.ok()?.ok()
    }

    async fn claim_remote(&mut self, transaction: &str, id: SessionId, token_digest: Option<String>) {
        let (parts, sender) = (self.parts.clone(), self.sender.clone());
        let claim = parts.takeover.claim(id, token_digest.as_deref(), &sender);
        match self.serve_while(id, claim).await {
            Ok(Some(claimed)) => {
                self.reply(reply::success(id, transaction));
                self.install(claimed).await;
            }
            Ok(None) => {
                parts.registry.remove_if_owner(id, &self.sender);
                self.reply(no_such_session(transaction, id));
            }
            Err(error) => {
                metrics::claim_failed(ClaimFailure::Unavailable);
                warn_failure!(CLAIMING, %error, session = %id, "failed to claim a session, refusing the request");
                parts.registry.remove_if_owner(id, &self.sender);
                // The directory may have moved the session although the request failed.
                adopt_later(id, &parts);
                let refusal =
                    JanusError::new(UNKNOWN, "The server cannot claim sessions right now, please try again");
                self.reply(reply::error(Some(id), Some(transaction), &refusal));
            }
        }
    }

    /// Adds a session that was claimed from another edge, and sends its client what it has missed.
    pub(super) async fn install(&mut self, claimed: ClaimedSession) {
        let ClaimedSession { session, backlog, undelivered, previous_edge } = claimed;
        let id = session.id;
        self.client.add_claimed(session, Instant::now());
        self.parts.registry.complete_takeover(id);
        for text in backlog {
            self.replay(id, text).await;
        }
        for events in undelivered {
            self.on_events(events, AckGuard::default()).await;
        }
        self.announce(id, previous_edge);
    }

    fn announce(&self, id: SessionId, previous_edge: ServiceId) {
        let client_moved = |(handle, leg, backend)| {
            (Mailbox::Backend(backend), ClientMoved { leg, address: self.address(id, handle) })
        };
        let relocation = Relocation {
            session: id,
            previous_edge,
            names: self.client.names(id),
            client_moves: self.client.legs(id).into_iter().map(client_moved).collect(),
        };
        let parts = self.parts.clone();
        self.parts
            .context
            .background
            .spawn(async move { relocation.announce(&parts.context, &parts.registry).await });
    }

    /// Waits for a claimed session. Two connections may claim from each other at the same moment, or one may claim what
    /// the other is about to get. So this one surrenders other sessions while it waits; everything else is deferred.
    async fn serve_while<T>(&mut self, id: SessionId, claim: impl Future<Output = T>) -> T {
        let mut claim = pin!(claim);
        loop {
            tokio::select! {
                biased;
                claimed = &mut claim => return claimed,
                Some(inbound) = self.inbox.recv() => match *inbound {
                    Inbound::SurrenderToConnection(other, claimer) if other != id => {
                        self.process_deferred(other).await;
                        self.surrender(other, claimer);
                    }
                    Inbound::SurrenderToEdge(other, to) if other != id => {
                        self.process_deferred(other).await;
                        self.surrender_to_edge(other, to);
                    }
                    other => self.deferred.push_back(Box::new(other)),
                },
            }
        }
    }

    /// Handles the deferred events of a session before it is surrendered.
    async fn process_deferred(&mut self, id: SessionId) {
        for inbound in std::mem::take(&mut self.deferred) {
            match *inbound {
                Inbound::Events(events, guard) if events.session == id => {
                    self.inbox.handled(&events);
                    self.on_events(events, guard).await;
                }
                other => self.deferred.push_back(Box::new(other)),
            }
        }
    }
}

impl Connection {
    /// Gives a session to another connection of this edge.
    pub(super) fn surrender(&mut self, id: SessionId, claimer: oneshot::Sender<SurrenderedSession>) {
        if let Some(session) = self.client.surrender(id, Instant::now()) {
            let (backlog, ack_guards) = (self.output.take_backlog(id), self.dirty.take(id));
            if let Err(returned) = claimer.send(SurrenderedSession { session, backlog, ack_guards }) {
                self.reinstall(returned);
            }
        }
    }

    /// Takes back a session whose claimer has ended.
    fn reinstall(&mut self, returned: SurrenderedSession) {
        let SurrenderedSession { session, backlog, ack_guards } = returned;
        let id = session.id;
        self.parts.registry.insert(id, self.sender.clone(), session.token_digest.clone());
        self.dirty.mark_received(id, ack_guards, Instant::now());
        self.client.add_returned(session);
        for text in backlog {
            // It was in this output before.
            let _ = self.output.send(id, text.to_string());
        }
    }

    /// Gives a session to another edge. Events that still arrive here are forwarded.
    pub(super) fn surrender_to_edge(&mut self, id: SessionId, to: ServiceId) {
        let ack_guards = self.dirty.take(id);
        if let Some(write) = self.pending_write(id, ack_guards) {
            self.parts.writer.submit(write);
            self.parts.takeover.forwarding.set(id, to.clone(), Instant::now());
            self.parts.registry.remove_if_owner(id, &self.sender);
            self.remove_silently(id);
            adopt_later(id, &self.parts);
        }
        confirm_surrender(&self.parts.context, &self.parts.writer, id, to);
    }

    /// Drops a session that another edge owns.
    pub(super) fn discard(&mut self, id: SessionId) {
        if self.client.contains(id) {
            metrics::session_lost();
            self.parts.registry.remove_if_owner(id, &self.sender);
            self.parts.context.ack_later(self.dirty.take(id));
            self.remove_silently(id);
        }
    }

    fn remove_silently(&mut self, id: SessionId) {
        self.client.discard(id);
        self.output.take_backlog(id);
    }

    /// Ends a session for an operator. Its client gets the same message as after a session timeout.
    pub(super) async fn disconnect_session(&mut self, id: SessionId, guard: AckGuard) {
        if !self.client.contains(id) {
            return self.parts.delivery.disconnect(id, guard).await;
        }
        let actions = self.client.expire_session(id, Instant::now());
        self.perform(actions).await;
        self.close_session(id).await;
    }

    /// Removes a session that has ended.
    pub(super) async fn close_session(&mut self, session: SessionId) {
        self.parts.registry.remove_if_owner(session, &self.sender);
        self.parts.writer.discard(session);
        self.dirty.take(session);
        if self.output.is_disconnected() {
            self.output.take_backlog(session);
        }
        let context = &self.parts.context;
        let closed = context.directory.close_session(session, &context.id).await;
        if closed.is_ok() {
            REMOVING.succeeded();
        }
        if let Err(error) = closed {
            warn_failure!(REMOVING, %error, %session, "failed to remove a session from the directory, retrying later");
            adopt_later(session, &self.parts);
        }
    }
}

/// If the session is an orphan after [`ADOPTION_DELAY`], keeps it like one whose client is disconnected.
fn adopt_later(id: SessionId, parts: &Arc<Components>) {
    let tasks = parts.context.background.clone();
    let parts = parts.clone();
    tasks.spawn(async move {
        loop {
            sleep(ADOPTION_DELAY).await;
            match adopt(id, &parts).await {
                Ok(()) => return ADOPTING.succeeded(),
                Err(error) => {
                    warn_failure!(ADOPTING, %error, session = %id, "failed to look up the owner of a session, retrying");
                }
            }
        }
    });
}

async fn adopt(id: SessionId, parts: &Arc<Components>) -> directory::Result<()> {
    let Some(record) = parts.context.directory.session(id).await? else { return Ok(()) };
    if record.edge != parts.context.id || parts.registry.owner(id).is_some() {
        return Ok(());
    }
    let disconnected_for = record.away.unwrap_or(ADOPTION_DELAY);
    let now = Instant::now();
    let since = now.checked_sub(disconnected_for).unwrap_or(now);
    let mut connection = Connection::disconnected(since, parts.clone());
    let sender = connection.sender.clone();
    let claimed = parts.takeover.claim(id, record.policy.token_digest.as_deref(), &sender).await;
    if let Ok(Some(claimed)) = claimed {
        connection.install(claimed).await;
        parts.context.connections.spawn(connection.run());
        return Ok(());
    }
    parts.registry.remove_if_owner(id, &sender);
    claimed.map(|_| ())
}
