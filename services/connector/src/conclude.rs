//! The end of calls, outside the decisions: the handles are freed in the directory, which keeps what
//! the clients are to hear; then these are told; then the call is forgotten. A connector that dies on the
//! way leaves it to the next one to tell them.
//!
//! How it fails: while the directory does not answer, the clients wait: their handles are not free. A
//! call that another connector has by now goes on there, and nobody is told anything.

use crate::calls::act::{Ended, Letter};
use crate::numbers;
use crate::outbox::Outbox;
use bus::ledger::Receipt;
use directory::Directory;
use directory::record::{Call, Concluded, Token};
use protocol::{CallId, raw};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The pause before a directory that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// The calls of a backend that are being ended. When this is dropped, they are left as they are.
pub struct Endings {
    directory: Directory,
    outbox: Outbox,
    tasks: TaskTracker,
    dropped: CancellationToken,
    _guard: DropGuard,
}

impl Endings {
    /// None yet.
    pub fn new(directory: Directory, outbox: Outbox) -> Self {
        let dropped = CancellationToken::new();
        let _guard = dropped.clone().drop_guard();
        Self { directory, outbox, tasks: TaskTracker::new(), dropped, _guard }
    }

    /// Ends a call, on behalf of the connector that has the lease with this token.
    pub fn conclude(&self, ended: Ended, token: Token) {
        let concluding = conclude(self.directory.clone(), self.outbox.clone(), token, ended);
        self.tasks.spawn(self.dropped.clone().run_until_cancelled_owned(concluding));
    }

    /// Waits until all that has begun is at its end.
    pub async fn settled(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Frees a call's handles, then tells its clients; writes the log; forgets the call. The messages that
/// led to it are done when that can be read by the clients' edges.
async fn conclude(directory: Directory, outbox: Outbox, token: Token, ended: Ended) {
    let Ended { call, letter, receipts } = ended;
    let freed = match free(&directory, call, token, &letter).await {
        Concluded::NotYours => {
            return tracing::warn!(%call, "another connector has a call that was to be ended here");
        }
        Concluded::Freed(call) => Some(call),
        Concluded::Gone => None,
    };
    let told = tell(&outbox, letter, receipts);
    told.cancelled().await;
    if let Some(call) = freed {
        forget(&directory, &call).await;
    }
}

/// Cancelled when all of it is on the bus, or given up.
fn tell(outbox: &Outbox, letter: Letter, receipts: Vec<Receipt>) -> CancellationToken {
    let Letter { tell, refused, log } = letter;
    let told = CancellationToken::new();
    let witness = Arc::new((receipts, told.clone().drop_guard()));
    for (edge, events) in tell {
        outbox.send(edge, events, Box::new(witness.clone()));
    }
    if let Some((rest, answer)) = refused {
        outbox.answer(rest, answer, Box::new(witness));
    }
    if let Some((line, kind)) = log {
        numbers::ended(kind);
        outbox.log(line);
    }
    told
}

async fn free(directory: &Directory, call: CallId, token: Token, letter: &Letter) -> Concluded {
    let letter = raw(letter);
    let mut waits = false;
    loop {
        match directory.conclude_call(call, Some(token), Some(letter.get())).await {
            Ok(concluded) => return concluded,
            Err(error) if !std::mem::replace(&mut waits, true) => {
                tracing::warn!(%error, %call, "the handles of an ended call cannot be freed yet");
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn forget(directory: &Directory, call: &Call) {
    while let Err(error) = directory.forget_call(call).await {
        tracing::debug!(%error, call = %call.id, "an ended call cannot be forgotten yet");
        tokio::time::sleep(PAUSE).await;
    }
}
