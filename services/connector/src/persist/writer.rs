//! Writes the state of calls, and the connector's record, to the directory for the next connector.
//!
//! The writer runs in the background. At most every [`FLUSH_INTERVAL`] it writes all changes in one round
//! trip, and of each call only the latest state. A state waits until all events that led to it are on the
//! bus, because the next connector assumes that they were sent. Once it is written, the mailbox messages
//! that led to it are acknowledged.
//!
//! # Failures
//! While the directory cannot be reached, the latest state of each call waits. A state that the directory
//! refuses belongs to a call that has ended, or that another connector has taken over. If the former
//! connector ended the call while this one took it over, [`next_ended`](CallWriter::next_ended) returns it.

use super::recovery::ConnectorRecord;
use crate::calls::action::SaveCall;
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use common::coalescing_queue::{Coalesce, CoalescingQueue};
use common::sync::Mutex;
use common::{BackendName, CallId, ErrorLog, ServiceId, warn_failure};
use directory::record::{self, FencingToken};
use directory::{Directory, Result};
use futures_util::future::join_all;
use protocol::raw;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

static SAVING: ErrorLog = ErrorLog::new("storing calls");

/// How long changes are collected after a write.
pub(super) const FLUSH_INTERVAL: Duration = Duration::from_millis(10);
/// How often an unchanged record is written again, before the directory expires it.
pub(super) const RECORD_REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// The pause after a failed write.
const FLUSH_RETRY_DELAY: Duration = Duration::from_millis(200);
/// How often a refused call is checked for its end, and after which pause: its former connector records
/// the end a moment later.
const ENDED_CHECKS: u32 = 5;
const ENDED_CHECK_DELAY: Duration = Duration::from_millis(100);
const MAX_CONCURRENT_RESTORES: usize = 64;

/// Writes the state of one backend. Dropping it stops the writing.
pub struct CallWriter {
    connector: ServiceId,
    queue: Arc<WriteQueue>,
    latest: Arc<Mutex<Latest>>,
    ended: mpsc::UnboundedReceiver<CallId>,
    _task: AbortOnDropHandle<()>,
}

struct Latest {
    /// The token of the lease under which the writer writes.
    token: FencingToken,
    /// The connector's record as JSON; empty before the first one.
    record: String,
}

impl CallWriter {
    /// Begins to write, under the lease with this token.
    pub fn start(
        directory: Directory,
        backend: BackendName,
        connector: ServiceId,
        token: FencingToken,
    ) -> Self {
        let queue = Arc::new(WriteQueue::default());
        let latest = Arc::new(Mutex::new(Latest { token, record: String::new() }));
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let task = WriteTask {
            directory,
            backend,
            queue: queue.clone(),
            latest: latest.clone(),
            ended: ended_sender,
            ended_checks: JoinSet::new(),
        };
        Self { connector, queue, latest, ended, _task: AbortOnDropHandle::new(tokio::spawn(task.run())) }
    }

    /// Waits for a call whose state was refused because it has ended. Safe to cancel.
    pub async fn next_ended(&mut self) -> CallId {
        match self.ended.recv().await {
            Some(call) => call,
            None => std::future::pending().await,
        }
    }

    /// Holds back the state of a call until the guard is dropped.
    pub fn notify_guard(&self, call: CallId) -> NotifyGuard {
        NotifyGuard::new(&self.queue, call)
    }

    /// Writes the state of a call, in place of an earlier one.
    pub fn save(&self, save: SaveCall) {
        self.queue.update(Item::Call(save.call), |write| {
            write.state = Some(save.state);
            write.acks.extend(save.acks);
        });
    }

    /// Writes a call that the directory has lost.
    pub fn restore(&self, call: Box<record::Call>, state: String) {
        self.queue.update(Item::Call(call.id), |write| {
            write.lost = Some(call);
            write.state = Some(state);
        });
    }

    /// Discards the unwritten state of a call that has ended. Returns its guards.
    pub fn remove(&self, call: CallId) -> Vec<AckGuard> {
        let mut acks = Vec::new();
        self.queue.update(Item::Call(call), |write| acks = write.discard());
        acks
    }

    /// Writes the sessions on Janus into the connector's record.
    pub fn set_sessions(&self, sessions: Vec<JanusId>) {
        let record = raw(&ConnectorRecord { connector: self.connector.clone(), sessions });
        let mut latest = self.latest.lock();
        if latest.record != record.get() {
            record.get().clone_into(&mut latest.record);
            latest.submit_record(&self.queue);
        }
    }

    /// Writes under this token from now on, and the record again.
    pub fn enter_term(&self, token: FencingToken) {
        let mut latest = self.latest.lock();
        latest.token = token;
        latest.submit_record(&self.queue);
    }

    /// Waits until everything is written.
    pub async fn flushed(&self) {
        self.queue.flushed().await;
    }
}

impl Latest {
    fn submit_record(&self, queue: &WriteQueue) {
        if !self.record.is_empty() {
            queue.update(Item::ConnectorRecord, |write| write.state = Some(self.record.clone()));
        }
    }
}

/// What waits to be written: at most one value a call, and the connector's record.
type WriteQueue = CoalescingQueue<Item, PendingWrite>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    ConnectorRecord,
    Call(CallId),
}

/// The latest state of a call, or the connector's record.
#[derive(Default)]
struct PendingWrite {
    /// How many messages to the call's clients are not on the bus yet. The state waits for them: the next
    /// connector assumes that they were sent.
    unsent: usize,
    state: Option<String>,
    /// The call's record, if the directory has lost it.
    lost: Option<Box<record::Call>>,
    /// The mailbox messages that are handled once the state is written.
    acks: Vec<AckGuard>,
}

impl PendingWrite {
    /// Removes all but the count of unsent messages. Returns the guards.
    fn discard(&mut self) -> Vec<AckGuard> {
        let discarded = std::mem::take(self);
        self.unsent = discarded.unsent;
        discarded.acks
    }
}

impl Coalesce for PendingWrite {
    fn merge_older(&mut self, older: Self) {
        self.state = self.state.take().or(older.state);
        self.lost = self.lost.take().or(older.lost);
        self.acks.extend(older.acks);
    }

    fn is_ready(&self) -> bool {
        self.unsent == 0 && self.state.is_some()
    }

    fn is_empty(&self) -> bool {
        self.unsent == 0 && self.state.is_none()
    }
}

/// Holds back the state of a call while a message to one of its clients is on its way to the bus.
pub struct NotifyGuard {
    queue: Arc<WriteQueue>,
    call: CallId,
}

impl NotifyGuard {
    fn new(queue: &Arc<WriteQueue>, call: CallId) -> Self {
        queue.update(Item::Call(call), |write| write.unsent += 1);
        Self { queue: queue.clone(), call }
    }
}

impl Drop for NotifyGuard {
    fn drop(&mut self) {
        self.queue.update(Item::Call(self.call), |write| write.unsent -= 1);
    }
}

struct WriteTask {
    directory: Directory,
    backend: BackendName,
    queue: Arc<WriteQueue>,
    latest: Arc<Mutex<Latest>>,
    /// Bounded by the number of calls.
    ended: mpsc::UnboundedSender<CallId>,
    ended_checks: JoinSet<()>,
}

impl WriteTask {
    async fn run(mut self) {
        let mut refresh_at = Instant::now() + RECORD_REFRESH_INTERVAL;
        let mut next_flush = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = self.queue.work() => sleep_until(next_flush).await,
                () = sleep_until(refresh_at) => {
                    self.latest.lock().submit_record(&self.queue);
                    refresh_at = Instant::now() + RECORD_REFRESH_INTERVAL;
                }
            }
            next_flush = Instant::now() + FLUSH_INTERVAL;
            self.flush().await;
        }
    }

    async fn flush(&mut self) {
        let batch = self.queue.take_ready();
        let Err(error) = self.write(&batch).await else {
            SAVING.succeeded();
            drop(batch);
            return self.queue.finish();
        };
        warn_failure!(SAVING, %error, backend = %self.backend, "failed to save calls, retrying");
        for (item, write) in batch {
            self.queue.put_back(item, write);
        }
        self.queue.finish();
        sleep(FLUSH_RETRY_DELAY).await;
        self.queue.wake();
    }

    async fn write(&mut self, batch: &BTreeMap<Item, PendingWrite>) -> Result<()> {
        // Read after the batch was taken: no state of a later term is written under an earlier token.
        let token = self.latest.lock().token;
        let (mut restores, mut states) = (Vec::new(), Vec::new());
        for (item, write) in batch {
            let Some(state) = &write.state else { continue };
            match (item, &write.lost) {
                (Item::ConnectorRecord, _) => {
                    self.directory.put_connector_record(&self.backend, token, state).await?;
                }
                (Item::Call(_), Some(lost)) => restores.push((lost, state)),
                (Item::Call(call), None) => states.push((*call, state.clone())),
            }
        }
        for chunk in restores.chunks(MAX_CONCURRENT_RESTORES) {
            let restored = chunk.iter().map(|(call, state)| self.directory.restore_call(call, token, state));
            join_all(restored).await.into_iter().collect::<Result<()>>()?;
        }
        if !states.is_empty() {
            let saved = self.directory.save_calls(token, &states).await?;
            let refused = states.iter().zip(saved).filter(|(_, saved)| !saved);
            refused.for_each(|((call, _), _)| self.check_ended(*call));
        }
        Ok(())
    }

    /// Checks in the background whether a refused call has ended.
    fn check_ended(&mut self, call: CallId) {
        while self.ended_checks.try_join_next().is_some() {}
        let (directory, ended) = (self.directory.clone(), self.ended.clone());
        self.ended_checks.spawn(async move {
            for _ in 0..ENDED_CHECKS {
                sleep(ENDED_CHECK_DELAY).await;
                if directory.has_ended(call).await.unwrap_or_default() {
                    let _ = ended.send(call);
                    return;
                }
            }
        });
    }
}
