//! Reads the edge's mailbox and hands each message to the connection that has the session.

use crate::act::Act;
use crate::handle::undo;
use crate::registry::Inbound;
use crate::shared::Shared;
use bus::MailboxReader;
use bus::message::{Body, Events};
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;

/// Reads until the edge stops.
pub async fn read(mut reader: MailboxReader, shared: Arc<Shared>) {
    loop {
        match reader.next().await.body {
            Body::Events(events) => dispatch(events, &shared).await,
            other => tracing::warn!(kind = other.kind(), "not a message for an edge"),
        }
        reader.done();
    }
}

async fn dispatch(events: Events, shared: &Shared) {
    let Some(route) = shared.registry.get(events.session) else {
        return undo_for_nobody(&events, shared).await;
    };
    match route.inbox.try_send(Inbound::Events(Box::new(events))) {
        Ok(()) => {}
        Err(TrySendError::Closed(Inbound::Events(events))) => undo_for_nobody(&events, shared).await,
        Err(_) => {
            metrics::counter!("switchboard_edge_inbox_overflows_total").increment(1);
            tracing::warn!("a connection does not keep up with its events and is closed");
            route.overflow.cancel();
        }
    }
}

/// A call that comes for a session that is over must not ring for ever, nor a name stay with it.
async fn undo_for_nobody(events: &Events, shared: &Shared) {
    let mut acts = Vec::new();
    undo(events, &mut acts);
    for act in acts {
        if let Act::Send(road, message, who) = act
            && let Err(error) = shared.send(&road, &message, who).await
        {
            tracing::warn!(%error, "what came about for a session that is over could not be undone");
        }
    }
}
