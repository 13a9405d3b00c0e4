//! `/api/v1/sessions`: what clients have created, and which edge holds it. Never what whoever claims a
//! session must show.

use super::ApiState;
use super::input::{PageQuery, PathParam};
use super::patience::PollDeadline;
use super::problem::Problem;
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

const NOT_ENDED: &str = "the edge that holds the session has not ended it yet; look again, and if that edge \
    is dead, the session ends by itself unless its client comes back";

#[derive(Serialize)]
pub(super) struct SessionSummary {
    id: SessionId,
    edge: ServiceId,
    /// For how many seconds its client has been gone; none while it is connected.
    away: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct SessionList {
    sessions: Vec<SessionSummary>,
    next: Option<String>,
}

/// A handle of a session.
#[derive(Serialize)]
struct HandleView {
    id: HandleId,
    username: Option<String>,
    call: Option<CallId>,
}

/// A session, as operators see it.
#[derive(Serialize)]
pub(super) struct SessionView {
    #[serde(flatten)]
    session: SessionSummary,
    handles: Vec<HandleView>,
}

/// What an edge writes down of a session, as far as it is looked at here.
#[derive(Deserialize)]
struct StoredSession {
    #[serde(default)]
    handles: BTreeMap<HandleId, IgnoredAny>,
}

/// `GET /sessions`
pub(super) async fn list(
    State(cluster): State<ApiState>,
    window: PageQuery,
) -> Result<Json<SessionList>, Problem> {
    let page = cluster.directory.sessions_page(window.after, window.limit).await?;
    let next = page.next.map(|next| next.to_string());
    let sessions = page.items.into_iter().map(|it| {
        let away = it.away.map(|away| away.as_secs());
        SessionSummary { id: it.session, edge: it.edge, away }
    });
    Ok(Json(SessionList { sessions: sessions.collect(), next }))
}

/// `GET /sessions/{id}`
pub(super) async fn get(
    State(cluster): State<ApiState>,
    PathParam(id): PathParam<SessionId>,
) -> Result<Json<SessionView>, Problem> {
    let Some(session) = cluster.directory.session(id).await? else {
        return Err(Problem::no_such_session(id));
    };
    let away = session.away.map(|away| away.as_secs());
    let handles = handles(&cluster, id).await?;
    Ok(Json(SessionView { session: SessionSummary { id, edge: session.edge, away }, handles }))
}

/// Its handles are those that its edge wrote down; the directory has a record of those that have
/// registered.
async fn handles(cluster: &ApiState, session: SessionId) -> Result<Vec<HandleView>, Problem> {
    let state = cluster.directory.session_state(session).await?.unwrap_or_default();
    let written: Option<StoredSession> = serde_json::from_str(&state).ok();
    let mut handles = Vec::new();
    for handle in written.into_iter().flat_map(|written| written.handles.into_keys()) {
        let record = cluster.directory.handle(HandleRef { session, handle }).await?;
        let (username, call) = record.map(|record| (record.username, record.call)).unwrap_or_default();
        handles.push(HandleView { id: handle, username, call });
    }
    Ok(handles)
}

/// `DELETE /sessions/{id}`
pub(super) async fn delete(
    State(cluster): State<ApiState>,
    PathParam(id): PathParam<SessionId>,
) -> Result<StatusCode, Problem> {
    end(&cluster, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Has its edge end a session. When another edge claims it meanwhile, that one is asked too.
pub(super) async fn end(cluster: &ApiState, session: SessionId) -> Result<(), Problem> {
    let (mut asked, patience) = (None, PollDeadline::new());
    loop {
        match cluster.directory.session(session).await? {
            None if asked.is_none() => return Err(Problem::no_such_session(session)),
            None => return Ok(()),
            Some(record) if asked.as_ref() == Some(&record.edge) => {}
            Some(record) => {
                tracing::info!(%session, "an operator ends a session");
                let message = Message::new(Body::Disconnect(Disconnect { session }));
                cluster.bus.post(&Mailbox::Edge(record.edge.clone()), &message).await?;
                asked = Some(record.edge);
            }
        }
        patience.wait(NOT_ENDED).await?;
    }
}
