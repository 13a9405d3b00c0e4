//! How an edge takes a session over from another: it asks the holder to surrender it, and takes it in
//! the directory, whether or not there was an answer. Both edges may think for a moment that they have
//! it; the directory knows better.
//!
//! | the holder | is asked | what it had not dealt with |
//! |---|---|---|
//! | answers | yes | it forwards, see [`forwards`](crate::forwards) |
//! | does not answer in [`PATIENCE`] | yes | is read in its mailbox, see [`estates`](crate::estates) |
//! | has given no sign of life for [`SILENCE`], or has no mailbox | no | the same |

use crate::access::Access;
use crate::registry::Route;
use crate::session::Session;
use crate::shared::Shared;
use bus::message::{Attend, Body, Events, Message, Surrender};
use bus::topic::Mailbox;
use directory::record;
use protocol::{HandleId, HandleRef, ServiceId, SessionId};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// How long another edge may take to surrender a session.
const PATIENCE: Duration = Duration::from_secs(1);
/// An edge that has been silent for so long is not asked.
const SILENCE: Duration = Duration::from_secs(3);
/// How often a claim is tried when others are quicker.
const TRIES: u32 = 3;
/// How often, and with which pause, others are told where a session is.
const TELLING: (u32, Duration) = (10, Duration::from_secs(1));

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
        let Some(record) = directory.session(id).await? else { return Ok(None) };
        if !Access::same_proof(record.terms.proof.as_deref(), proof) {
            return Ok(None);
        }
        if attempt == 0 {
            if !shared.registry.enter(id, route.clone(), record.terms.proof.clone()) {
                return Ok(None);
            }
            forwarded = shared.forwards.remove(id);
        }
        let surrendered = match surrender(shared, id, &record).await? {
            Holder::Surrendered => true,
            Holder::Silent => false,
            Holder::TooLate => return Ok(None),
        };
        let Some(record::Inherited { state, unheard }) =
            directory.claim_session(id, &record.edge, own).await?
        else {
            continue;
        };
        // What this edge had itself, and gave to one that never took it, is with that one.
        let last = if record.edge == *own { forwarded.take() } else { Some(record.edge.clone()) };
        let left = match last.filter(|_| !surrendered) {
            Some(last) => shared.estates.inherit(&last, id, shared).await,
            None => Vec::new(),
        };
        let session = restore(state.as_deref(), id, record.terms.proof, own);
        let how = if surrendered { "surrendered" } else { "inherited" };
        metrics::counter!("switchboard_edge_claims_total", "how" => how).increment(1);
        return Ok(Some(Inherited { session, unheard, left, from: record.edge }));
    }
    Ok(None)
}

/// What the edge that has a session says to a claim.
enum Holder {
    Surrendered,
    Silent,
    /// It is gone, and the session's time is over.
    TooLate,
}

async fn surrender(shared: &Shared, id: SessionId, record: &record::Session) -> directory::Result<Holder> {
    if record.edge == shared.context.id {
        return Ok(Holder::Silent);
    }
    let silence = shared.context.directory.edge_silence(&record.edge).await?;
    let gone_for = silence.filter(|silence| *silence > SILENCE);
    if record.away.or(gone_for).is_some_and(|away| away >= record.terms.grace) {
        return Ok(Holder::TooLate);
    }
    if silence.is_none() || gone_for.is_some() {
        return Ok(Holder::Silent);
    }
    let surrendered = shared.claims.expect(id);
    let ask = Body::Surrender(Surrender { session: id, to: shared.context.id.clone() });
    let asking = async {
        let asked = shared.context.bus.post(&Mailbox::Edge(record.edge.clone()), &Message::new(ask)).await;
        asked.is_ok() && surrendered.await.is_ok()
    };
    let answered = timeout(PATIENCE, asking).await.unwrap_or(false);
    shared.claims.lock().remove(&id);
    Ok(if answered { Holder::Surrendered } else { Holder::Silent })
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

/// Tells routers and connectors where a session's handles are from now on.
pub struct Move {
    /// The session.
    pub session: SessionId,
    /// Where it was.
    pub from: ServiceId,
    /// Its handles that routers may know, with their names.
    pub names: Vec<(HandleId, Option<String>)>,
    /// Its handles' calls.
    pub attends: Vec<(Mailbox, Attend)>,
}

impl Move {
    /// Tells them until they have it, or the session has moved on.
    pub async fn tell(mut self, shared: &Shared) {
        for _ in 0..TELLING.0 {
            self.tell_connectors(shared).await;
            self.tell_routers(shared).await;
            let all_told = self.names.is_empty() && self.attends.is_empty();
            if all_told || shared.registry.get(self.session).is_none() {
                return;
            }
            sleep(TELLING.1).await;
        }
        tracing::error!(session = %self.session, "not everybody could be told where a session is");
    }

    async fn tell_connectors(&mut self, shared: &Shared) {
        let mut untold = Vec::new();
        for (mailbox, attend) in self.attends.drain(..) {
            let message = Message::new(Body::Attend(attend.clone()));
            match shared.context.bus.post(&mailbox, &message).await {
                Ok(()) | Err(bus::SendError::NoMailbox) => {}
                Err(error) => {
                    tracing::warn!(%error, call = %attend.leg.call, "a connector could not be told where a client is");
                    untold.push((mailbox, attend));
                }
            }
        }
        self.attends = untold;
    }

    async fn tell_routers(&mut self, shared: &Shared) {
        let mut untold = Vec::new();
        for (id, name) in self.names.drain(..) {
            let handle = HandleRef { session: self.session, handle: id };
            let to = &shared.context.id;
            let moved = shared.context.directory.move_handle(handle, name.as_deref(), &self.from, to).await;
            if let Err(error) = moved {
                tracing::warn!(%error, %handle, "a handle could not be moved in the directory");
                untold.push((id, name));
            }
        }
        self.names = untold;
    }
}
