//! Writes down what the next connector must know: the state of calls, and the note on the backend.
//!
//! It works in the background: it writes at most every [`GATHER`], all that has changed in one round
//! trip, and of a call only the latest state. A state waits until its clients have been told all that led to it, for the next
//! connector takes as told what it reads; with it are done the messages whose receipts it holds.
//!
//! How it fails: while the directory does not answer, what is to be written waits, one state a call. What
//! the directory does not take is another connector's by now, or over; of what a former connector has ended in the
//! very moment in which this one took it over, this one [hears](Scribe::over).

mod desk;
#[cfg(test)]
mod tests;

use crate::calls::act::Save;
use crate::estate::Note;
use crate::janus::message::JanusId;
use bus::ledger::Receipt;
use desk::{Batch, Desk};
use directory::record::{self, Token};
use directory::{Directory, Result};
use futures_util::future::join_all;
use protocol::{BackendName, CallId, ServiceId, raw};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

pub use desk::Telling;

/// How long changes gather after the last were written.
const GATHER: Duration = Duration::from_millis(10);
/// How often the note is written though it has not changed: the directory does not keep it for ever.
const NOTE_EVERY: Duration = Duration::from_secs(10);
/// The pause after a directory did not answer.
const PAUSE: Duration = Duration::from_millis(200);
/// How often, and with which pause, it is asked whether a call is over that was not taken: who ends one says so
/// a moment later.
const ASKING: (u32, Duration) = (5, Duration::from_millis(100));
/// How many lost calls are written at once.
const RESTORED_AT_ONCE: usize = 64;

/// Who writes down what is known of one backend. It stops when this is dropped.
pub struct Scribe {
    by: ServiceId,
    desk: Arc<Desk>,
    over: mpsc::UnboundedReceiver<CallId>,
    _task: AbortOnDropHandle<()>,
}

impl Scribe {
    /// Begins to write, under the lease with this token.
    pub fn start(directory: Directory, backend: BackendName, by: ServiceId, token: Token) -> Self {
        let desk = Arc::new(Desk::new(token));
        let (tell_over, over) = mpsc::unbounded_channel();
        let pen = Pen { directory, backend, desk: desk.clone(), tell_over, asking: JoinSet::new() };
        Self { by, desk, over, _task: AbortOnDropHandle::new(tokio::spawn(pen.write_on())) }
    }

    /// A call that is over, though its state was to be written down. Safe to cancel.
    pub async fn over(&mut self) -> CallId {
        match self.over.recv().await {
            Some(call) => call,
            None => std::future::pending().await,
        }
    }

    /// A client is being told something about a call, until this is dropped.
    pub fn telling(&self, call: CallId) -> Telling {
        Telling::begin(&self.desk, call)
    }

    /// Has a call's state written down, in place of an earlier one.
    pub fn save(&self, save: Save) {
        self.desk.save(save);
    }

    /// Has a call written down that the directory has lost.
    pub fn restore(&self, call: Box<record::Call>, state: String) {
        self.desk.restore(call, state);
    }

    /// A call is over; the receipts of what was not written down of it.
    pub fn forget(&self, call: CallId) -> Vec<Receipt> {
        self.desk.forget(call)
    }

    /// Has the sessions on Janus noted.
    pub fn note(&self, sessions: Vec<JanusId>) {
        let note = Note { by: self.by.clone(), sessions };
        self.desk.note(raw(&note).get());
    }

    /// From now on it writes under this token.
    pub fn enter_term(&self, token: Token) {
        self.desk.enter_term(token);
    }

    /// Waits until all is written down.
    pub async fn settled(&self) {
        self.desk.settled().await;
    }
}

/// What does the writing.
struct Pen {
    directory: Directory,
    backend: BackendName,
    desk: Arc<Desk>,
    /// One for each call at most.
    tell_over: mpsc::UnboundedSender<CallId>,
    asking: JoinSet<()>,
}

impl Pen {
    async fn write_on(mut self) {
        let (mut note_due, mut rested) = (Instant::now() + NOTE_EVERY, Instant::now());
        loop {
            tokio::select! {
                biased;
                () = self.desk.work() => tokio::time::sleep_until(rested).await,
                () = tokio::time::sleep_until(note_due) => {
                    self.desk.note_again();
                    note_due = Instant::now() + NOTE_EVERY;
                }
            }
            rested = Instant::now() + GATHER;
            let batch = self.desk.take();
            match self.write(&batch).await {
                Ok(()) => {
                    drop(batch);
                    self.desk.written();
                }
                Err(error) => {
                    tracing::warn!(%error, backend = %self.backend, "what is known of calls cannot be written down yet");
                    self.desk.put_back(batch);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let Batch { token, note, lost, states, .. } = batch;
        if let Some(note) = note {
            self.directory.note_backend(&self.backend, *token, note).await?;
        }
        for some in lost.chunks(RESTORED_AT_ONCE) {
            let restored = some.iter().map(|(call, state)| self.directory.restore_call(call, *token, state));
            join_all(restored).await.into_iter().collect::<Result<()>>()?;
        }
        if !states.is_empty() {
            let taken = self.directory.save_calls(*token, states).await?;
            let refused = states.iter().zip(taken).filter(|(_, taken)| !taken);
            refused.for_each(|((call, _), _)| self.ask_whether_over(*call));
        }
        Ok(())
    }

    fn ask_whether_over(&mut self, call: CallId) {
        while self.asking.try_join_next().is_some() {}
        let (directory, tell) = (self.directory.clone(), self.tell_over.clone());
        self.asking.spawn(async move {
            for _ in 0..ASKING.0 {
                tokio::time::sleep(ASKING.1).await;
                if directory.is_over(call).await.unwrap_or_default() {
                    let _ = tell.send(call);
                    return;
                }
            }
        });
    }
}
