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

mod draft;

pub use draft::Draft;

use crate::numbers;
use crate::registry::Inbound;
use crate::shared::Shared;
use directory::record::{Save, Saved, Terms};
use protocol::SessionId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// How long sessions that have changed wait for the appointment.
const GATHER: Duration = Duration::from_millis(9);
/// How long it waits for the others once one has come: with [`GATHER`] 10 ms, as docs/failure.md promises.
const TOGETHER: Duration = Duration::from_millis(1);
/// How many sessions and about how many bytes are written in one round trip.
const MANY: (usize, usize) = (256, 1 << 20);
/// The pause after the directory failed, growing from the first to the second: less than a claim waits.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Sessions to be written down.
#[derive(Default)]
pub struct Scribe {
    desk: Mutex<Desk>,
    woken: Notify,
    hurried: Notify,
    rested: Notify,
}

#[derive(Default)]
struct Desk {
    drafts: BTreeMap<SessionId, Draft>,
    /// The sessions that are being written.
    writing: BTreeSet<SessionId>,
    /// When sessions are brought.
    appointment: Option<Instant>,
}

impl Scribe {
    /// Writes this down soon.
    pub fn save(&self, draft: Draft) {
        let mut desk = self.desk();
        let older = desk.drafts.remove(&draft.session);
        desk.drafts.insert(draft.session, draft.instead_of(older));
        self.woken.notify_one();
    }

    /// When a session that has changed is to be brought.
    pub fn appointment(&self, now: Instant) -> Instant {
        let mut desk = self.desk();
        let at = desk.appointment.filter(|at| *at > now);
        *desk.appointment.insert(at.unwrap_or(now + GATHER))
    }

    /// Somebody waits: what there is is written at once.
    pub fn hurry(&self) {
        self.hurried.notify_one();
    }

    /// The session is over: nothing of it is to be written any more.
    pub fn forget(&self, session: SessionId) {
        self.desk().drafts.remove(&session);
    }

    /// Waits until everything is written.
    pub async fn rest(&self) {
        self.wait_until(Desk::is_clear).await;
    }

    /// Waits until what there is of a session is written.
    pub async fn is_done_with(&self, session: SessionId) {
        self.wait_until(|desk| !desk.drafts.contains_key(&session) && !desk.writing.contains(&session)).await;
    }

    async fn wait_until(&self, is_so: impl Fn(&Desk) -> bool) {
        loop {
            let rested = self.rested.notified();
            if is_so(&self.desk()) {
                return;
            }
            rested.await;
        }
    }

    /// Writes for ever.
    pub async fn run(shared: Arc<Shared>) {
        let scribe = &shared.scribe;
        let mut pause = PAUSES.0;
        loop {
            scribe.woken.notified().await;
            let _ = timeout(TOGETHER, scribe.hurried.notified()).await;
            if scribe.write_all(&shared).await {
                pause = PAUSES.0;
            } else {
                sleep(pause).await;
                pause = PAUSES.1.min(pause * 2);
                scribe.woken.notify_one();
            }
            scribe.rested.notify_waiters();
        }
    }

    /// False when the directory failed; what is not written waits again.
    async fn write_all(&self, shared: &Arc<Shared>) -> bool {
        let mut drafts = self.take().into_values();
        let mut well = true;
        loop {
            let page = page(&mut drafts);
            if page.is_empty() || !well {
                page.into_iter().chain(drafts).for_each(|draft| self.put_back(draft));
                break;
            }
            well = self.write(page, shared).await;
        }
        let mut desk = self.desk();
        desk.writing.clear();
        numbers::unsaved(desk.drafts.len());
        well
    }

    async fn write(&self, page: Vec<Draft>, shared: &Arc<Shared>) -> bool {
        let began = Instant::now();
        let saves: Vec<Save> = page.iter().map(Draft::as_save).collect();
        let saved = shared.context.directory.save_sessions(&shared.context.id, &saves).await;
        numbers::saved(began.elapsed(), if saved.is_ok() { page.len() } else { 0 });
        match saved {
            Ok(outcomes) => {
                let mut well = true;
                for (draft, outcome) in page.into_iter().zip(outcomes) {
                    well &= self.settle(draft, outcome, shared).await;
                }
                well
            }
            Err(error) => {
                tracing::warn!(%error, sessions = page.len(), "sessions could not be written down; they will be");
                page.into_iter().for_each(|draft| self.put_back(draft));
                false
            }
        }
    }

    async fn settle(&self, draft: Draft, outcome: Saved, shared: &Arc<Shared>) -> bool {
        match outcome {
            Saved::Yes => drop(draft.receipts),
            Saved::Missing => return self.reopen(draft, shared).await,
            Saved::HeldBy(edge) => {
                tracing::debug!(session = %draft.session, %edge, "another edge has taken a session");
                let _ = draft.origin.say(Inbound::Lost(draft.session));
                shared.leave_to_heir(draft.receipts);
            }
        }
        true
    }

    /// The directory has lost a session that is here.
    async fn reopen(&self, draft: Draft, shared: &Shared) -> bool {
        let session = draft.session;
        let Some(proof) = shared.registry.proof(session) else { return true };
        let terms = Terms { proof, grace: shared.limits.reclaim_timeout };
        let opened = shared.context.directory.open_session(session, &shared.context.id, &terms).await;
        match &opened {
            Ok(true) => {
                numbers::reopened();
                let _ = draft.origin.say(Inbound::Restore(session));
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, %session, "a lost session could not be opened again"),
        }
        self.put_back(draft);
        self.woken.notify_one();
        opened.is_ok()
    }

    fn take(&self) -> BTreeMap<SessionId, Draft> {
        let mut desk = self.desk();
        desk.writing = desk.drafts.keys().copied().collect();
        std::mem::take(&mut desk.drafts)
    }

    /// What could not be written, or nobody knows whether it was, waits behind what came since.
    fn put_back(&self, draft: Draft) {
        let mut desk = self.desk();
        let draft = match desk.drafts.remove(&draft.session) {
            Some(newer) => newer.instead_of(Some(draft.not_written())),
            None => draft.not_written(),
        };
        desk.drafts.insert(draft.session, draft);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn is_clear(&self) -> bool {
        self.drafts.is_empty() && self.writing.is_empty()
    }
}

/// As many as go in one round trip.
fn page(drafts: &mut impl Iterator<Item = Draft>) -> Vec<Draft> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while page.len() < MANY.0 && bytes < MANY.1 {
        let Some(draft) = drafts.next() else { break };
        bytes += draft.bytes();
        page.push(draft);
    }
    page
}
