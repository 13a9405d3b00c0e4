//! What is to be written down, and what it waits for. Bounded by the number of calls.

use crate::calls::act::SaveCall;
use bus::ack_tracker::AckGuard;
use common::CallId;
use directory::record::{self, FencingToken};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What is to be written down.
pub struct WriteQueue {
    state: Mutex<QueueState>,
    ready: Notify,
    idle: Notify,
}

struct QueueState {
    token: FencingToken,
    connector_record: String,
    /// The note is to be written.
    record_due: bool,
    calls: BTreeMap<CallId, PendingCall>,
    /// Something is being written.
    writing: bool,
}

/// What is known of a call.
#[derive(Default)]
struct PendingCall {
    /// How many things its clients are being told.
    unsent: usize,
    state: Option<String>,
    /// The directory has lost it.
    restore: Option<Box<record::Call>>,
    acks: Vec<AckGuard>,
}

/// What is written in one go.
pub struct Batch {
    /// The lease under which.
    pub token: FencingToken,
    /// The note on the backend, if it is due.
    pub connector_record: Option<String>,
    /// Calls that the directory has lost.
    pub restores: Vec<(Box<record::Call>, String)>,
    /// The states of other calls.
    pub states: Vec<(CallId, String)>,
    acks: BTreeMap<CallId, Vec<AckGuard>>,
}

impl PendingCall {
    fn is_ready(&self) -> bool {
        self.unsent == 0 && self.state.is_some()
    }

    fn is_empty(&self) -> bool {
        self.unsent == 0 && self.state.is_none()
    }
}

impl WriteQueue {
    pub(super) fn new(token: FencingToken) -> Self {
        let (note, calls) = (String::new(), BTreeMap::new());
        let papers = QueueState { token, connector_record: note, record_due: false, calls, writing: false };
        Self { state: Mutex::new(papers), ready: Notify::new(), idle: Notify::new() }
    }

    pub(super) fn save(&self, save: SaveCall) {
        self.change(save.call, |paper| {
            paper.state = Some(save.state);
            paper.acks.extend(save.acks);
        });
    }

    pub(super) fn restore(&self, call: Box<record::Call>, state: String) {
        self.change(call.id, |paper| {
            paper.restore = Some(call);
            paper.state = Some(state);
        });
    }

    pub(super) fn remove(&self, call: CallId) -> Vec<AckGuard> {
        let mut receipts = Vec::new();
        self.change(call, |paper| {
            receipts = std::mem::take(&mut paper.acks);
            *paper = PendingCall { unsent: paper.unsent, ..PendingCall::default() };
        });
        receipts
    }

    pub(super) fn set_connector_record(&self, note: &str) {
        let mut papers = self.lock();
        if papers.connector_record != note {
            note.clone_into(&mut papers.connector_record);
            papers.record_due = true;
            self.ready.notify_one();
        }
    }

    pub(super) fn mark_record_due(&self) {
        let mut papers = self.lock();
        papers.record_due = !papers.connector_record.is_empty();
    }

    pub(super) fn enter_term(&self, token: FencingToken) {
        self.lock().token = token;
        self.mark_record_due();
        self.ready.notify_one();
    }

    /// Waits until something may be ready.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Takes what is ready.
    pub(super) fn take_batch(&self) -> Batch {
        let mut papers = self.lock();
        papers.writing = true;
        let note = std::mem::take(&mut papers.record_due).then(|| papers.connector_record.clone());
        let (lost, states, receipts) = Default::default();
        let mut batch =
            Batch { token: papers.token, connector_record: note, restores: lost, states, acks: receipts };
        for (call, paper) in papers.calls.extract_if(.., |_, paper| paper.is_ready()) {
            batch.add(call, paper);
        }
        batch
    }

    /// What was taken is written down.
    pub(super) fn on_written(&self) {
        self.lock().writing = false;
        self.idle.notify_one();
    }

    /// What was taken could not be written down.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut papers = self.lock();
        papers.writing = false;
        papers.record_due |= batch.connector_record.is_some();
        let lost = batch.restores.into_iter().map(|(call, state)| (call.id, state, Some(call)));
        let others = batch.states.into_iter().map(|(call, state)| (call, state, None));
        for (call, state, lost) in lost.chain(others) {
            let paper = papers.calls.entry(call).or_default();
            paper.state.get_or_insert(state);
            paper.restore = paper.restore.take().or(lost);
        }
        for (call, receipts) in batch.acks {
            papers.calls.entry(call).or_default().acks.extend(receipts);
        }
        self.ready.notify_one();
    }

    pub(super) async fn flushed(&self) {
        while !self.lock().is_idle() {
            self.idle.notified().await;
        }
    }

    fn change(&self, call: CallId, change: impl FnOnce(&mut PendingCall)) {
        let mut papers = self.lock();
        let paper = papers.calls.entry(call).or_default();
        change(paper);
        if paper.is_ready() {
            self.ready.notify_one();
        } else if paper.is_empty() {
            papers.calls.remove(&call);
            self.idle.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn is_idle(&self) -> bool {
        self.calls.is_empty() && !self.record_due && !self.writing
    }
}

impl Batch {
    fn add(&mut self, call: CallId, paper: PendingCall) {
        let PendingCall { state, restore: lost, acks: receipts, .. } = paper;
        let Some(state) = state else { return };
        match lost {
            Some(lost) => self.restores.push((lost, state)),
            None => self.states.push((call, state)),
        }
        self.acks.insert(call, receipts);
    }
}

/// While it lives, a client of the call is being told something.
pub struct NotifyGuard {
    queue: Arc<WriteQueue>,
    call: CallId,
}

impl NotifyGuard {
    pub(super) fn begin(desk: &Arc<WriteQueue>, call: CallId) -> Self {
        desk.change(call, |paper| paper.unsent += 1);
        Self { queue: desk.clone(), call }
    }
}

impl Drop for NotifyGuard {
    fn drop(&mut self) {
        self.queue.change(self.call, |paper| paper.unsent -= 1);
    }
}
