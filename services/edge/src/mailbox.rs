//! Reads the edge's mailbox and hands each message to whom it is for: the connection that has the
//! session, a claim that waits, or the edge that has the session now. A message leaves the mailbox
//! when it is dealt with, see [`ledger`](bus::ledger).

use crate::metrics;
use crate::registry::Inbound;
use crate::session::action::Action;
use crate::session::handle::undo;
use crate::shared::Shared;
use crate::takeover::forwarding;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, Disconnect, Events, Message, Surrender, Surrendered};
use bus::topic::Mailbox;
use bus::{MailboxReader, SendError};
use common::ServiceId;
use protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

/// How often, and with which pause, what is for another edge is sent there.
const FORWARD_RETRY: (u32, Duration) = (20, Duration::from_millis(100));
/// How often, and with which pause, the directory is asked for whom a message is.
const OWNER_LOOKUP_RETRY: (u32, Duration) = (30, Duration::from_secs(1));

/// Reads until the edge parts.
pub async fn read(mut reader: MailboxReader, shared: Arc<Shared>) {
    let ledger = &shared.acks;
    loop {
        tokio::select! {
            biased;
            () = shared.mailbox_closed.cancelled() => return,
            mark = ledger.acked_through() => reader.ack_through(mark),
            message = reader.next() => {
                let receipt = reader.offset().map(|mark| ledger.track(mark)).unwrap_or_default();
                let span = message.span();
                dispatch(message, receipt, &shared).instrument(span).await;
            }
        }
    }
}

async fn dispatch(message: Message, receipt: AckGuard, shared: &Arc<Shared>) {
    match message.body {
        Body::Events(events) => {
            if events.overloaded {
                shared.crowd.note_overload(Instant::now());
            }
            deliver(events, receipt, shared).await;
        }
        Body::Surrender(request) => surrender(request, shared),
        Body::Surrendered(Surrendered { session, .. }) => shared.surrenders.complete(session),
        Body::Disconnect(request) => disconnect(request.session, receipt, shared).await,
        Body::Canary(canary) => shared.canaries.on_returned(&canary),
        other => tracing::warn!(kind = other.kind(), "not a message for an edge"),
    }
}

/// Hands events to the connection that has the session, or to the edge that has it.
pub async fn deliver(events: Events, receipt: AckGuard, shared: &Arc<Shared>) {
    if let Some(route) = shared.registry.get(events.session) {
        let gone = route.send(Inbound::Events(events, receipt)).err();
        // A connection that is gone without a word did not deal with it.
        if let Some(Inbound::Events(_, receipt)) = gone.map(|gone| *gone) {
            receipt.retain();
        }
    } else if let Some(to) = shared.forwarding.get(events.session) {
        forward(&to, events, shared).await;
    } else {
        shared.background.spawn(find_owner(events, receipt, shared.clone()).in_current_span());
    }
}

fn surrender(Surrender { session, to }: Surrender, shared: &Arc<Shared>) {
    let route = shared.registry.get(session);
    if route.is_none_or(|route| route.send(Inbound::SurrenderToEdge(session, to.clone())).is_err()) {
        confirm_surrender(session, to, shared);
    }
}

/// Has the connection that has the session end it, or the edge that has it. One that is at none, because
/// it is on its way, is asked for again by whoever waits for its end.
pub async fn disconnect(session: SessionId, receipt: AckGuard, shared: &Arc<Shared>) {
    if let Some(route) = shared.registry.get(session) {
        let gone = route.send(Inbound::Disconnect(session, receipt)).err();
        if let Some(Inbound::Disconnect(_, receipt)) = gone.map(|gone| *gone) {
            receipt.retain();
        }
    } else if let Some(to) = shared.forwarding.get(session) {
        let message = Message::new(Body::Disconnect(Disconnect { session }));
        if let Err(error) = shared.context.bus.post(&Mailbox::Edge(to), &message).await {
            tracing::warn!(%error, %session, "another edge could not be told to end a session");
        }
    }
}

/// Tells another edge that it can take a session, once that is written down as it is.
pub fn confirm_surrender(session: SessionId, to: ServiceId, shared: &Arc<Shared>) {
    let shared = shared.clone();
    shared.background.clone().spawn(async move {
        shared.writer.persisted(session).await;
        let body = Body::Surrendered(Surrendered { session, from: shared.context.id.clone() });
        if let Err(error) = shared.context.bus.post(&Mailbox::Edge(to), &Message::new(body)).await {
            tracing::warn!(%error, %session, "another edge could not be told that it can take a session");
        }
    });
}

async fn forward(to: &ServiceId, events: Events, shared: &Shared) {
    metrics::message_forwarded();
    forwarding::announce_address(&events, to, shared).await;
    let (mailbox, message) = (Mailbox::Edge(to.clone()), Message::new(Body::Events(events)));
    for _ in 0..FORWARD_RETRY.0 {
        match shared.context.bus.post(&mailbox, &message).await {
            Ok(()) | Err(SendError::NoMailbox) => return,
            Err(error) => tracing::warn!(%error, edge = %to, "a message could not be forwarded yet"),
        }
        sleep(FORWARD_RETRY.1).await;
    }
    tracing::error!(edge = %to, "a message was not forwarded and is lost");
}

/// The session is over, on its way, or another edge's for so long that this one has forgotten it.
async fn find_owner(events: Events, _receipt: AckGuard, shared: Arc<Shared>) {
    for _ in 0..OWNER_LOOKUP_RETRY.0 {
        match shared.context.directory.session(events.session).await {
            Ok(Some(session)) if session.edge != shared.context.id => {
                // While a session moves, two edges may take each other for its owner.
                sleep(FORWARD_RETRY.1).await;
                return forward(&session.edge, events, &shared).await;
            }
            Ok(_) => return undo_for_ended_session(&events, &shared).await,
            Err(error) => {
                tracing::warn!(%error, session = %events.session, "nobody knows whose a session is")
            }
        }
        sleep(OWNER_LOOKUP_RETRY.1).await;
    }
}

/// A call that comes for a session that is over must not ring for ever, nor a name stay with it.
async fn undo_for_ended_session(events: &Events, shared: &Shared) {
    let mut acts = Vec::new();
    undo(events, &mut acts);
    for act in acts {
        if let Action::Publish(road, message, who) = act
            && let Err(error) = shared.publish(&road, &message, who).await
        {
            tracing::warn!(%error, "what came about for a session that is over could not be undone");
        }
    }
}
