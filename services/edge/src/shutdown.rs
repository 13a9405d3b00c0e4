//! Graceful shutdown, within the time that is configured for it, even if other services hang.
//!
//! If other edges can take over the sessions, the sockets are closed one after the other, and each client reconnects
//! elsewhere. Its undelivered messages are stored or stay in the mailbox. Otherwise all sessions end.

use crate::components::Components;
use bus::topic::Mailbox;
use tokio::time::timeout;

/// The share of the time, as a divisor, that is kept for deregistering from the directory.
const DEREGISTER_SHARE: u32 = 4;

/// Stops an edge whose `shutdown` token is cancelled.
pub async fn run(parts: &Components) {
    let policy = parts.context.shutdown_policy;
    let deregister_timeout = policy.timeout / DEREGISTER_SHARE;
    let work = async {
        if policy.hand_over {
            hand_over(parts).await;
        } else {
            parts.context.connections.wait().await;
        }
    };
    let is_complete = timeout(policy.timeout - deregister_timeout, work).await.is_ok();
    if !is_complete {
        tracing::warn!("shutdown: the deadline has passed, some sessions were not handed over");
    }
    parts.mailbox_closed.cancel();
    let deregister = async {
        if !policy.hand_over {
            remove(parts).await;
        } else if is_complete {
            deregister(parts).await;
        }
        // Otherwise some stored sessions count as connected. The directory lets them expire from now on, as for an
        // edge that was killed.
    };
    if timeout(deregister_timeout, deregister).await.is_err() {
        tracing::warn!("shutdown: could not deregister the edge before the deadline");
    }
}

/// Waits until every client is disconnected and every session is stored.
async fn hand_over(parts: &Components) {
    parts.context.all_disconnected().await;
    parts.mailbox_closed.cancel();
    parts.writer.flushed().await;
}

/// From now on other edges take over the sessions without a request to this one.
async fn deregister(parts: &Components) {
    if let Err(error) = parts.context.directory.deregister_edge(&parts.context.id).await {
        tracing::warn!(%error, "shutdown: failed to deregister the edge");
    }
}

/// Removes the mailbox and the record of the edge. If that fails, a router removes them later, as for a dead edge.
async fn remove(parts: &Components) {
    let context = &parts.context;
    if let Err(error) = context.bus.close(&Mailbox::Edge(context.id.clone())).await {
        tracing::warn!(%error, "shutdown: failed to close the mailbox");
    }
    if let Err(error) = context.directory.remove_edge(&context.id).await {
        tracing::warn!(%error, "shutdown: failed to remove the edge");
    }
}
