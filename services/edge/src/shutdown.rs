//! How an edge stops, within the bound it is given, whatever hangs.
//!
//! Where other edges can go on with its sessions they are left to them: sockets are closed one after the
//! other, each client comes back elsewhere, and what nobody has heard is written down or stays in the
//! mailbox. Where there are none, sessions end and their peers are told.

use crate::shared::Shared;
use bus::topic::Mailbox;
use tokio::time::timeout;

/// The part of the time that is kept for the last word to the directory.
const DEREGISTER_SHARE: u32 = 4;

/// Stops; the context is shut down already.
pub async fn run(shared: &Shared) {
    let parting = shared.context.shutdown_policy;
    let last = parting.timeout / DEREGISTER_SHARE;
    let work = async {
        match parting.hand_over {
            true => hand_over(shared).await,
            false => shared.connections.wait().await,
        }
    };
    let all_is_done = timeout(parting.timeout - last, work).await.is_ok();
    if !all_is_done {
        tracing::warn!("the edge stops although not everything is done");
    }
    shared.mailbox_closed.cancel();
    let word = async {
        match parting.hand_over {
            true if all_is_done => deregister(shared).await,
            // Sessions that do not say since when their clients are away count from now.
            true => {}
            false => remove_from_cluster(shared).await,
        }
    };
    if timeout(last, word).await.is_err() {
        tracing::warn!("the edge stops without a last word");
    }
}

/// Every client is sent away, and every session written down as one whose client is away.
async fn hand_over(shared: &Shared) {
    shared.all_disconnected().await;
    shared.mailbox_closed.cancel();
    shared.writer.flushed().await;
}

/// From now on others take the sessions without asking.
async fn deregister(shared: &Shared) {
    if let Err(error) = shared.context.directory.deregister_edge(&shared.context.id).await {
        tracing::warn!(%error, "the edge could not take its leave");
    }
}

/// What cannot be removed now is removed by a router, which takes a silent edge as dead.
async fn remove_from_cluster(shared: &Shared) {
    let context = &shared.context;
    if let Err(error) = context.bus.close(&Mailbox::Edge(context.id.clone())).await {
        tracing::warn!(%error, "the mailbox could not be closed");
    }
    if let Err(error) = context.directory.remove_edge(&context.id).await {
        tracing::warn!(%error, "the edge could not take its leave");
    }
}
