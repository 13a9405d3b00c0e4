//! The end of calls, outside the decisions: the handles are freed in the directory, which keeps what
//! the clients are to hear; then these are told; then the call is forgotten. A connector that dies on the
//! way leaves it to the next one to tell them.
//!
//! How it fails: while the directory does not answer, the clients wait: their handles are not free. A
//! call that another connector has by now goes on there, and nobody is told anything.

use crate::calls::act::{EndedCall, FinalNotices};
use crate::numbers;
use crate::outbox::Outbox;
use bus::ack_tracker::AckGuard;
use common::CallId;
use directory::Directory;
use directory::record::{Call, EndOutcome, FencingToken};
use protocol::raw;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The pause before a directory that does not answer is asked again.
const DIRECTORY_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The calls of a backend that are being ended. When this is dropped, they are left as they are.
pub struct Finalizer {
    directory: Directory,
    outbox: Outbox,
    tasks: TaskTracker,
    dropped: CancellationToken,
    _guard: DropGuard,
}

impl Finalizer {
    /// None yet.
    pub fn new(directory: Directory, outbox: Outbox) -> Self {
        let dropped = CancellationToken::new();
        let _guard = dropped.clone().drop_guard();
        Self { directory, outbox, tasks: TaskTracker::new(), dropped, _guard }
    }

    /// Ends a call, on behalf of the connector that has the lease with this token.
    pub fn finalize(&self, ended: EndedCall, token: FencingToken) {
        let concluding = finalize_call(self.directory.clone(), self.outbox.clone(), token, ended);
        self.tasks.spawn(self.dropped.clone().run_until_cancelled_owned(concluding));
    }

    /// Waits until all that has begun is at its end.
    pub async fn wait_idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Frees a call's handles, then tells its clients; writes the log; forgets the call. The messages that
/// led to it are done when that can be read by the clients' edges.
async fn finalize_call(directory: Directory, outbox: Outbox, token: FencingToken, ended: EndedCall) {
    let EndedCall { call, notices: letter, acks: receipts } = ended;
    let freed = match free_handles(&directory, call, token, &letter).await {
        EndOutcome::Superseded => {
            return tracing::warn!(%call, "another connector has a call that was to be ended here");
        }
        EndOutcome::Ended(call) => Some(call),
        EndOutcome::NotFound => None,
    };
    let told = send_notices(&outbox, letter, receipts);
    told.cancelled().await;
    if let Some(call) = freed {
        delete_record(&directory, &call).await;
    }
}

/// Cancelled when all of it is on the bus, or given up.
fn send_notices(outbox: &Outbox, letter: FinalNotices, receipts: Vec<AckGuard>) -> CancellationToken {
    let FinalNotices { client_events: tell, proxy_refusal: refused, log } = letter;
    let told = CancellationToken::new();
    let witness = Arc::new((receipts, told.clone().drop_guard()));
    for (edge, events) in tell {
        outbox.send(edge, events, Box::new(witness.clone()));
    }
    if let Some((rest, answer)) = refused {
        outbox.reply_to_rest(rest, answer, Box::new(witness));
    }
    if let Some((line, kind)) = log {
        numbers::record_ended(kind);
        outbox.log(line);
    }
    told
}

async fn free_handles(
    directory: &Directory,
    call: CallId,
    token: FencingToken,
    letter: &FinalNotices,
) -> EndOutcome {
    let letter = raw(letter);
    let mut waits = false;
    loop {
        match directory.end_call(call, Some(token), Some(letter.get())).await {
            Ok(concluded) => return concluded,
            Err(error) if !std::mem::replace(&mut waits, true) => {
                tracing::warn!(%error, %call, "the handles of an ended call cannot be freed yet");
            }
            Err(_) => {}
        }
        tokio::time::sleep(DIRECTORY_RETRY_DELAY).await;
    }
}

async fn delete_record(directory: &Directory, call: &Call) {
    while let Err(error) = directory.delete_call(call).await {
        tracing::debug!(%error, call = %call.id, "an ended call cannot be forgotten yet");
        tokio::time::sleep(DIRECTORY_RETRY_DELAY).await;
    }
}
