//! Ends calls in the directory: frees their handles and stores the final notices there, sends the notices,
//! then deletes the call. If the connector dies in between, the next one sends the notices.
//!
//! While the directory cannot be reached, clients are not notified: their handles are not free yet. A call
//! that another connector has taken over continues there, and its clients are not notified here.

use crate::calls::action::{EndedCall, FinalNotices};
use crate::metrics;
use crate::outbox::Outbox;
use crate::undelivered::DeliveryGuard;
use bus::ack_tracker::AckGuard;
use common::{CallId, ErrorLog, warn_failure};
use directory::Directory;
use directory::record::{Call, EndOutcome, FencingToken};
use protocol::raw;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

static ENDING: ErrorLog = ErrorLog::new("ending calls");
static FREEING: ErrorLog = ErrorLog::new("freeing the handles of ended calls");

/// The pause before a failed request to the directory is repeated.
const DIRECTORY_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Ends the calls of a backend. Dropping it stops its tasks at once, wherever they are.
pub struct Finalizer {
    directory: Directory,
    outbox: Outbox,
    tasks: TaskTracker,
    dropped: CancellationToken,
    _guard: DropGuard,
}

impl Finalizer {
    pub fn new(directory: Directory, outbox: Outbox) -> Self {
        let dropped = CancellationToken::new();
        let _guard = dropped.clone().drop_guard();
        Self { directory, outbox, tasks: TaskTracker::new(), dropped, _guard }
    }

    /// Ends a call in the background, under the lease with this token.
    pub fn finalize(&self, ended: EndedCall, token: FencingToken) {
        let task = finalize_call(self.directory.clone(), self.outbox.clone(), token, ended);
        self.tasks.spawn(self.dropped.clone().run_until_cancelled_owned(task));
    }

    /// Waits until all calls that were passed to [`finalize`](Self::finalize) are deleted.
    pub async fn wait_idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Ends one call. The mailbox messages that led to the end are acknowledged once the notices are on the bus.
async fn finalize_call(directory: Directory, outbox: Outbox, token: FencingToken, ended: EndedCall) {
    let EndedCall { call, notices, acks } = ended;
    let freed = match free_handles(&directory, call, token, &notices).await {
        EndOutcome::Superseded => {
            warn_failure!(ENDING, %call, "another connector has taken over an ended call, leaving it there");
            return;
        }
        EndOutcome::Ended(record) => Some(record),
        EndOutcome::NotFound => None,
    };
    let sent = send_notices(&outbox, notices, acks).await;
    sent.cancelled().await;
    if let Some(record) = freed {
        delete_record(&directory, &record).await;
    }
}

/// Holds the mailbox messages that led to the end of a call until all notices are on the bus, or are given up.
#[derive(Clone)]
struct NoticeGuard {
    _acks: Arc<Vec<AckGuard>>,
    _sent: Arc<DropGuard>,
}

impl DeliveryGuard for NoticeGuard {}

/// Returns a token that is cancelled once all notices are on the bus, or are given up.
async fn send_notices(outbox: &Outbox, notices: FinalNotices, acks: Vec<AckGuard>) -> CancellationToken {
    let FinalNotices { client_events, proxy_refusal, second_attempt, log } = notices;
    let sent = CancellationToken::new();
    let guard = NoticeGuard { _acks: Arc::new(acks), _sent: Arc::new(sent.clone().drop_guard()) };
    for (edge, events) in client_events {
        outbox.send_last(edge, events, Box::new(guard.clone())).await;
    }
    if let Some((rest, reply)) = proxy_refusal {
        outbox.reply_to_rest(rest, reply, Box::new(guard.clone()));
    }
    if let Some(second_attempt) = second_attempt {
        metrics::record_second_attempt();
        outbox.try_again(*second_attempt, Box::new(guard));
    }
    if let Some((record, kind)) = log {
        metrics::record_ended(kind);
        outbox.log(record);
    }
    sent
}

async fn free_handles(
    directory: &Directory,
    call: CallId,
    token: FencingToken,
    notices: &FinalNotices,
) -> EndOutcome {
    let notices = raw(notices);
    loop {
        match directory.end_call(call, Some(token), Some(notices.get())).await {
            Ok(outcome) => {
                FREEING.succeeded();
                return outcome;
            }
            Err(error) => {
                warn_failure!(FREEING, %error, %call, "failed to free the handles of an ended call, retrying");
            }
        }
        tokio::time::sleep(DIRECTORY_RETRY_DELAY).await;
    }
}

async fn delete_record(directory: &Directory, call: &Call) {
    while let Err(error) = directory.delete_call(call).await {
        tracing::debug!(%error, call = %call.id, "failed to delete an ended call, retrying");
        tokio::time::sleep(DIRECTORY_RETRY_DELAY).await;
    }
}
