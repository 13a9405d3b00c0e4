//! Stores sessions in the directory in the background, off the path of requests.
//!
//! All connections submit their changed sessions at the same time, [`SessionWriter::next_flush`], and many sessions go
//! in one round trip. The latest state of each session waits in the queue, so the number of sessions bounds it. While
//! the directory is unavailable the writes stay in the queue and are repeated after a growing delay. With the state of
//! a session, the messages that led to it are acknowledged.
//!
//! A session that the directory has lost is created there again. A session that another edge owns is dropped by its
//! connection.

use crate::context::EdgeContext;
use crate::metrics;
use crate::registry::{Inbound, InboxSender, Registry};
use bus::ack_tracker::AckGuard;
use common::coalescing_queue::{Coalesce, CoalescingQueue};
use common::sync::Mutex;
use common::time::Backoff;
use common::{ErrorLog, warn_failure};
use directory::record::{BacklogUpdate, SaveOutcome, SaveRequest, SessionPolicy};
use protocol::SessionId;
use service::ClientAddress;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

static SAVING: ErrorLog = ErrorLog::new("storing sessions");
static RESTORING: ErrorLog = ErrorLog::new("restoring lost sessions");

/// How long changed sessions wait before their connections submit them.
const FLUSH_INTERVAL: Duration = Duration::from_millis(9);
/// How long the writer waits for further sessions after the first. Together with [`FLUSH_INTERVAL`] that is the 10 ms
/// that docs/failure.md promises.
const COALESCE_WINDOW: Duration = Duration::from_millis(1);
/// The size of one round trip to the directory; the bytes are approximate.
const MAX_BATCH_SESSIONS: usize = 256;
const MAX_BATCH_BYTES: usize = 1 << 20;
/// The delays between retries. The longest is shorter than a claim waits for the writer.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(500);

/// A session that waits to be stored.
pub struct PendingWrite {
    pub session: SessionId,
    /// The result of [`Session::snapshot`](crate::session::Session::snapshot).
    pub state: String,
    /// All messages that the client has not received.
    pub backlog: Vec<Arc<str>>,
    /// How many of these are stored, or part of an earlier write.
    pub already_stored: usize,
    pub disconnected_since: Option<Instant>,
    /// The address of the client, if the connection knows one.
    pub client: Option<ClientAddress>,
    /// Guards of the messages whose effect is in `state`.
    pub ack_guards: Vec<AckGuard>,
    /// The connection that has the session.
    pub owner: InboxSender,
}

impl PendingWrite {
    /// Forgets how much of the backlog is stored, because the write has failed or may have failed.
    fn reset_stored(mut self) -> Self {
        self.already_stored = 0;
        self
    }

    fn to_save_request(&self) -> SaveRequest {
        let messages = self.backlog.iter().skip(self.already_stored).map(|text| text.to_string()).collect();
        let backlog = match self.already_stored {
            0 => BacklogUpdate::Replace(messages),
            _ => BacklogUpdate::Append(messages),
        };
        let away = self.disconnected_since.map(|since| since.elapsed());
        let client = self.client.map(|address| address.to_string());
        SaveRequest { session: self.session, state: self.state.clone(), backlog, away, client }
    }

    /// The approximate size on the wire.
    fn bytes(&self) -> usize {
        let messages = self.backlog.iter().skip(self.already_stored);
        self.state.len() + messages.map(|text| text.len()).sum::<usize>()
    }
}

impl Coalesce for PendingWrite {
    fn merge_older(&mut self, older: Self) {
        self.already_stored = self.already_stored.min(older.already_stored);
        self.ack_guards.extend(older.ack_guards);
    }
}

/// The writer of all sessions of an edge.
pub struct SessionWriter {
    context: Arc<EdgeContext>,
    registry: Arc<Registry>,
    queue: CoalescingQueue<SessionId, PendingWrite>,
    flush_requested: Notify,
    next_flush: Mutex<Option<Instant>>,
}

impl SessionWriter {
    pub fn new(context: Arc<EdgeContext>, registry: Arc<Registry>) -> Self {
        Self {
            context,
            registry,
            queue: CoalescingQueue::default(),
            flush_requested: Notify::new(),
            next_flush: Mutex::new(None),
        }
    }

    pub fn submit(&self, write: PendingWrite) {
        self.queue.submit(write.session, write);
    }

    /// When the connections submit a session that has changed now.
    pub fn next_flush(&self, now: Instant) -> Instant {
        let mut next_flush = self.next_flush.lock();
        let scheduled = next_flush.filter(|at| *at > now);
        *next_flush.insert(scheduled.unwrap_or(now + FLUSH_INTERVAL))
    }

    /// Writes the queue without waiting for further sessions.
    pub fn flush_now(&self) {
        self.flush_requested.notify_one();
    }

    /// Removes the write of a session that has ended.
    pub fn discard(&self, session: SessionId) {
        self.queue.remove(session);
    }

    /// Waits until the queue is written.
    pub async fn flushed(&self) {
        self.queue.flushed().await;
    }

    /// Waits until what was submitted of a session is written.
    pub async fn persisted(&self, session: SessionId) {
        self.queue.written(session).await;
    }

    /// Writes the queue. Never ends.
    pub async fn run(self: Arc<Self>) {
        let mut backoff = Backoff::new(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
        loop {
            self.queue.work().await;
            let _ = timeout(COALESCE_WINDOW, self.flush_requested.notified()).await;
            if self.write_all().await {
                backoff.reset();
            } else {
                backoff.wait().await;
                self.queue.wake();
            }
        }
    }

    /// Writes what is ready. False after a failure; what is not written is in the queue again.
    async fn write_all(&self) -> bool {
        let mut writes = self.queue.take_ready().into_values();
        let mut is_successful = true;
        while is_successful {
            let batch = next_batch(&mut writes);
            if batch.is_empty() {
                break;
            }
            is_successful = self.write(batch).await;
        }
        writes.for_each(|write| self.put_back(write));
        self.queue.finish();
        metrics::set_unsaved(self.queue.pending());
        is_successful
    }

    async fn write(&self, batch: Vec<PendingWrite>) -> bool {
        let began = Instant::now();
        let saves: Vec<SaveRequest> = batch.iter().map(PendingWrite::to_save_request).collect();
        let saved = self.context.directory.save_sessions(&self.context.id, &saves).await;
        metrics::sessions_saved(began.elapsed(), if saved.is_ok() { batch.len() } else { 0 });
        match saved {
            Ok(outcomes) => {
                SAVING.succeeded();
                let mut is_successful = true;
                for (write, outcome) in batch.into_iter().zip(outcomes) {
                    is_successful &= self.apply_outcome(write, outcome).await;
                }
                is_successful
            }
            Err(error) => {
                warn_failure!(SAVING, %error, sessions = batch.len(), "failed to persist sessions, retrying");
                batch.into_iter().for_each(|write| self.put_back(write));
                false
            }
        }
    }

    async fn apply_outcome(&self, write: PendingWrite, outcome: SaveOutcome) -> bool {
        match outcome {
            SaveOutcome::Saved => true,
            SaveOutcome::Missing => self.restore(write).await,
            SaveOutcome::OwnedBy(edge) => {
                tracing::debug!(session = %write.session, %edge, "another edge owns a session, dropping it");
                let _ = write.owner.send(Inbound::Lost(write.session));
                self.context.ack_later(write.ack_guards);
                true
            }
        }
    }

    /// Creates a session again that the directory has lost.
    async fn restore(&self, write: PendingWrite) -> bool {
        let session = write.session;
        let Some(token_digest) = self.registry.token_digest(session) else { return true };
        let policy = SessionPolicy { token_digest, grace: self.context.limits.reclaim_timeout };
        let created = self.context.directory.open_session(session, &self.context.id, &policy).await;
        match &created {
            Ok(true) => {
                RESTORING.succeeded();
                metrics::session_restored();
                let _ = write.owner.send(Inbound::Restore(session));
            }
            Ok(false) => RESTORING.succeeded(),
            Err(error) => {
                warn_failure!(RESTORING, %error, %session, "failed to restore a lost session, retrying")
            }
        }
        self.put_back(write);
        self.queue.wake();
        created.is_ok()
    }

    /// Puts back a write that has failed, or may have failed.
    fn put_back(&self, write: PendingWrite) {
        self.queue.put_back(write.session, write.reset_stored());
    }
}

fn next_batch(writes: &mut impl Iterator<Item = PendingWrite>) -> Vec<PendingWrite> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < MAX_BATCH_SESSIONS && bytes < MAX_BATCH_BYTES {
        let Some(write) = writes.next() else { break };
        bytes += write.bytes();
        batch.push(write);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(backlog: &[&str], already_stored: usize) -> PendingWrite {
        PendingWrite {
            session: SessionId(1),
            state: "{}".to_owned(),
            backlog: backlog.iter().map(|text| Arc::from(*text)).collect(),
            already_stored,
            disconnected_since: None,
            client: None,
            ack_guards: Vec::new(),
            owner: InboxSender::new().0,
        }
    }

    fn replace(texts: &[&str]) -> BacklogUpdate {
        BacklogUpdate::Replace(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn append(texts: &[&str]) -> BacklogUpdate {
        BacklogUpdate::Append(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn stored_messages_are_not_written_again() {
        assert_eq!(write(&["a", "b"], 0).to_save_request().backlog, replace(&["a", "b"]));
        assert_eq!(write(&["a", "b"], 1).to_save_request().backlog, append(&["b"]));
    }

    #[test]
    fn newer_write_includes_the_messages_of_an_older_one() {
        let mut newer = write(&["a", "b", "c"], 2);
        newer.merge_older(write(&["a", "b"], 1));
        assert_eq!(newer.to_save_request().backlog, append(&["b", "c"]));
        let mut second = write(&["a", "b"], 1);
        second.merge_older(write(&["a"], 0));
        assert_eq!(second.to_save_request().backlog, replace(&["a", "b"]));
    }

    #[test]
    fn failed_write_replaces_the_whole_backlog() {
        let failed = write(&["a", "b"], 1).reset_stored();
        assert_eq!(failed.to_save_request().backlog, replace(&["a", "b"]));
    }
}
