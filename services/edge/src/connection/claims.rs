//! Sessions come to a connection, when its client creates or claims them, and leave it.
//!
//! A session that is claimed belongs to the claimer in the registry first: its events come there from
//! the first moment, and wait until the session is there too.

use super::{Connection, orphans};
use crate::access::Access;
use crate::claim::{self, Inherited};
use crate::client::{Step, no_such_session};
use crate::mailbox;
use crate::moved::Moved;
use crate::numbers::{self, Claim, NoClaim};
use crate::registry::{Inbound, Route, Surrendered, TakeOver};
use bus::ledger::Receipt;
use bus::message::Attend;
use bus::topic::Mailbox;
use directory::record::Terms;
use protocol::error::{Refusal, SESSION_CONFLICT, UNKNOWN};
use protocol::{ServiceId, SessionId, reply};
use service::Context;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long another connection may take to give a session up.
const SURRENDER_PATIENCE: Duration = Duration::from_secs(2);

/// Sessions come.
impl Connection {
    pub(super) async fn create(
        &mut self,
        transaction: &str,
        wanted: Option<SessionId>,
        proof: Option<String>,
    ) {
        let session = wanted.unwrap_or_else(SessionId::random);
        let terms = Terms { proof: proof.clone(), grace: self.shared.limits.reclaim_timeout };
        let Context { directory, id, .. } = &self.shared.context;
        match directory.open_session(session, id, &terms).await {
            Ok(true) => {
                self.shared.registry.set(session, self.route.clone(), proof.clone());
                self.client.opened(session, proof, Instant::now());
                self.reply(reply::created(transaction, session));
            }
            Ok(false) => {
                let refusal = Refusal::new(SESSION_CONFLICT, "Session ID already in use");
                self.reply(reply::error(Some(session), Some(transaction), &refusal));
            }
            Err(error) => {
                tracing::warn!(%error, "a session could not be opened");
                orphans::adopt_later(session, &self.shared);
                let refusal =
                    Refusal::new(UNKNOWN, "The server cannot open sessions right now, please try again");
                self.reply(reply::error(None, Some(transaction), &refusal));
            }
        }
    }

    /// Gets a session from another connection of this edge, or else from another edge.
    pub(super) async fn claim(&mut self, transaction: &str, id: SessionId, proof: Option<String>) {
        self.let_go_if_taken(id).await;
        let may = |own: Option<&str>| Access::same_proof(own, proof.as_deref());
        let is_claimed = match self.shared.registry.take_over(id, self.route.clone(), may) {
            TakeOver::From(owner) => self.claim_from(transaction, id, owner).await,
            TakeOver::Unknown => false,
            TakeOver::Refused => {
                numbers::not_claimed(NoClaim::Stranger);
                return self.refuse_claim(transaction, id);
            }
        };
        if !is_claimed {
            self.claim_elsewhere(transaction, id, proof).await;
        }
    }

    /// An edge that was frozen may think that it has what another has taken.
    async fn let_go_if_taken(&mut self, id: SessionId) {
        if self.shared.registry.is_here(id)
            && self.shared.is_elsewhere(id).await
            && let Some(route) = self.shared.registry.remove(id)
        {
            // A connection that is gone has lost it already.
            let _ = route.say(Inbound::Lost(id));
        }
    }

    async fn claim_from(&mut self, transaction: &str, id: SessionId, owner: Route) -> bool {
        let surrendered = self.ask_for(id, owner).await;
        let Some(Surrendered { session, unheard, receipts }) = surrendered else {
            self.shared.registry.leave(id, &self.route);
            return false;
        };
        numbers::claimed(Claim::Local);
        let now = Instant::now();
        self.unsaved.receive(id, receipts, now);
        self.client.claimed(session, now);
        self.reply(reply::success(id, transaction));
        for text in unheard {
            self.remind(id, text.to_string()).await;
        }
        true
    }

    async fn ask_for(&mut self, id: SessionId, owner: Route) -> Option<Surrendered> {
        let (claimer, surrendered) = oneshot::channel();
        owner.say(Inbound::Surrender(id, claimer)).ok()?;
        let surrendered = tokio::time::timeout(SURRENDER_PATIENCE, surrendered);
        self.meanwhile(id, surrendered).await.ok()?.ok()
    }

    async fn claim_elsewhere(&mut self, transaction: &str, id: SessionId, proof: Option<String>) {
        let (shared, route) = (self.shared.clone(), self.route.clone());
        match self.meanwhile(id, claim::claim(&shared, id, proof.as_deref(), &route)).await {
            Ok(Some(inherited)) => {
                self.reply(reply::success(id, transaction));
                self.inherit(inherited).await;
            }
            Ok(None) => {
                self.shared.registry.leave(id, &self.route);
                self.refuse_claim(transaction, id);
            }
            Err(error) => {
                numbers::not_claimed(NoClaim::Unavailable);
                tracing::warn!(%error, session = %id, "a session could not be claimed");
                self.shared.registry.leave(id, &self.route);
                orphans::adopt_later(id, &self.shared);
                let refusal =
                    Refusal::new(UNKNOWN, "The server cannot claim sessions right now, please try again");
                self.reply(reply::error(Some(id), Some(transaction), &refusal));
            }
        }
    }

    /// A session comes from another edge, and its client hears what it has not heard.
    pub(super) async fn inherit(&mut self, inherited: Inherited) {
        let Inherited { session, unheard, left, from } = inherited;
        let id = session.id;
        self.client.claimed(session, Instant::now());
        self.shared.registry.arrived(id);
        for text in unheard {
            self.remind(id, text).await;
        }
        for events in left {
            self.on_events(events, Receipt::default()).await;
        }
        let attend = |(handle, leg, backend)| {
            (Mailbox::Backend(backend), Attend { leg, address: self.address(id, handle) })
        };
        let attends = self.client.legs(id).into_iter().map(attend).collect();
        let moved = Moved { session: id, from, names: self.client.names(id), attends };
        let shared = self.shared.clone();
        self.shared.background.spawn(async move { moved.tell(&shared).await });
    }

    /// Waits for a session. Two connections may claim from each other at the same moment, or one of
    /// them what the other is about to get: so it goes on giving up others, and delays the rest.
    async fn meanwhile<T>(&mut self, id: SessionId, claim: impl Future<Output = T>) -> T {
        let mut claim = pin!(claim);
        loop {
            tokio::select! {
                biased;
                outcome = &mut claim => return outcome,
                Some(inbound) = self.inbox.recv() => match *inbound {
                    Inbound::Surrender(other, claimer) if other != id => {
                        self.take_in_delayed(other).await;
                        self.surrender(other, claimer);
                    }
                    Inbound::GiveUp(other, to) if other != id => {
                        self.take_in_delayed(other).await;
                        self.give_up(other, to);
                    }
                    later => self.delayed.push_back(Box::new(later)),
                },
            }
        }
    }

    /// What came for a session before somebody else claimed it.
    async fn take_in_delayed(&mut self, id: SessionId) {
        for inbound in std::mem::take(&mut self.delayed) {
            match *inbound {
                Inbound::Events(events, receipt) if events.session == id => {
                    self.on_events(events, receipt).await;
                }
                later => self.delayed.push_back(Box::new(later)),
            }
        }
    }

    fn refuse_claim(&mut self, transaction: &str, id: SessionId) {
        if let Step::Reply(text) = no_such_session(transaction, id) {
            self.reply(text);
        }
    }
}

/// Sessions leave.
impl Connection {
    /// To another connection of this edge.
    pub(super) fn surrender(&mut self, id: SessionId, claimer: oneshot::Sender<Surrendered>) {
        if let Some(session) = self.client.surrender(id, Instant::now()) {
            let (unheard, receipts) = (self.outlet.take_unheard(id), self.unsaved.take(id));
            if let Err(given_up) = claimer.send(Surrendered { session, unheard, receipts }) {
                self.take_back(given_up);
            }
        }
    }

    /// The claimer has given up meanwhile: the session stays here.
    fn take_back(&mut self, Surrendered { session, unheard, receipts }: Surrendered) {
        let id = session.id;
        self.shared.registry.set(id, self.route.clone(), session.proof.clone());
        self.unsaved.receive(id, receipts, Instant::now());
        self.client.restored(session);
        for text in unheard {
            let _ = self.outlet.tell(id, text.to_string());
        }
    }

    /// To another edge. What still comes for it here is forwarded.
    pub(super) fn give_up(&mut self, id: SessionId, to: ServiceId) {
        let receipts = self.unsaved.take(id);
        if let Some(draft) = self.draft(id, receipts) {
            self.shared.scribe.save(draft);
            self.shared.forwards.set(id, to.clone(), Instant::now());
            self.shared.registry.leave(id, &self.route);
            self.drop_quietly(id);
            orphans::adopt_later(id, &self.shared);
        }
        mailbox::surrendered(id, to, &self.shared);
    }

    /// Another edge has it already.
    pub(super) fn lose(&mut self, id: SessionId) {
        if self.client.has(id) {
            numbers::lost();
            self.shared.registry.leave(id, &self.route);
            self.shared.leave_to_heir(self.unsaved.take(id));
            self.drop_quietly(id);
        }
    }

    fn drop_quietly(&mut self, id: SessionId) {
        self.client.lose(id);
        self.outlet.take_unheard(id);
    }

    /// An operator ends it: its client hears what it hears when it has been silent for too long.
    pub(super) async fn disconnect(&mut self, id: SessionId, receipt: Receipt) {
        if !self.client.has(id) {
            return mailbox::end(id, receipt, &self.shared).await;
        }
        let acts = self.client.disconnect(id);
        self.perform(acts).await;
        self.forget(id).await;
    }

    /// It is over.
    pub(super) async fn forget(&mut self, session: SessionId) {
        self.shared.registry.leave(session, &self.route);
        self.shared.scribe.forget(session);
        self.unsaved.take(session);
        if self.outlet.is_away() {
            self.outlet.take_unheard(session);
        }
        let Context { directory, id, .. } = &self.shared.context;
        if let Err(error) = directory.close_session(session, id).await {
            tracing::warn!(%error, %session, "a session could not be removed from the directory");
            orphans::adopt_later(session, &self.shared);
        }
    }
}
