//! What is to be written down, and what it waits for. Bounded by the number of calls.

use crate::calls::act::Save;
use bus::ledger::Receipt;
use directory::record::{self, Token};
use protocol::CallId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What is to be written down.
pub struct Desk {
    papers: Mutex<Papers>,
    work: Notify,
    rest: Notify,
}

struct Papers {
    token: Token,
    note: String,
    /// The note is to be written.
    note_due: bool,
    calls: BTreeMap<CallId, Paper>,
    /// Something is being written.
    writing: bool,
}

/// What is known of a call.
#[derive(Default)]
struct Paper {
    /// How many things its clients are being told.
    untold: usize,
    state: Option<String>,
    /// The directory has lost it.
    lost: Option<Box<record::Call>>,
    receipts: Vec<Receipt>,
}

/// What is written in one go.
pub struct Batch {
    /// The lease under which.
    pub token: Token,
    /// The note on the backend, if it is due.
    pub note: Option<String>,
    /// Calls that the directory has lost.
    pub lost: Vec<(Box<record::Call>, String)>,
    /// The states of other calls.
    pub states: Vec<(CallId, String)>,
    receipts: BTreeMap<CallId, Vec<Receipt>>,
}

impl Paper {
    fn is_ready(&self) -> bool {
        self.untold == 0 && self.state.is_some()
    }

    fn is_blank(&self) -> bool {
        self.untold == 0 && self.state.is_none()
    }
}

impl Desk {
    pub(super) fn new(token: Token) -> Self {
        let (note, calls) = (String::new(), BTreeMap::new());
        let papers = Papers { token, note, note_due: false, calls, writing: false };
        Self { papers: Mutex::new(papers), work: Notify::new(), rest: Notify::new() }
    }

    pub(super) fn save(&self, save: Save) {
        self.change(save.call, |paper| {
            paper.state = Some(save.state);
            paper.receipts.extend(save.receipts);
        });
    }

    pub(super) fn restore(&self, call: Box<record::Call>, state: String) {
        self.change(call.id, |paper| {
            paper.lost = Some(call);
            paper.state = Some(state);
        });
    }

    pub(super) fn forget(&self, call: CallId) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        self.change(call, |paper| {
            receipts = std::mem::take(&mut paper.receipts);
            *paper = Paper { untold: paper.untold, ..Paper::default() };
        });
        receipts
    }

    pub(super) fn note(&self, note: &str) {
        let mut papers = self.papers();
        if papers.note != note {
            note.clone_into(&mut papers.note);
            papers.note_due = true;
            self.work.notify_one();
        }
    }

    pub(super) fn note_again(&self) {
        let mut papers = self.papers();
        papers.note_due = !papers.note.is_empty();
    }

    pub(super) fn enter_term(&self, token: Token) {
        self.papers().token = token;
        self.note_again();
        self.work.notify_one();
    }

    /// Waits until something may be ready.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// Takes what is ready.
    pub(super) fn take(&self) -> Batch {
        let mut papers = self.papers();
        papers.writing = true;
        let note = std::mem::take(&mut papers.note_due).then(|| papers.note.clone());
        let (lost, states, receipts) = Default::default();
        let mut batch = Batch { token: papers.token, note, lost, states, receipts };
        for (call, paper) in papers.calls.extract_if(.., |_, paper| paper.is_ready()) {
            batch.add(call, paper);
        }
        batch
    }

    /// What was taken is written down.
    pub(super) fn written(&self) {
        self.papers().writing = false;
        self.rest.notify_one();
    }

    /// What was taken could not be written down.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut papers = self.papers();
        papers.writing = false;
        papers.note_due |= batch.note.is_some();
        let lost = batch.lost.into_iter().map(|(call, state)| (call.id, state, Some(call)));
        let others = batch.states.into_iter().map(|(call, state)| (call, state, None));
        for (call, state, lost) in lost.chain(others) {
            let paper = papers.calls.entry(call).or_default();
            paper.state.get_or_insert(state);
            paper.lost = paper.lost.take().or(lost);
        }
        for (call, receipts) in batch.receipts {
            papers.calls.entry(call).or_default().receipts.extend(receipts);
        }
        self.work.notify_one();
    }

    pub(super) async fn settled(&self) {
        while !self.papers().is_clear() {
            self.rest.notified().await;
        }
    }

    fn change(&self, call: CallId, change: impl FnOnce(&mut Paper)) {
        let mut papers = self.papers();
        let paper = papers.calls.entry(call).or_default();
        change(paper);
        if paper.is_ready() {
            self.work.notify_one();
        } else if paper.is_blank() {
            papers.calls.remove(&call);
            self.rest.notify_one();
        }
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Papers {
    fn is_clear(&self) -> bool {
        self.calls.is_empty() && !self.note_due && !self.writing
    }
}

impl Batch {
    fn add(&mut self, call: CallId, paper: Paper) {
        let Paper { state, lost, receipts, .. } = paper;
        let Some(state) = state else { return };
        match lost {
            Some(lost) => self.lost.push((lost, state)),
            None => self.states.push((call, state)),
        }
        self.receipts.insert(call, receipts);
    }
}

/// While it lives, a client of the call is being told something.
pub struct Telling {
    desk: Arc<Desk>,
    call: CallId,
}

impl Telling {
    pub(super) fn begin(desk: &Arc<Desk>, call: CallId) -> Self {
        desk.change(call, |paper| paper.untold += 1);
        Self { desk: desk.clone(), call }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.desk.change(self.call, |paper| paper.untold -= 1);
    }
}
