//! How an edge takes a session over from another: it asks the holder to surrender it, and takes it in
//! the directory, whether or not there was an answer. Both edges may think for a moment that they have
//! it; the directory knows better.
//!
//! | the holder | is asked | what it had not dealt with |
//! |---|---|---|
//! | answers | yes | it forwards, see [`forwards`](crate::forwards) |
//! | stops, or does not answer in [`PATIENCE`] | yes | is read in its mailbox, see [`estates`](crate::estates) |
//! | has given no sign of life for [`SILENCE`], or has no mailbox | no | the same |

use crate::access::Access;
use crate::numbers::{self, Claim, NoClaim};
use crate::registry::Route;
use crate::session::Session;
use crate::shared::Shared;
use bus::SendError;
use bus::message::{Body, Events, Message, Surrender};
use bus::topic::Mailbox;
use directory::{LONG_AGO, record};
use protocol::{ServiceId, SessionId};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// How long another edge may take to surrender a session.
const PATIENCE: Duration = Duration::from_secs(1);
/// An edge that has been silent for so long is not asked.
const SILENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether an edge that is asked has left.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a claim is tried when others are quicker.
const TRIES: u32 = 3;

/// The sessions that other edges are asked for.
#[derive(Default)]
pub struct Claims(Mutex<BTreeMap<SessionId, oneshot::Sender<()>>>);

impl Claims {
    /// Another edge has surrendered the session.
    pub fn surrendered(&self, session: SessionId) {
        if let Some(waiting) = self.lock().remove(&session) {
            // The claim may have been given up.
            let _ = waiting.send(());
        }
    }

    fn expect(&self, session: SessionId) -> oneshot::Receiver<()> {
        let (waiting, surrendered) = oneshot::channel();
        self.lock().insert(session, waiting);
        surrendered
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that was another edge's.
pub struct Inherited {
    /// The session.
    pub session: Session,
    /// What its client is to hear first.
    pub unheard: Vec<String>,
    /// What its former edge had not dealt with.
    pub left: Vec<Events>,
    /// Its former edge.
    pub from: ServiceId,
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
    route: &Route,
) -> directory::Result<Option<Inherited>> {
    let (own, directory) = (&shared.context.id, &shared.context.directory);
    let mut forwarded = None;
    for attempt in 0..TRIES {
        let Some(record) = directory.session(id).await? else { return fails(NoClaim::Unknown) };
        if !Access::same_proof(record.terms.proof.as_deref(), proof) {
            return fails(NoClaim::Stranger);
        }
        if attempt == 0 {
            if !shared.registry.enter(id, route.clone(), record.terms.proof.clone()) {
                return fails(NoClaim::Contended);
            }
            forwarded = shared.forwards.remove(id);
        }
        // What this edge gave to another that has not taken it yet is with that one.
        let holder = match record.edge == *own {
            true => forwarded.clone(),
            false if is_over(shared, &record).await? => return fails(NoClaim::Late),
            false => Some(record.edge.clone()),
        };
        let surrendered = match &holder {
            Some(holder) => surrender(shared, id, holder).await?,
            None => false,
        };
        if record.edge == *own {
            // A directory that hangs holds up no claim for ever.
            let _ = timeout(PATIENCE, shared.scribe.is_done_with(id)).await;
        }
        let Some(record::Inherited { state, unheard, formers }) =
            directory.claim_session(id, &record.edge, own).await?
        else {
            continue;
        };
        // Not everybody may have heard that it went from one of these to the next.
        for former in formers.iter().filter(|former| Some(*former) != holder.as_ref() && *former != own) {
            shared.estates.watch_former(former, id).await;
        }
        let left = match holder {
            Some(holder) if surrendered => {
                shared.estates.watch(&holder, id).await;
                Vec::new()
            }
            Some(holder) => shared.estates.inherit(&holder, id, shared).await,
            None => Vec::new(),
        };
        let session = restore(state.as_deref(), id, record.terms.proof, own);
        numbers::claimed(if surrendered { Claim::Surrendered } else { Claim::Inherited });
        return Ok(Some(Inherited { session, unheard, left, from: record.edge }));
    }
    fails(NoClaim::Contended)
}

fn fails(why: NoClaim) -> directory::Result<Option<Inherited>> {
    numbers::not_claimed(why);
    Ok(None)
}

/// Whether nobody is left who will end a session whose time is over.
async fn is_over(shared: &Shared, record: &record::Session) -> directory::Result<bool> {
    let away = match record.away {
        Some(away) => Some(away),
        None => silence(shared, &record.edge).await?.filter(|silence| *silence > SILENCE),
    };
    Ok(away.is_some_and(|away| away >= record.terms.grace))
}

/// Asks an edge for a session; false when it does not answer.
async fn surrender(shared: &Shared, id: SessionId, holder: &ServiceId) -> directory::Result<bool> {
    if is_gone(shared, holder).await? {
        return Ok(false);
    }
    let surrendered = shared.claims.expect(id);
    let ask = Body::Surrender(Surrender { session: id, to: shared.context.id.clone() });
    let asking = async {
        let asked = shared.context.bus.post(&Mailbox::Edge(holder.clone()), &Message::new(ask)).await;
        // After any other error it may have been asked all the same.
        !matches!(asked, Err(SendError::NoMailbox)) && surrendered.await.is_ok()
    };
    let answered = async {
        tokio::select! {
            answered = asking => answered,
            () = leaves(shared, holder) => false,
        }
    };
    let answered = timeout(PATIENCE, answered).await.unwrap_or(false);
    shared.claims.lock().remove(&id);
    Ok(answered)
}

/// Done when an edge that was asked has stopped before it could answer.
async fn leaves(shared: &Shared, edge: &ServiceId) {
    loop {
        sleep(LOOK_EVERY).await;
        if let Ok(Some(silence)) = silence(shared, edge).await
            && silence >= LONG_AGO
        {
            return;
        }
    }
}

/// Whether an edge is dead, as far as this one can tell: right after an outage all seem silent.
pub async fn is_gone(shared: &Shared, edge: &ServiceId) -> directory::Result<bool> {
    let silence = silence(shared, edge).await?;
    let may_judge = shared.signs.heard_for(SILENCE) || silence.is_some_and(|silence| silence >= LONG_AGO);
    Ok(may_judge && silence.is_none_or(|silence| silence > SILENCE))
}

async fn silence(shared: &Shared, edge: &ServiceId) -> directory::Result<Option<Duration>> {
    shared.context.directory.edge_silence(edge).await
}

/// A session whose state nobody can read begins anew, without handles.
fn restore(state: Option<&str>, id: SessionId, proof: Option<String>, edge: &ServiceId) -> Session {
    let now = Instant::now();
    let fresh = || Session::new(id, proof, now);
    let Some(state) = state else { return fresh() };
    Session::restore(state, id, edge, now, protocol::outside::unix_millis()).unwrap_or_else(|error| {
        tracing::error!(%error, session = %id, "a session that was written down cannot be read");
        fresh()
    })
}
