//! Ends the sessions of edges that stopped sending heartbeats. Until its grace is over, a session can be
//! claimed at another edge. The grace counts from when the client disconnected, or else from the latest
//! moment at which the edge can have died. Then the session is closed and its handles are released. A session
//! that another edge has claimed is left alone.
//!
//! An edge that owns nothing any more is removed only after [`REMOVAL_DELAY`], because an edge that has just
//! claimed a session still reads its mailbox. On removal, handles that a claim left behind are moved to the
//! edge that claimed their session.
//!
//! On removal, events left in the mailbox are forwarded too, if another edge claimed their session before this
//! one died. Connectors sent them to the old address. An edge that claims a session from a dead edge reads that
//! edge's mailbox itself. Only events with a sequence are forwarded, because an edge recognises those that it
//! has applied already. An event by which a client joins a call is dropped when its handle is not in that call
//! any more.

use crate::handlers::HandlerError;
use crate::handlers::end::release;
use crate::metrics;
use crate::replies::send_events;
use bus::SendError;
use bus::message::{Body, Change, ClientMoved, Events, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use directory::record::Session;
use futures_util::future::try_join_all;
use protocol::{HandleRef, SessionId};
use service::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How often an edge sends a heartbeat. An edge may have died just before the next one was due.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// An edge without a heartbeat for this long is dead or suspended.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an edge must be seen without a heartbeat before anything of it is ended. When Redis' clock jumps ahead, all
/// edges seem silent until their next heartbeat.
const CONFIRMATION_TIME: Duration = Duration::from_secs(2);
/// How long an edge that owns nothing any more is kept.
const REMOVAL_DELAY: Duration = Duration::from_secs(15);
/// How many sessions or handles are looked up concurrently.
const BATCH_SIZE: usize = 64;

/// The dead edges, each with its next step.
#[derive(Default)]
pub struct DeadEdges {
    next_steps: BTreeMap<ServiceId, NextStep>,
}

#[derive(Clone, Copy)]
enum NextStep {
    /// Check its sessions: the grace of one may be over then.
    Check(Instant),
    /// Remove it: it owns nothing.
    Remove(Instant),
}

impl DeadEdges {
    /// Does the steps that are due.
    pub async fn tick(&mut self, context: &Context) -> Result<(), HandlerError> {
        let stale = context.directory.stale_edges(HEARTBEAT_TIMEOUT).await?;
        self.next_steps.retain(|edge, _| stale.contains(edge));
        for edge in stale {
            match self.next_steps.get(&edge).copied() {
                Some(NextStep::Check(at) | NextStep::Remove(at)) if Instant::now() < at => {}
                Some(NextStep::Remove(_)) => remove(context, &edge).await?,
                None => {
                    let confirmed_at = Instant::now() + CONFIRMATION_TIME;
                    self.next_steps.insert(edge, NextStep::Check(confirmed_at));
                }
                Some(NextStep::Check(_)) => {
                    let next = next_step(end_expired_sessions(context, &edge).await?);
                    self.next_steps.insert(edge, next);
                }
            }
        }
        Ok(())
    }
}

fn next_step(claimable_for: Option<Duration>) -> NextStep {
    match claimable_for {
        Some(claimable_for) => NextStep::Check(Instant::now() + claimable_for),
        None => NextStep::Remove(Instant::now() + REMOVAL_DELAY),
    }
}

/// Closes the sessions whose grace is over, and releases the handles of closed sessions. Returns the shortest
/// time for which one of the other sessions can still be claimed; `None` when there are none.
async fn end_expired_sessions(context: &Context, edge: &ServiceId) -> Result<Option<Duration>, HandlerError> {
    let Some(silence) = context.directory.since_heartbeat(edge).await? else { return Ok(None) };
    let (handles, listed) = context.directory.owned_by(edge).await?;
    let sessions = owned_sessions(context, edge, &listed).await?;
    let dead_for = silence.saturating_sub(HEARTBEAT_INTERVAL);
    let claimable_for =
        |session: &Session| session.policy.grace.saturating_sub(session.away.unwrap_or(dead_for));
    let (expired, claimable): (BTreeMap<_, _>, BTreeMap<_, _>) =
        sessions.into_iter().partition(|(_, session)| claimable_for(session).is_zero());
    for session in expired.keys() {
        context.directory.close_session(*session, edge).await?;
    }
    let mut candidates = handles;
    candidates.retain(|handle| !claimable.contains_key(&handle.session));
    candidates.extend(handles_on_other_edges(context, edge, &expired).await?);
    let released = release_orphans(context, &candidates).await?;
    metrics::sessions_reaped(expired.len());
    if !expired.is_empty() || released > 0 {
        let closed = expired.len();
        tracing::warn!(%edge, sessions = closed, handles = released, "closed the unclaimed sessions of a dead edge");
    }
    Ok(claimable.values().map(claimable_for).min())
}

/// Returns the handles of closed sessions that other edges own: this edge died while it claimed the session.
async fn handles_on_other_edges(
    context: &Context,
    edge: &ServiceId,
    closed: &BTreeMap<SessionId, Session>,
) -> Result<Vec<HandleRef>, HandlerError> {
    if closed.is_empty() {
        return Ok(Vec::new());
    }
    let all = context.directory.stale_edges(Duration::ZERO).await?;
    let others = all.iter().filter(|other| *other != edge);
    let owned = try_join_all(others.map(|other| context.directory.owned_by(other))).await?;
    let handles = owned.into_iter().flat_map(|(handles, _)| handles);
    Ok(handles.filter(|handle| closed.contains_key(&handle.session)).collect())
}

/// Returns those of the listed sessions that the edge owns.
async fn owned_sessions(
    context: &Context,
    edge: &ServiceId,
    listed: &[SessionId],
) -> Result<BTreeMap<SessionId, Session>, HandlerError> {
    let mut owned = BTreeMap::new();
    for batch in listed.chunks(BATCH_SIZE) {
        let found = try_join_all(batch.iter().map(|session| context.directory.session(*session))).await?;
        let found = batch.iter().zip(found).filter_map(|(id, session)| Some((*id, session?)));
        owned.extend(found.filter(|(_, session)| session.edge == *edge));
    }
    Ok(owned)
}

/// Releases the handles without a session, and returns how many.
async fn release_orphans(context: &Context, handles: &[HandleRef]) -> Result<usize, HandlerError> {
    let mut released = 0;
    for batch in handles.chunks(BATCH_SIZE) {
        let sessions: BTreeSet<SessionId> = batch.iter().map(|handle| handle.session).collect();
        let found = try_join_all(sessions.iter().map(|session| context.directory.session(*session))).await?;
        let open: BTreeSet<SessionId> =
            sessions.into_iter().zip(found).filter_map(|(id, session)| session.map(|_| id)).collect();
        let orphans = batch.iter().filter(|handle| !open.contains(&handle.session));
        released += try_join_all(orphans.map(|handle| release(context, *handle))).await?.len();
    }
    Ok(released)
}

async fn remove(context: &Context, edge: &ServiceId) -> Result<(), HandlerError> {
    let (left_behind, _) = context.directory.owned_by(edge).await?;
    for handle in left_behind {
        move_to_session_owner(context, edge, handle).await?;
    }
    forward_undelivered(context, edge).await?;
    context.directory.remove_edge(edge).await?;
    context.bus.close(&Mailbox::Edge(edge.clone())).await?;
    tracing::info!(%edge, "removed a dead edge");
    Ok(())
}

async fn move_to_session_owner(
    context: &Context,
    edge: &ServiceId,
    handle: HandleRef,
) -> Result<(), HandlerError> {
    let Some(session) = context.directory.session(handle.session).await? else {
        return release(context, handle).await;
    };
    if let Some(record) = context.directory.handle(handle).await?.filter(|record| record.edge == *edge) {
        context.directory.move_handle(handle, record.username.as_deref(), edge, &session.edge).await?;
    }
    Ok(())
}

/// Forwards the undelivered messages; to be called before the mailbox is closed.
async fn forward_undelivered(context: &Context, edge: &ServiceId) -> Result<(), HandlerError> {
    for (_, message) in context.bus.read_undelivered(&Mailbox::Edge(edge.clone()), None).await? {
        let Body::Events(events) = message.body else { continue };
        if events.sequence.is_none() || joins_ended_call(context, &events).await? {
            continue;
        }
        let session = context.directory.session(events.session).await?;
        if let Some(session) = session.filter(|session| session.edge != *edge) {
            announce_address(context, &events, &session.edge).await?;
            send_events(&context.bus, &session.edge, events).await?;
        }
    }
    Ok(())
}

async fn joins_ended_call(context: &Context, events: &Events) -> Result<bool, HandlerError> {
    if !matches!(events.change, Some(Change::Joined { .. })) {
        return Ok(false);
    }
    let who = HandleRef { session: events.session, handle: events.handle };
    let handle = context.directory.handle(who).await?;
    Ok(handle.and_then(|handle| handle.call) != events.call)
}

/// Sends the client's new address to the connector of a call that the client joins.
async fn announce_address(context: &Context, events: &Events, edge: &ServiceId) -> Result<(), HandlerError> {
    let Some((backend, client_moved)) = ClientMoved::for_joined(events, edge) else { return Ok(()) };
    let message = Message::new(Body::ClientMoved(client_moved));
    match context.bus.post(&Mailbox::Backend(backend), &message).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}
