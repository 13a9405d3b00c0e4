//! Takes a session over from another edge.
//!
//! The edge requests the session from its owner, and claims it in the directory, with or without a reply. For a
//! moment both edges may believe that they own it; the directory decides.
//!
//! | the owner | gets a request | its undelivered messages |
//! |---|---|---|
//! | replies | yes | it [forwards](super::relocation::ForwardingTable) them |
//! | stops, or does not reply in [`SURRENDER_TIMEOUT`] | yes | are [read](super::orphaned_mailboxes) from its mailbox |
//! | has had no heartbeat for [`HEARTBEAT_TIMEOUT`](crate::heartbeat::HEARTBEAT_TIMEOUT), or has no mailbox | no | are read from its mailbox |

use super::orphaned_mailboxes::OrphanedMailboxes;
use super::relocation::ForwardingTable;
use crate::auth::Auth;
use crate::context::EdgeContext;
use crate::heartbeat::Liveness;
use crate::metrics::{self, ClaimFailure, ClaimKind};
use crate::persist::writer::SessionWriter;
use crate::registry::{InboxSender, Registry};
use crate::session::Session;
use bus::SendError;
use bus::message::{Body, Events, Message, Surrender, Surrendered};
use bus::topic::Mailbox;
use common::sync::Mutex;
use common::{ErrorLog, ServiceId, clock, warn_failure};
use directory::record;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

static CONFIRMING: ErrorLog = ErrorLog::new("confirming surrenders");

/// How often a claim is tried while other edges claim the same session.
const MAX_CLAIM_ATTEMPTS: u32 = 3;
/// How long another edge may take to surrender a session.
const SURRENDER_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes sessions over.
pub struct Takeover {
    pub context: Arc<EdgeContext>,
    pub registry: Arc<Registry>,
    pub writer: Arc<SessionWriter>,
    pub liveness: Liveness,
    pub forwarding: Arc<ForwardingTable>,
    pub orphaned_mailboxes: Arc<OrphanedMailboxes>,
    pub surrenders: PendingSurrenders,
}

/// A session that another edge owned.
pub struct ClaimedSession {
    pub session: Session,
    /// The messages that its client has not received.
    pub backlog: Vec<String>,
    /// The events that the previous edge has not handled.
    pub undelivered: Vec<Events>,
    pub previous_edge: ServiceId,
}

enum ClaimError {
    Failed(ClaimFailure),
    Directory(directory::Error),
}

impl From<ClaimFailure> for ClaimError {
    fn from(failure: ClaimFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<directory::Error> for ClaimError {
    fn from(error: directory::Error) -> Self {
        Self::Directory(error)
    }
}

impl Takeover {
    /// Claims a session from the edge that owns it. Returns none if there is no such session for this token, or if
    /// another connection of this edge claims it. From then on, also after a failure, its events go to `owner`.
    ///
    /// # Errors
    /// When the directory is unavailable.
    pub async fn claim(
        &self,
        id: SessionId,
        token_digest: Option<&str>,
        owner: &InboxSender,
    ) -> directory::Result<Option<ClaimedSession>> {
        match self.try_claim(id, token_digest, owner).await {
            Ok(claimed) => Ok(Some(claimed)),
            Err(ClaimError::Failed(failure)) => {
                metrics::claim_failed(failure);
                Ok(None)
            }
            Err(ClaimError::Directory(error)) => Err(error),
        }
    }

    async fn try_claim(
        &self,
        id: SessionId,
        token_digest: Option<&str>,
        owner: &InboxSender,
    ) -> Result<ClaimedSession, ClaimError> {
        let mut forwarded_to = None;
        for attempt in 0..MAX_CLAIM_ATTEMPTS {
            let Some(record) = self.context.directory.session(id).await? else {
                return Err(ClaimFailure::Unknown.into());
            };
            let session_digest = record.policy.token_digest.clone();
            if !Auth::same_token(session_digest.as_deref(), token_digest) {
                return Err(ClaimFailure::WrongToken.into());
            }
            if attempt == 0 {
                if !self.registry.reserve(id, owner.clone(), session_digest) {
                    return Err(ClaimFailure::Contended.into());
                }
                forwarded_to = self.forwarding.remove(id);
            }
            let is_own = record.edge == self.context.id;
            if !is_own && self.is_expired(&record).await? {
                return Err(ClaimFailure::Expired.into());
            }
            // The edge that this one surrendered the session to has it, even if it has not claimed it yet.
            let holder = if is_own { forwarded_to.clone() } else { Some(record.edge.clone()) };
            if let Some(claimed) = self.claim_from(id, record, holder).await? {
                return Ok(claimed);
            }
        }
        Err(ClaimFailure::Contended.into())
    }

    /// Claims a session from the edge that holds it, if any. None if another edge was faster.
    async fn claim_from(
        &self,
        id: SessionId,
        record: record::Session,
        holder: Option<ServiceId>,
    ) -> directory::Result<Option<ClaimedSession>> {
        let own = &self.context.id;
        let is_surrendered = match &holder {
            Some(holder) => self.surrenders.request(&self.context, &self.liveness, id, holder).await?,
            None => false,
        };
        if record.edge == *own {
            // An unavailable directory must not block the claim forever.
            let _ = timeout(SURRENDER_TIMEOUT, self.writer.persisted(id)).await;
        }
        let claim = self.context.directory.claim_session(id, &record.edge, own).await?;
        let Some(record::ClaimedSession { state, backlog, previous_edges }) = claim else { return Ok(None) };
        // Senders may not know yet that the session has left one of its former edges.
        let is_other = |edge: &&ServiceId| Some(*edge) != holder.as_ref() && *edge != own;
        for edge in previous_edges.iter().filter(is_other) {
            self.orphaned_mailboxes.watch_previous(edge, id).await;
        }
        let undelivered = match holder {
            Some(holder) if is_surrendered => {
                self.orphaned_mailboxes.watch(&holder, id).await;
                Vec::new()
            }
            Some(holder) => self.orphaned_mailboxes.drain_for(&holder, id).await,
            None => Vec::new(),
        };
        metrics::session_claimed(if is_surrendered { ClaimKind::Surrendered } else { ClaimKind::TakenOver });
        let session = restore(state.as_deref(), id, record.policy.token_digest, own);
        Ok(Some(ClaimedSession { session, backlog, undelivered, previous_edge: record.edge }))
    }

    /// Whether a session's time is over, although no edge has ended it.
    async fn is_expired(&self, record: &record::Session) -> directory::Result<bool> {
        let disconnected_for = match record.away {
            Some(duration) => Some(duration),
            None if self.liveness.is_edge_dead(&record.edge).await? => {
                self.liveness.since_heartbeat(&record.edge).await?
            }
            None => None,
        };
        Ok(disconnected_for.is_some_and(|duration| duration >= record.policy.grace))
    }
}

/// Restores a session from its stored state. If the state is missing or unreadable, the session has no handles.
fn restore(state: Option<&str>, id: SessionId, token_digest: Option<String>, edge: &ServiceId) -> Session {
    let now = Instant::now();
    match state.map(|state| Session::restore(state, id, edge, now, clock::unix_millis())) {
        Some(Ok(session)) => session,
        Some(Err(error)) => {
            tracing::error!(%error, session = %id, "failed to restore a session, continuing without its handles");
            Session::new(id, token_digest, now)
        }
        None => Session::new(id, token_digest, now),
    }
}

/// The sessions that this edge has requested from others.
#[derive(Default)]
pub struct PendingSurrenders {
    requests: Mutex<BTreeMap<SessionId, oneshot::Sender<()>>>,
}

impl PendingSurrenders {
    /// Completes the request for a session, because its edge has surrendered it.
    pub fn complete(&self, session: SessionId) {
        if let Some(request) = self.requests.lock().remove(&session) {
            // The claim may have been cancelled.
            let _ = request.send(());
        }
    }

    /// Requests a session from an edge. False if the edge is dead, stops, or does not reply in time.
    pub async fn request(
        &self,
        context: &EdgeContext,
        liveness: &Liveness,
        session: SessionId,
        owner: &ServiceId,
    ) -> directory::Result<bool> {
        if liveness.is_edge_dead(owner).await? {
            return Ok(false);
        }
        let (sender, surrendered) = oneshot::channel();
        self.requests.lock().insert(session, sender);
        let request = Message::new(Body::Surrender(Surrender { session, to: context.id.clone() }));
        let reply = async {
            let sent = context.bus.post(&Mailbox::Edge(owner.clone()), &request).await;
            // After any other error the edge may have got the request nevertheless.
            !matches!(sent, Err(SendError::NoMailbox)) && surrendered.await.is_ok()
        };
        let reply = async {
            tokio::select! {
                is_surrendered = reply => is_surrendered,
                () = liveness.until_deregistered(owner) => false,
            }
        };
        let is_surrendered = timeout(SURRENDER_TIMEOUT, reply).await.unwrap_or(false);
        self.requests.lock().remove(&session);
        Ok(is_surrendered)
    }
}

/// Notifies another edge in the background, once a session is stored, that it can claim the session.
pub fn confirm_surrender(
    context: &Arc<EdgeContext>,
    writer: &Arc<SessionWriter>,
    session: SessionId,
    to: ServiceId,
) {
    let background = context.background.clone();
    let (context, writer) = (context.clone(), writer.clone());
    background.spawn(async move {
        writer.persisted(session).await;
        let message = Message::new(Body::Surrendered(Surrendered { session, from: context.id.clone() }));
        let sent = context.bus.post(&Mailbox::Edge(to), &message).await;
        if sent.is_ok() {
            CONFIRMING.succeeded();
        }
        if let Err(error) = sent {
            warn_failure!(CONFIRMING, %error, %session, "failed to confirm a surrender, the other edge will time out");
        }
    });
}
