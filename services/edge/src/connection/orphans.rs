//! Sessions that this edge holds in the directory, and that are at none of its connections: another edge
//! asked for one and did not take it, or the directory did not say whether something was done. Nobody
//! else would end them: a router looks only after those of edges that are gone.

use super::Connection;
use crate::shared::Shared;
use crate::takeover::claim;
use protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a session may be on its way to somebody.
const ADOPTION_DELAY: Duration = Duration::from_secs(5);

/// If the session turns out to be an orphan, it waits to be claimed as one whose client is away.
pub fn adopt_later(id: SessionId, shared: &Arc<Shared>) {
    let shared = shared.clone();
    shared.background.clone().spawn(async move {
        loop {
            sleep(ADOPTION_DELAY).await;
            match adopt(id, &shared).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, session = %id, "nobody knows whose a session is"),
            }
        }
    });
}

async fn adopt(id: SessionId, shared: &Arc<Shared>) -> directory::Result<()> {
    let record = shared.context.directory.session(id).await?;
    let Some(record) = record.filter(|record| record.edge == shared.context.id) else { return Ok(()) };
    if shared.registry.get(id).is_some() {
        return Ok(());
    }
    let away = record.away.unwrap_or(ADOPTION_DELAY);
    let now = Instant::now();
    let mut connection = Connection::disconnected(now.checked_sub(away).unwrap_or(now), shared.clone());
    let route = connection.sender.clone();
    let claimed = claim::claim(shared, id, record.policy.token_digest.as_deref(), &route).await;
    if let Ok(Some(inherited)) = claimed {
        connection.install(inherited).await;
        shared.connections.spawn(connection.run());
        return Ok(());
    }
    shared.registry.remove_if_owner(id, &route);
    claimed.map(|_| ())
}
