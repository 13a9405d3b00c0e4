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

use crate::calls::act::SaveCall;
use crate::estate::ConnectorRecord;
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use common::{BackendName, CallId, ServiceId};
use desk::{Batch, WriteQueue};
use directory::record::{self, FencingToken};
use directory::{Directory, Result};
use futures_util::future::join_all;
use protocol::raw;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

pub use desk::NotifyGuard;

/// How long changes gather after the last were written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(10);
/// How often the note is written though it has not changed: the directory does not keep it for ever.
const RECORD_REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// The pause after a directory did not answer.
const FLUSH_RETRY_DELAY: Duration = Duration::from_millis(200);
/// How often, and with which pause, it is asked whether a call is over that was not taken: who ends one says so
/// a moment later.
const ENDED_CHECKS: (u32, Duration) = (5, Duration::from_millis(100));
/// How many lost calls are written at once.
const MAX_CONCURRENT_RESTORES: usize = 64;

/// Who writes down what is known of one backend. It stops when this is dropped.
pub struct CallWriter {
    connector: ServiceId,
    queue: Arc<WriteQueue>,
    ended: mpsc::UnboundedReceiver<CallId>,
    _task: AbortOnDropHandle<()>,
}

impl CallWriter {
    /// Begins to write, under the lease with this token.
    pub fn start(
        directory: Directory,
        backend: BackendName,
        connector: ServiceId,
        token: FencingToken,
    ) -> Self {
        let queue = Arc::new(WriteQueue::new(token));
        let (tell_over, ended) = mpsc::unbounded_channel();
        let pen = WriteTask {
            directory,
            backend,
            queue: queue.clone(),
            ended: tell_over,
            ended_checks: JoinSet::new(),
        };
        Self { connector, queue, ended, _task: AbortOnDropHandle::new(tokio::spawn(pen.run())) }
    }

    /// A call that is over, though its state was to be written down. Safe to cancel.
    pub async fn next_ended(&mut self) -> CallId {
        match self.ended.recv().await {
            Some(call) => call,
            None => std::future::pending().await,
        }
    }

    /// A client is being told something about a call, until this is dropped.
    pub fn notify_guard(&self, call: CallId) -> NotifyGuard {
        NotifyGuard::begin(&self.queue, call)
    }

    /// Has a call's state written down, in place of an earlier one.
    pub fn save(&self, save: SaveCall) {
        self.queue.save(save);
    }

    /// Has a call written down that the directory has lost.
    pub fn restore(&self, call: Box<record::Call>, state: String) {
        self.queue.restore(call, state);
    }

    /// A call is over; the receipts of what was not written down of it.
    pub fn remove(&self, call: CallId) -> Vec<AckGuard> {
        self.queue.remove(call)
    }

    /// Has the sessions on Janus noted.
    pub fn set_sessions(&self, sessions: Vec<JanusId>) {
        let note = ConnectorRecord { connector: self.connector.clone(), sessions };
        self.queue.set_connector_record(raw(&note).get());
    }

    /// From now on it writes under this token.
    pub fn enter_term(&self, token: FencingToken) {
        self.queue.enter_term(token);
    }

    /// Waits until all is written down.
    pub async fn flushed(&self) {
        self.queue.flushed().await;
    }
}

/// What does the writing.
struct WriteTask {
    directory: Directory,
    backend: BackendName,
    queue: Arc<WriteQueue>,
    /// One for each call at most.
    ended: mpsc::UnboundedSender<CallId>,
    ended_checks: JoinSet<()>,
}

impl WriteTask {
    async fn run(mut self) {
        let (mut note_due, mut rested) = (Instant::now() + RECORD_REFRESH_INTERVAL, Instant::now());
        loop {
            tokio::select! {
                biased;
                () = self.queue.ready() => tokio::time::sleep_until(rested).await,
                () = tokio::time::sleep_until(note_due) => {
                    self.queue.mark_record_due();
                    note_due = Instant::now() + RECORD_REFRESH_INTERVAL;
                }
            }
            rested = Instant::now() + FLUSH_INTERVAL;
            let batch = self.queue.take_batch();
            match self.write(&batch).await {
                Ok(()) => {
                    drop(batch);
                    self.queue.on_written();
                }
                Err(error) => {
                    tracing::warn!(%error, backend = %self.backend, "what is known of calls cannot be written down yet");
                    self.queue.put_back(batch);
                    tokio::time::sleep(FLUSH_RETRY_DELAY).await;
                }
            }
        }
    }

    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let Batch { token, connector_record: note, restores: lost, states, .. } = batch;
        if let Some(note) = note {
            self.directory.put_connector_record(&self.backend, *token, note).await?;
        }
        for some in lost.chunks(MAX_CONCURRENT_RESTORES) {
            let restored = some.iter().map(|(call, state)| self.directory.restore_call(call, *token, state));
            join_all(restored).await.into_iter().collect::<Result<()>>()?;
        }
        if !states.is_empty() {
            let taken = self.directory.save_calls(*token, states).await?;
            let refused = states.iter().zip(taken).filter(|(_, taken)| !taken);
            refused.for_each(|((call, _), _)| self.check_ended(*call));
        }
        Ok(())
    }

    fn check_ended(&mut self, call: CallId) {
        while self.ended_checks.try_join_next().is_some() {}
        let (directory, tell) = (self.directory.clone(), self.ended.clone());
        self.ended_checks.spawn(async move {
            for _ in 0..ENDED_CHECKS.0 {
                tokio::time::sleep(ENDED_CHECKS.1).await;
                if directory.has_ended(call).await.unwrap_or_default() {
                    let _ = tell.send(call);
                    return;
                }
            }
        });
    }
}
