//! Reads the edge's mailbox and brings each message to its receiver. A message leaves the mailbox when its effect is
//! stored, see [`ack_tracker`](bus::ack_tracker).

use crate::components::Components;
use crate::registry::Inbound;
use crate::takeover::claim::confirm_surrender;
use bus::MailboxReader;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, Message, Surrender};
use common::{ErrorLog, warn_failure};
use std::sync::Arc;
use tracing::Instrument;

static UNKNOWN_KIND: ErrorLog = ErrorLog::new("understanding messages");

/// Reads until the mailbox is closed.
pub async fn run(mut reader: MailboxReader, parts: Arc<Components>) {
    let acks = &parts.acks;
    loop {
        tokio::select! {
            biased;
            () = parts.mailbox_closed.cancelled() => return,
            offset = acks.acked_through() => reader.ack_through(offset),
            message = reader.next() => {
                let guard = reader.offset().map(|offset| acks.track(offset)).unwrap_or_default();
                let span = message.span();
                dispatch(message, guard, &parts).instrument(span).await;
            }
        }
    }
}

async fn dispatch(message: Message, guard: AckGuard, parts: &Components) {
    match message.body {
        Body::Events(events) => {
            if events.overloaded {
                parts.publisher.note_overload();
            }
            parts.delivery.deliver(events, guard).await;
        }
        Body::Surrender(request) => surrender(request, parts),
        Body::Surrendered(surrendered) => parts.takeover.surrenders.complete(surrendered.session),
        Body::Disconnect(request) => parts.delivery.disconnect(request.session, guard).await,
        Body::Canary(returned) => parts.canaries.iter().for_each(|(_, canary)| canary.received(&returned)),
        other => {
            warn_failure!(UNKNOWN_KIND, kind = other.kind(), "dropped a message that is not for an edge")
        }
    }
}

fn surrender(Surrender { session, to }: Surrender, parts: &Components) {
    let owner = parts.registry.owner(session);
    if owner.is_none_or(|owner| owner.send(Inbound::SurrenderToEdge(session, to.clone())).is_err()) {
        confirm_surrender(&parts.context, &parts.writer, session, to);
    }
}
