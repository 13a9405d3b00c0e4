//! `/api/v1/sessions`: the sessions of clients. Their tokens are never shown.

use super::extract::{PageQuery, PathParam};
use super::problem::Problem;
use super::state::{ApiState, PollDeadline};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bus::message::{Body, Disconnect, Message};
use bus::topic::Mailbox;
use common::{CallId, ServiceId};
use protocol::{HandleId, HandleRef, SessionId};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const NOT_ENDED: &str = "the edge that owns the session has not ended it yet; read it again; if that edge \
    has died, the session expires unless its client claims it";

#[derive(Serialize)]
pub(super) struct SessionSummary {
    id: SessionId,
    edge: ServiceId,
    /// Seconds since its client disconnected; none while it is connected.
    away: Option<u64>,
    /// The address of its client; none if no edge has stored it.
    client: Option<String>,
}

#[derive(Serialize)]
pub(super) struct SessionList {
    sessions: Vec<SessionSummary>,
    next: Option<String>,
    /// How many records of the page cannot be read.
    malformed: usize,
}

#[derive(Serialize)]
struct HandleView {
    id: HandleId,
    username: Option<String>,
    call: Option<CallId>,
}

#[derive(Serialize)]
pub(super) struct SessionView {
    #[serde(flatten)]
    session: SessionSummary,
    handles: Vec<HandleView>,
}

/// The part of a session's snapshot that is read here.
#[derive(Deserialize)]
struct StoredSession {
    #[serde(default)]
    handles: BTreeMap<HandleId, IgnoredAny>,
}

/// `GET /sessions`
pub(super) async fn list(
    State(state): State<ApiState>,
    query: PageQuery,
) -> Result<Json<SessionList>, Problem> {
    let page = state.directory.sessions_page(query.after, query.limit).await?;
    let (next, malformed) = (page.next.map(|next| next.to_string()), page.malformed);
    let sessions = page.items.into_iter().map(|it| {
        let away = it.away.map(|away| away.as_secs());
        SessionSummary { id: it.session, edge: it.edge, away, client: it.client }
    });
    Ok(Json(SessionList { sessions: sessions.collect(), next, malformed }))
}

/// `GET /sessions/{id}`
pub(super) async fn get(
    State(state): State<ApiState>,
    PathParam(id): PathParam<SessionId>,
) -> Result<Json<SessionView>, Problem> {
    let Some(session) = state.directory.session(id).await? else {
        return Err(Problem::no_such_session(id));
    };
    let away = session.away.map(|away| away.as_secs());
    let handles = handles(&state, id).await?;
    let summary = SessionSummary { id, edge: session.edge, away, client: session.client };
    Ok(Json(SessionView { session: summary, handles }))
}

/// Returns the handles of the session's snapshot; the directory has a record of each that has registered.
async fn handles(state: &ApiState, session: SessionId) -> Result<Vec<HandleView>, Problem> {
    let snapshot = state.directory.session_state(session).await?.unwrap_or_default();
    let stored: Option<StoredSession> = serde_json::from_str(&snapshot).ok();
    let mut handles = Vec::new();
    for handle in stored.into_iter().flat_map(|stored| stored.handles.into_keys()) {
        let record = state.directory.handle(HandleRef { session, handle }).await?;
        let (username, call) = record.map(|record| (record.username, record.call)).unwrap_or_default();
        handles.push(HandleView { id: handle, username, call });
    }
    Ok(handles)
}

/// `DELETE /sessions/{id}`
pub(super) async fn delete(
    State(state): State<ApiState>,
    PathParam(id): PathParam<SessionId>,
) -> Result<StatusCode, Problem> {
    end(&state, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Requests the session's edge to end it; if another edge claims it in the meantime, that one too.
pub(super) async fn end(state: &ApiState, session: SessionId) -> Result<(), Problem> {
    let deadline = PollDeadline::new();
    let mut requested = None;
    loop {
        match state.directory.session(session).await? {
            None if requested.is_none() => return Err(Problem::no_such_session(session)),
            None => return Ok(()),
            Some(record) if requested.as_ref() == Some(&record.edge) => {}
            Some(record) => {
                tracing::info!(%session, "operator ends a session");
                let message = Message::new(Body::Disconnect(Disconnect { session }));
                state.bus.post(&Mailbox::Edge(record.edge.clone()), &message).await?;
                requested = Some(record.edge);
            }
        }
        deadline.wait(NOT_ENDED).await?;
    }
}
