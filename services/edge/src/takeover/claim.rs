//! How an edge takes a session over from another: it asks the holder to surrender it, and takes it in
//! the directory, whether or not there was an answer. Both edges may think for a moment that they have
//! it; the directory knows better.
//!
//! | the holder | is asked | what it had not dealt with |
//! |---|---|---|
//! | answers | yes | it forwards, see [`forwards`](crate::takeover::forwarding) |
//! | stops, or does not answer in [`PATIENCE`] | yes | is read in its mailbox, see [`estates`](crate::takeover::orphaned_mailboxes) |
//! | has given no sign of life for [`SILENCE`], or has no mailbox | no | the same |

use crate::auth::Auth;
use crate::metrics::{self, ClaimFailure, ClaimKind};
use crate::registry::InboxSender;
use crate::session::Session;
use crate::shared::Shared;
use bus::SendError;
use bus::message::{Body, Events, Message, Surrender};
use bus::topic::Mailbox;
use common::ServiceId;
use directory::{DEREGISTERED_AGE, record};
use protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// How long another edge may take to surrender a session.
const SURRENDER_TIMEOUT: Duration = Duration::from_secs(1);
/// An edge that has been silent for so long is not asked.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often it is looked whether an edge that is asked has left.
const LIVENESS_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How often a claim is tried when others are quicker.
const MAX_CLAIM_ATTEMPTS: u32 = 3;

/// The sessions that other edges are asked for.
#[derive(Default)]
pub struct PendingSurrenders(Mutex<BTreeMap<SessionId, oneshot::Sender<()>>>);

impl PendingSurrenders {
    /// Another edge has surrendered the session.
    pub fn complete(&self, session: SessionId) {
        if let Some(waiting) = self.lock().remove(&session) {
            // The claim may have been given up.
            let _ = waiting.send(());
        }
    }

    fn register(&self, session: SessionId) -> oneshot::Receiver<()> {
        let (waiting, surrendered) = oneshot::channel();
        self.lock().insert(session, waiting);
        surrendered
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that was another edge's.
pub struct ClaimedSession {
    /// The session.
    pub session: Session,
    /// What its client is to hear first.
    pub backlog: Vec<String>,
    /// What its former edge had not dealt with.
    pub undelivered: Vec<Events>,
    /// Its former edge.
    pub previous_edge: ServiceId,
}

/// Takes a session over from whichever edge has it; none when there is no such session for a client
/// that shows this proof, or another connection of this edge is claiming it. What comes for it from
/// then on goes to `route`, also where this fails in the end.
///
/// # Errors
/// When the directory does not answer.
pub async fn claim(
    shared: &Shared,
    id: SessionId,
    proof: Option<&str>,
    route: &InboxSender,
) -> directory::Result<Option<ClaimedSession>> {
    let (own, directory) = (&shared.context.id, &shared.context.directory);
    let mut forwarded = None;
    for attempt in 0..MAX_CLAIM_ATTEMPTS {
        let Some(record) = directory.session(id).await? else { return rejected(ClaimFailure::Unknown) };
        if !Auth::same_token(record.policy.token_digest.as_deref(), proof) {
            return rejected(ClaimFailure::WrongToken);
        }
        if attempt == 0 {
            if !shared.registry.reserve(id, route.clone(), record.policy.token_digest.clone()) {
                return rejected(ClaimFailure::Contended);
            }
            forwarded = shared.forwarding.remove(id);
        }
        // What this edge gave to another that has not taken it yet is with that one.
        let holder = match record.edge == *own {
            true => forwarded.clone(),
            false if is_expired(shared, &record).await? => return rejected(ClaimFailure::Expired),
            false => Some(record.edge.clone()),
        };
        let surrendered = match &holder {
            Some(holder) => request_surrender(shared, id, holder).await?,
            None => false,
        };
        if record.edge == *own {
            // A directory that hangs holds up no claim for ever.
            let _ = timeout(SURRENDER_TIMEOUT, shared.writer.persisted(id)).await;
        }
        let Some(record::ClaimedSession { state, backlog: unheard, previous_edges }) =
            directory.claim_session(id, &record.edge, own).await?
        else {
            continue;
        };
        // Not everybody may have heard that it went from one of these to the next.
        for former in
            previous_edges.iter().filter(|former| Some(*former) != holder.as_ref() && *former != own)
        {
            shared.orphaned_mailboxes.watch_previous(former, id).await;
        }
        let left = match holder {
            Some(holder) if surrendered => {
                shared.orphaned_mailboxes.watch(&holder, id).await;
                Vec::new()
            }
            Some(holder) => shared.orphaned_mailboxes.drain_for(&holder, id, shared).await,
            None => Vec::new(),
        };
        let session = restore(state.as_deref(), id, record.policy.token_digest, own);
        metrics::session_claimed(if surrendered { ClaimKind::Surrendered } else { ClaimKind::TakenOver });
        return Ok(Some(ClaimedSession {
            session,
            backlog: unheard,
            undelivered: left,
            previous_edge: record.edge,
        }));
    }
    rejected(ClaimFailure::Contended)
}

fn rejected(why: ClaimFailure) -> directory::Result<Option<ClaimedSession>> {
    metrics::claim_failed(why);
    Ok(None)
}

/// Whether nobody is left who will end a session whose time is over.
async fn is_expired(shared: &Shared, record: &record::Session) -> directory::Result<bool> {
    let away = match record.away {
        Some(away) => Some(away),
        None => since_heartbeat(shared, &record.edge).await?.filter(|silence| *silence > HEARTBEAT_TIMEOUT),
    };
    Ok(away.is_some_and(|away| away >= record.policy.grace))
}

/// Asks an edge for a session; false when it does not answer.
async fn request_surrender(shared: &Shared, id: SessionId, holder: &ServiceId) -> directory::Result<bool> {
    if is_edge_dead(shared, holder).await? {
        return Ok(false);
    }
    let surrendered = shared.surrenders.register(id);
    let ask = Body::Surrender(Surrender { session: id, to: shared.context.id.clone() });
    let asking = async {
        let asked = shared.context.bus.post(&Mailbox::Edge(holder.clone()), &Message::new(ask)).await;
        // After any other error it may have been asked all the same.
        !matches!(asked, Err(SendError::NoMailbox)) && surrendered.await.is_ok()
    };
    let answered = async {
        tokio::select! {
            answered = asking => answered,
            () = until_deregistered(shared, holder) => false,
        }
    };
    let answered = timeout(SURRENDER_TIMEOUT, answered).await.unwrap_or(false);
    shared.surrenders.lock().remove(&id);
    Ok(answered)
}

/// Done when an edge that was asked has stopped before it could answer.
async fn until_deregistered(shared: &Shared, edge: &ServiceId) {
    loop {
        sleep(LIVENESS_POLL_INTERVAL).await;
        if let Ok(Some(silence)) = since_heartbeat(shared, edge).await
            && silence >= DEREGISTERED_AGE
        {
            return;
        }
    }
}

/// Whether an edge is dead, as far as this one can tell: right after an outage all seem silent.
pub async fn is_edge_dead(shared: &Shared, edge: &ServiceId) -> directory::Result<bool> {
    let silence = since_heartbeat(shared, edge).await?;
    let may_judge = shared.heartbeat.healthy_for(HEARTBEAT_TIMEOUT)
        || silence.is_some_and(|silence| silence >= DEREGISTERED_AGE);
    Ok(may_judge && silence.is_none_or(|silence| silence > HEARTBEAT_TIMEOUT))
}

async fn since_heartbeat(shared: &Shared, edge: &ServiceId) -> directory::Result<Option<Duration>> {
    shared.context.directory.since_heartbeat(edge).await
}

/// A session whose state nobody can read begins anew, without handles.
fn restore(state: Option<&str>, id: SessionId, proof: Option<String>, edge: &ServiceId) -> Session {
    let now = Instant::now();
    let fresh = || Session::new(id, proof, now);
    let Some(state) = state else { return fresh() };
    Session::restore(state, id, edge, now, common::entropy::unix_millis()).unwrap_or_else(|error| {
        tracing::error!(%error, session = %id, "a session that was written down cannot be read");
        fresh()
    })
}
