//! Edges that have gone silent: a session of one can be claimed at any other edge until its grace is
//! over, counted from when its client left, or from when the edge can have died at the latest. Then it
//! ends, and its handles are released. What another edge has claimed is left alone.
//!
//! An edge that holds nothing any more is forgotten, but not at once: whoever has just claimed a
//! session still reads in its mailbox. Handles that were left behind by an edge that died while it
//! claimed their session then follow it; if nobody claimed that either, they are looked for at all edges.

use super::mail;
use crate::numbers;
use crate::verbs::{HandlerError, release};
use bus::topic::Mailbox;
use common::ServiceId;
use directory::record::Session;
use futures_util::future::try_join_all;
use protocol::{HandleRef, SessionId};
use service::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How often an edge gives a sign of life. It may have died just before the next.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// An edge that gives none for so long is dead or frozen.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an edge that holds nothing any more is kept in mind.
pub const REMOVAL_DELAY: Duration = Duration::from_secs(15);
/// How many sessions or handles are looked at in one go.
const BATCH_SIZE: usize = 64;

/// The silent edges, and when to look at each again.
#[derive(Default)]
pub struct DeadEdges {
    next_steps: BTreeMap<ServiceId, NextStep>,
}

#[derive(Clone, Copy)]
enum NextStep {
    /// A session may be over then.
    Check(Instant),
    /// It holds nothing, and is forgotten then.
    Remove(Instant),
}

impl DeadEdges {
    /// Looks at those that are due.
    pub async fn tick(&mut self, context: &Context) -> Result<(), HandlerError> {
        let silent = context.directory.stale_edges(HEARTBEAT_TIMEOUT).await?;
        self.next_steps.retain(|edge, _| silent.contains(edge));
        for edge in silent {
            match self.next_steps.get(&edge).copied() {
                Some(NextStep::Check(at) | NextStep::Remove(at)) if Instant::now() < at => {}
                Some(NextStep::Remove(_)) => remove(context, &edge).await?,
                Some(NextStep::Check(_)) | None => {
                    let next = next_step(end_expired_sessions(context, &edge).await?);
                    self.next_steps.insert(edge, next);
                }
            }
        }
        Ok(())
    }
}

fn next_step(left: Option<Duration>) -> NextStep {
    match left {
        Some(left) => NextStep::Check(Instant::now() + left),
        None => NextStep::Remove(Instant::now() + REMOVAL_DELAY),
    }
}

/// Ends the sessions whose grace is over, and releases the handles of all that have ended. Returns
/// how long the first of the others may still be claimed; none where there is no other.
async fn end_expired_sessions(context: &Context, edge: &ServiceId) -> Result<Option<Duration>, HandlerError> {
    let Some(silence) = context.directory.since_heartbeat(edge).await? else { return Ok(None) };
    let (handles, listed) = context.directory.owned_by(edge).await?;
    let sessions = owned_sessions(context, edge, &listed).await?;
    let dead = silence.saturating_sub(HEARTBEAT_INTERVAL);
    let left = |session: &Session| session.terms.grace.saturating_sub(session.away.unwrap_or(dead));
    let (over, claimable): (BTreeMap<_, _>, BTreeMap<_, _>) =
        sessions.into_iter().partition(|(_, session)| left(session).is_zero());
    for session in over.keys() {
        context.directory.close_session(*session, edge).await?;
    }
    let unsure = handles.into_iter().filter(|handle| !claimable.contains_key(&handle.session));
    let mut unsure: Vec<HandleRef> = unsure.collect();
    unsure.extend(handles_on_other_edges(context, edge, &over).await?);
    let released = release_orphans(context, &unsure).await?;
    numbers::sessions_reaped(over.len());
    if !over.is_empty() || released > 0 {
        tracing::warn!(%edge, sessions = over.len(), handles = released, "ended what a dead edge held and nobody claimed");
    }
    Ok(claimable.values().map(left).min())
}

/// Handles of sessions that are over which another edge holds: this one died before it had them all.
async fn handles_on_other_edges(
    context: &Context,
    edge: &ServiceId,
    over: &BTreeMap<SessionId, Session>,
) -> Result<Vec<HandleRef>, HandlerError> {
    if over.is_empty() {
        return Ok(Vec::new());
    }
    let all = context.directory.stale_edges(Duration::ZERO).await?;
    let others = all.iter().filter(|other| *other != edge);
    let held = try_join_all(others.map(|other| context.directory.owned_by(other))).await?;
    let handles = held.into_iter().flat_map(|(handles, _)| handles);
    Ok(handles.filter(|handle| over.contains_key(&handle.session)).collect())
}

/// Those of the sessions that the edge holds.
async fn owned_sessions(
    context: &Context,
    edge: &ServiceId,
    listed: &[SessionId],
) -> Result<BTreeMap<SessionId, Session>, HandlerError> {
    let mut held = BTreeMap::new();
    for some in listed.chunks(BATCH_SIZE) {
        let found = try_join_all(some.iter().map(|session| context.directory.session(*session))).await?;
        let found = some.iter().zip(found).filter_map(|(id, session)| Some((*id, session?)));
        held.extend(found.filter(|(_, session)| session.edge == *edge));
    }
    Ok(held)
}

/// Releases the handles whose session is no more; returns how many.
async fn release_orphans(context: &Context, handles: &[HandleRef]) -> Result<usize, HandlerError> {
    let mut released = 0;
    for some in handles.chunks(BATCH_SIZE) {
        let sessions: BTreeSet<SessionId> = some.iter().map(|handle| handle.session).collect();
        let found = try_join_all(sessions.iter().map(|session| context.directory.session(*session))).await?;
        let alive: BTreeSet<SessionId> =
            sessions.into_iter().zip(found).filter_map(|(id, session)| session.map(|_| id)).collect();
        let orphans = some.iter().filter(|handle| !alive.contains(&handle.session));
        released += try_join_all(orphans.map(|handle| release::release(context, *handle))).await?.len();
    }
    Ok(released)
}

async fn remove(context: &Context, edge: &ServiceId) -> Result<(), HandlerError> {
    let (left_behind, _) = context.directory.owned_by(edge).await?;
    for handle in left_behind {
        move_to_session_owner(context, edge, handle).await?;
    }
    mail::forward_undelivered(context, edge).await?;
    context.directory.remove_edge(edge).await?;
    context.bus.close(&Mailbox::Edge(edge.clone())).await?;
    tracing::info!(%edge, "a dead edge is forgotten");
    Ok(())
}

async fn move_to_session_owner(
    context: &Context,
    edge: &ServiceId,
    handle: HandleRef,
) -> Result<(), HandlerError> {
    let Some(session) = context.directory.session(handle.session).await? else {
        return release::release(context, handle).await;
    };
    if let Some(left) = context.directory.handle(handle).await?.filter(|left| left.edge == *edge) {
        context.directory.move_handle(handle, left.username.as_deref(), edge, &session.edge).await?;
    }
    Ok(())
}
