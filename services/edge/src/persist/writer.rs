//! Writes sessions down in the directory, off the way of requests, so that another edge can go on with
//! them. All connections bring theirs at the same time, the [appointment](Scribe::appointment), and many
//! go in one round trip.
//!
//! Of each session the latest [`Draft`] waits, so there are no more of them than sessions. While the
//! directory is away they stay, and are tried again after a growing pause. What a draft holds is
//! saved as a whole, with the receipts of the messages that led to it.
//!
//! How it fails: a session that the directory has lost is opened there anew; one that another edge
//! has taken is dropped by its connection.

use super::pending_write::PendingWrite;

use crate::metrics;
use crate::registry::Inbound;
use crate::shared::Shared;
use directory::record::{SaveOutcome, SaveRequest, SessionPolicy};
use protocol::SessionId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// How long sessions that have changed wait for the appointment.
const FLUSH_INTERVAL: Duration = Duration::from_millis(9);
/// How long it waits for the others once one has come: with [`GATHER`] 10 ms, as docs/failure.md promises.
const COALESCE_WINDOW: Duration = Duration::from_millis(1);
/// How many sessions and about how many bytes are written in one round trip.
const MAX_BATCH: (usize, usize) = (256, 1 << 20);
/// The pause after the directory failed, growing from the first to the second: less than a claim waits.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Sessions to be written down.
#[derive(Default)]
pub struct SessionWriter {
    queue: Mutex<WriteQueue>,
    work_added: Notify,
    flush_requested: Notify,
    batch_done: Notify,
}

#[derive(Default)]
struct WriteQueue {
    pending: BTreeMap<SessionId, PendingWrite>,
    /// The sessions that are being written.
    writing: BTreeSet<SessionId>,
    /// When sessions are brought.
    next_flush: Option<Instant>,
}

impl SessionWriter {
    /// Writes this down soon.
    pub fn submit(&self, draft: PendingWrite) {
        let mut desk = self.lock();
        let older = desk.pending.remove(&draft.session);
        desk.pending.insert(draft.session, draft.merge_older(older));
        self.work_added.notify_one();
    }

    /// When a session that has changed is to be brought.
    pub fn next_flush(&self, now: Instant) -> Instant {
        let mut desk = self.lock();
        let at = desk.next_flush.filter(|at| *at > now);
        *desk.next_flush.insert(at.unwrap_or(now + FLUSH_INTERVAL))
    }

    /// Somebody waits: what there is is written at once.
    pub fn flush_now(&self) {
        self.flush_requested.notify_one();
    }

    /// The session is over: nothing of it is to be written any more.
    pub fn discard(&self, session: SessionId) {
        self.lock().pending.remove(&session);
    }

    /// Waits until everything is written.
    pub async fn flushed(&self) {
        self.wait_until(WriteQueue::is_empty).await;
    }

    /// Waits until what there is of a session is written.
    pub async fn persisted(&self, session: SessionId) {
        self.wait_until(|desk| !desk.pending.contains_key(&session) && !desk.writing.contains(&session))
            .await;
    }

    async fn wait_until(&self, is_so: impl Fn(&WriteQueue) -> bool) {
        loop {
            let rested = self.batch_done.notified();
            if is_so(&self.lock()) {
                return;
            }
            rested.await;
        }
    }

    /// Writes for ever.
    pub async fn run(shared: Arc<Shared>) {
        let scribe = &shared.writer;
        let mut pause = RETRY_PAUSES.0;
        loop {
            scribe.work_added.notified().await;
            let _ = timeout(COALESCE_WINDOW, scribe.flush_requested.notified()).await;
            if scribe.write_all(&shared).await {
                pause = RETRY_PAUSES.0;
            } else {
                sleep(pause).await;
                pause = RETRY_PAUSES.1.min(pause * 2);
                scribe.work_added.notify_one();
            }
            scribe.batch_done.notify_waiters();
        }
    }

    /// False when the directory failed; what is not written waits again.
    async fn write_all(&self, shared: &Arc<Shared>) -> bool {
        let mut drafts = self.take_pending().into_values();
        let mut well = true;
        loop {
            let page = next_batch(&mut drafts);
            if page.is_empty() || !well {
                page.into_iter().chain(drafts).for_each(|draft| self.requeue(draft));
                break;
            }
            well = self.write(page, shared).await;
        }
        let mut desk = self.lock();
        desk.writing.clear();
        metrics::set_unsaved(desk.pending.len());
        well
    }

    async fn write(&self, page: Vec<PendingWrite>, shared: &Arc<Shared>) -> bool {
        let began = Instant::now();
        let saves: Vec<SaveRequest> = page.iter().map(PendingWrite::to_save_request).collect();
        let saved = shared.context.directory.save_sessions(&shared.context.id, &saves).await;
        metrics::sessions_saved(began.elapsed(), if saved.is_ok() { page.len() } else { 0 });
        match saved {
            Ok(outcomes) => {
                let mut well = true;
                for (draft, outcome) in page.into_iter().zip(outcomes) {
                    well &= self.apply_outcome(draft, outcome, shared).await;
                }
                well
            }
            Err(error) => {
                tracing::warn!(%error, sessions = page.len(), "sessions could not be written down; they will be");
                page.into_iter().for_each(|draft| self.requeue(draft));
                false
            }
        }
    }

    async fn apply_outcome(&self, draft: PendingWrite, outcome: SaveOutcome, shared: &Arc<Shared>) -> bool {
        match outcome {
            SaveOutcome::Saved => drop(draft.ack_guards),
            SaveOutcome::Missing => return self.restore(draft, shared).await,
            SaveOutcome::OwnedBy(edge) => {
                tracing::debug!(session = %draft.session, %edge, "another edge has taken a session");
                let _ = draft.owner.send(Inbound::Lost(draft.session));
                shared.ack_later(draft.ack_guards);
            }
        }
        true
    }

    /// The directory has lost a session that is here.
    async fn restore(&self, draft: PendingWrite, shared: &Shared) -> bool {
        let session = draft.session;
        let Some(proof) = shared.registry.token_digest(session) else { return true };
        let terms = SessionPolicy { token_digest: proof, grace: shared.limits.reclaim_timeout };
        let opened = shared.context.directory.open_session(session, &shared.context.id, &terms).await;
        match &opened {
            Ok(true) => {
                metrics::session_restored();
                let _ = draft.owner.send(Inbound::Restore(session));
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, %session, "a lost session could not be opened again"),
        }
        self.requeue(draft);
        self.work_added.notify_one();
        opened.is_ok()
    }

    fn take_pending(&self) -> BTreeMap<SessionId, PendingWrite> {
        let mut desk = self.lock();
        desk.writing = desk.pending.keys().copied().collect();
        std::mem::take(&mut desk.pending)
    }

    /// What could not be written, or nobody knows whether it was, waits behind what came since.
    fn requeue(&self, draft: PendingWrite) {
        let mut desk = self.lock();
        let draft = match desk.pending.remove(&draft.session) {
            Some(newer) => newer.merge_older(Some(draft.reset_stored())),
            None => draft.reset_stored(),
        };
        desk.pending.insert(draft.session, draft);
    }

    fn lock(&self) -> MutexGuard<'_, WriteQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriteQueue {
    fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.writing.is_empty()
    }
}

/// As many as go in one round trip.
fn next_batch(drafts: &mut impl Iterator<Item = PendingWrite>) -> Vec<PendingWrite> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while page.len() < MAX_BATCH.0 && bytes < MAX_BATCH.1 {
        let Some(draft) = drafts.next() else { break };
        bytes += draft.bytes();
        page.push(draft);
    }
    page
}
