//! Gives back what dead edges held: one router at a time looks for them, and says what it removed.

use crate::verbs::{Failure, release};
use bus::topic::Mailbox;
use protocol::ServiceId;
use service::Context;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_secs(3);
/// An edge gives a sign of life every three seconds.
const DEAD_AFTER: Duration = Duration::from_secs(15);
const LEASE: &str = "reaper";
const LEASE_LIFE: Duration = Duration::from_secs(10);

/// Reaps until the router stops. After the directory was away, edges first get the time to give a
/// sign of life again.
pub async fn reap(context: Context) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let mut reachable_since = Instant::now();
    loop {
        ticks.tick().await;
        if let Err(error) = look(&context, reachable_since).await {
            tracing::warn!(%error, "dead edges could not be looked for");
            reachable_since = Instant::now();
        }
    }
}

async fn look(context: &Context, reachable_since: Instant) -> Result<(), Failure> {
    let has_lease = context.directory.lease(LEASE, &context.id, LEASE_LIFE).await?.is_some();
    if !has_lease || reachable_since.elapsed() < DEAD_AFTER {
        return Ok(());
    }
    for edge in context.directory.silent_edges(DEAD_AFTER).await? {
        bury(context, &edge).await?;
    }
    Ok(())
}

async fn bury(context: &Context, edge: &ServiceId) -> Result<(), Failure> {
    let (handles, sessions) = context.directory.held_by(edge).await?;
    tracing::warn!(%edge, handles = handles.len(), sessions = sessions.len(), "removing what a dead edge held");
    for handle in handles {
        release::release(context, handle).await?;
    }
    for session in sessions {
        context.directory.close_session(session, edge).await?;
    }
    context.directory.forget_edge(edge).await?;
    context.bus.close(&Mailbox::Edge(edge.clone())).await?;
    Ok(())
}
