//! Sessions that this edge owns in the directory and that no connection has. For example, another edge has requested a
//! session and did not claim it, or the directory did not confirm a change. Routers end only the sessions of dead
//! edges, so this edge has to end its own.

use super::Connection;
use crate::components::Components;
use protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a session may be on its way between connections or edges.
const ADOPTION_DELAY: Duration = Duration::from_secs(5);

/// If the session is an orphan after [`ADOPTION_DELAY`], keeps it like one whose client is disconnected.
pub fn adopt_later(id: SessionId, parts: &Arc<Components>) {
    let tasks = parts.context.background.clone();
    let parts = parts.clone();
    tasks.spawn(async move {
        loop {
            sleep(ADOPTION_DELAY).await;
            match adopt(id, &parts).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, session = %id, "failed to look up the owner of a session, retrying");
                }
            }
        }
    });
}

async fn adopt(id: SessionId, parts: &Arc<Components>) -> directory::Result<()> {
    let Some(record) = parts.context.directory.session(id).await? else { return Ok(()) };
    if record.edge != parts.context.id || parts.registry.owner(id).is_some() {
        return Ok(());
    }
    let disconnected_for = record.away.unwrap_or(ADOPTION_DELAY);
    let now = Instant::now();
    let since = now.checked_sub(disconnected_for).unwrap_or(now);
    let mut connection = Connection::disconnected(since, parts.clone());
    let sender = connection.sender.clone();
    let claimed = parts.takeover.claim(id, record.policy.token_digest.as_deref(), &sender).await;
    if let Ok(Some(claimed)) = claimed {
        connection.install(claimed).await;
        parts.context.connections.spawn(connection.run());
        return Ok(());
    }
    parts.registry.remove_if_owner(id, &sender);
    claimed.map(|_| ())
}
