//! Sessions come to a connection, when its client creates or claims them, and leave it.
//!
//! A session that is claimed belongs to the claimer in the registry first: its events come there from
//! the first moment, and wait until the session is there too.

use super::{Connection, orphans};
use crate::auth::Auth;
use crate::mailbox;
use crate::metrics::{self, ClaimFailure, ClaimKind};
use crate::registry::{Inbound, InboxSender, SurrenderedSession, TakeOver};
use crate::session::client::{Outcome, no_such_session};
use crate::takeover::claim::{self, ClaimedSession};
use crate::takeover::relocation::Relocation;
use bus::ack_tracker::AckGuard;
use bus::message::ClientMoved;
use bus::topic::Mailbox;
use common::ServiceId;
use directory::record::SessionPolicy;
use protocol::error::{JanusError, SESSION_CONFLICT, UNKNOWN};
use protocol::{SessionId, reply};
use service::Context;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long another connection may take to give a session up.
const LOCAL_SURRENDER_TIMEOUT: Duration = Duration::from_secs(2);

/// Sessions come.
impl Connection {
    pub(super) async fn create(
        &mut self,
        transaction: &str,
        wanted: Option<SessionId>,
        proof: Option<String>,
    ) {
        let session = wanted.unwrap_or_else(SessionId::random);
        let terms = SessionPolicy { token_digest: proof.clone(), grace: self.shared.limits.reclaim_timeout };
        let Context { directory, id, .. } = &self.shared.context;
        match directory.open_session(session, id, &terms).await {
            Ok(true) => {
                self.shared.registry.insert(session, self.sender.clone(), proof.clone());
                self.client.add_created(session, proof, Instant::now());
                self.reply(reply::created(transaction, session));
            }
            Ok(false) => {
                let refusal = JanusError::new(SESSION_CONFLICT, "Session ID already in use");
                self.reply(reply::error(Some(session), Some(transaction), &refusal));
            }
            Err(error) => {
                tracing::warn!(%error, "a session could not be opened");
                orphans::adopt_later(session, &self.shared);
                let refusal =
                    JanusError::new(UNKNOWN, "The server cannot open sessions right now, please try again");
                self.reply(reply::error(None, Some(transaction), &refusal));
            }
        }
    }

    /// Gets a session from another connection of this edge, or else from another edge.
    pub(super) async fn claim(&mut self, transaction: &str, id: SessionId, proof: Option<String>) {
        self.discard_if_taken(id).await;
        let may = |own: Option<&str>| Auth::same_token(own, proof.as_deref());
        let is_claimed = match self.shared.registry.take_over(id, self.sender.clone(), may) {
            TakeOver::From(owner) => self.claim_local(transaction, id, owner).await,
            TakeOver::Unknown => false,
            TakeOver::Refused => {
                metrics::claim_failed(ClaimFailure::WrongToken);
                return self.refuse_claim(transaction, id);
            }
        };
        if !is_claimed {
            self.claim_remote(transaction, id, proof).await;
        }
    }

    /// An edge that was frozen may think that it has what another has taken.
    async fn discard_if_taken(&mut self, id: SessionId) {
        if self.shared.registry.has_arrived(id)
            && self.shared.is_owned_elsewhere(id).await
            && let Some(route) = self.shared.registry.remove(id)
        {
            // A connection that is gone has lost it already.
            let _ = route.send(Inbound::Lost(id));
        }
    }

    async fn claim_local(&mut self, transaction: &str, id: SessionId, owner: InboxSender) -> bool {
        let surrendered = self.request_surrender(id, owner).await;
        let Some(SurrenderedSession { session, backlog: unheard, ack_guards: receipts }) = surrendered else {
            self.shared.registry.remove_if_owner(id, &self.sender);
            return false;
        };
        metrics::session_claimed(ClaimKind::Local);
        let now = Instant::now();
        self.dirty.mark_received(id, receipts, now);
        self.client.add_claimed(session, now);
        self.reply(reply::success(id, transaction));
        for text in unheard {
            self.replay(id, text.to_string()).await;
        }
        true
    }

    async fn request_surrender(&mut self, id: SessionId, owner: InboxSender) -> Option<SurrenderedSession> {
        let (claimer, surrendered) = oneshot::channel();
        owner.send(Inbound::SurrenderToConnection(id, claimer)).ok()?;
        let surrendered = tokio::time::timeout(LOCAL_SURRENDER_TIMEOUT, surrendered);
        self.serve_while(id, surrendered).await.ok()?.ok()
    }

    async fn claim_remote(&mut self, transaction: &str, id: SessionId, proof: Option<String>) {
        let (shared, route) = (self.shared.clone(), self.sender.clone());
        match self.serve_while(id, claim::claim(&shared, id, proof.as_deref(), &route)).await {
            Ok(Some(inherited)) => {
                self.reply(reply::success(id, transaction));
                self.install(inherited).await;
            }
            Ok(None) => {
                self.shared.registry.remove_if_owner(id, &self.sender);
                self.refuse_claim(transaction, id);
            }
            Err(error) => {
                metrics::claim_failed(ClaimFailure::Unavailable);
                tracing::warn!(%error, session = %id, "a session could not be claimed");
                self.shared.registry.remove_if_owner(id, &self.sender);
                orphans::adopt_later(id, &self.shared);
                let refusal =
                    JanusError::new(UNKNOWN, "The server cannot claim sessions right now, please try again");
                self.reply(reply::error(Some(id), Some(transaction), &refusal));
            }
        }
    }

    /// A session comes from another edge, and its client hears what it has not heard.
    pub(super) async fn install(&mut self, inherited: ClaimedSession) {
        let ClaimedSession { session, backlog: unheard, undelivered: left, previous_edge: from } = inherited;
        let id = session.id;
        self.client.add_claimed(session, Instant::now());
        self.shared.registry.complete_takeover(id);
        for text in unheard {
            self.replay(id, text).await;
        }
        for events in left {
            self.on_events(events, AckGuard::default()).await;
        }
        let attend = |(handle, leg, backend)| {
            (Mailbox::Backend(backend), ClientMoved { leg, address: self.address(id, handle) })
        };
        let attends = self.client.legs(id).into_iter().map(attend).collect();
        let moved = Relocation {
            session: id,
            previous_edge: from,
            names: self.client.names(id),
            client_moves: attends,
        };
        let shared = self.shared.clone();
        self.shared.background.spawn(async move { moved.announce(&shared).await });
    }

    /// Waits for a session. Two connections may claim from each other at the same moment, or one of
    /// them what the other is about to get: so it goes on giving up others, and delays the rest.
    async fn serve_while<T>(&mut self, id: SessionId, claim: impl Future<Output = T>) -> T {
        let mut claim = pin!(claim);
        loop {
            tokio::select! {
                biased;
                outcome = &mut claim => return outcome,
                Some(inbound) = self.inbox.recv() => match *inbound {
                    Inbound::SurrenderToConnection(other, claimer) if other != id => {
                        self.process_deferred(other).await;
                        self.surrender(other, claimer);
                    }
                    Inbound::SurrenderToEdge(other, to) if other != id => {
                        self.process_deferred(other).await;
                        self.surrender_to_edge(other, to);
                    }
                    later => self.deferred.push_back(Box::new(later)),
                },
            }
        }
    }

    /// What came for a session before somebody else claimed it.
    async fn process_deferred(&mut self, id: SessionId) {
        for inbound in std::mem::take(&mut self.deferred) {
            match *inbound {
                Inbound::Events(events, receipt) if events.session == id => {
                    self.on_events(events, receipt).await;
                }
                later => self.deferred.push_back(Box::new(later)),
            }
        }
    }

    fn refuse_claim(&mut self, transaction: &str, id: SessionId) {
        if let Outcome::Reply(text) = no_such_session(transaction, id) {
            self.reply(text);
        }
    }
}

/// Sessions leave.
impl Connection {
    /// To another connection of this edge.
    pub(super) fn surrender(&mut self, id: SessionId, claimer: oneshot::Sender<SurrenderedSession>) {
        if let Some(session) = self.client.surrender(id, Instant::now()) {
            let (unheard, receipts) = (self.output.take_backlog(id), self.dirty.take(id));
            if let Err(given_up) =
                claimer.send(SurrenderedSession { session, backlog: unheard, ack_guards: receipts })
            {
                self.reinstall(given_up);
            }
        }
    }

    /// The claimer has given up meanwhile: the session stays here.
    fn reinstall(
        &mut self,
        SurrenderedSession { session, backlog: unheard, ack_guards: receipts }: SurrenderedSession,
    ) {
        let id = session.id;
        self.shared.registry.insert(id, self.sender.clone(), session.token_digest.clone());
        self.dirty.mark_received(id, receipts, Instant::now());
        self.client.add_returned(session);
        for text in unheard {
            let _ = self.output.send(id, text.to_string());
        }
    }

    /// To another edge. What still comes for it here is forwarded.
    pub(super) fn surrender_to_edge(&mut self, id: SessionId, to: ServiceId) {
        let receipts = self.dirty.take(id);
        if let Some(draft) = self.pending_write(id, receipts) {
            self.shared.writer.submit(draft);
            self.shared.forwarding.set(id, to.clone(), Instant::now());
            self.shared.registry.remove_if_owner(id, &self.sender);
            self.remove_silently(id);
            orphans::adopt_later(id, &self.shared);
        }
        mailbox::confirm_surrender(id, to, &self.shared);
    }

    /// Another edge has it already.
    pub(super) fn discard(&mut self, id: SessionId) {
        if self.client.contains(id) {
            metrics::session_lost();
            self.shared.registry.remove_if_owner(id, &self.sender);
            self.shared.ack_later(self.dirty.take(id));
            self.remove_silently(id);
        }
    }

    fn remove_silently(&mut self, id: SessionId) {
        self.client.discard(id);
        self.output.take_backlog(id);
    }

    /// An operator ends it: its client hears what it hears when it has been silent for too long.
    pub(super) async fn disconnect_session(&mut self, id: SessionId, receipt: AckGuard) {
        if !self.client.contains(id) {
            return mailbox::disconnect(id, receipt, &self.shared).await;
        }
        let acts = self.client.expire_session(id);
        self.perform(acts).await;
        self.close_session(id).await;
    }

    /// It is over.
    pub(super) async fn close_session(&mut self, session: SessionId) {
        self.shared.registry.remove_if_owner(session, &self.sender);
        self.shared.writer.discard(session);
        self.dirty.take(session);
        if self.output.is_disconnected() {
            self.output.take_backlog(session);
        }
        let Context { directory, id, .. } = &self.shared.context;
        if let Err(error) = directory.close_session(session, id).await {
            tracing::warn!(%error, %session, "a session could not be removed from the directory");
            orphans::adopt_later(session, &self.shared);
        }
    }
}
