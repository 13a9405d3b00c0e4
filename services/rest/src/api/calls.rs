//! `/api/v1/calls`: the calls that ring or are up.
//!
//! One that is to end goes to the routers: they tell its connector, and do its work where the backend
//! has none any more. So both sides hear the reason either way.

use super::Cluster;
use super::input::{self, In, Window};
use super::patience::{PATIENCE, Patience};
use super::problem::Problem;
use super::users::Place;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bus::message::{Body, Deadline, End, EndCause, Message};
use bus::topic::Queue;
use directory::record::{Call, CallParty};
use protocol::{BackendName, CallId, SessionId};
use serde::{Deserialize, Serialize};

/// The longest reason, in characters.
const MAX_REASON: usize = 120;
const NOT_ENDED: &str = "the call has not ended yet; look again";

/// One side of a call.
#[derive(Serialize)]
struct Party {
    username: String,
    /// None for a user of a proxy of another make.
    owner: Option<Place>,
}

/// A call, as operators see it.
#[derive(Serialize)]
pub(super) struct Seen {
    id: CallId,
    backend: BackendName,
    caller: Party,
    callee: Party,
    /// When it was asked for, unix milliseconds.
    opened: u64,
}

#[derive(Serialize)]
pub(super) struct All {
    calls: Vec<Seen>,
    next: Option<String>,
}

/// Why a call is ended.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    reason: String,
}

impl From<CallParty> for Party {
    fn from(CallParty { username, owner }: CallParty) -> Self {
        Self { username, owner: owner.map(Place::from) }
    }
}

impl From<Call> for Seen {
    fn from(Call { id, backend, caller, callee, opened }: Call) -> Self {
        Self { id, backend, caller: caller.into(), callee: callee.into(), opened }
    }
}

/// `GET /calls`
pub(super) async fn list(State(cluster): State<Cluster>, window: Window) -> Result<Json<All>, Problem> {
    let page = cluster.directory.calls_page(window.after, window.limit).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(All { calls: page.items.into_iter().map(Seen::from).collect(), next }))
}

/// `GET /calls/{id}`
pub(super) async fn one(State(cluster): State<Cluster>, In(id): In<CallId>) -> Result<Json<Seen>, Problem> {
    let call = cluster.directory.call(id).await?;
    call.map(|call| Json(call.into())).ok_or_else(|| Problem::no_such_call(id))
}

/// `POST /calls/{id}/end`
pub(super) async fn end(
    State(cluster): State<Cluster>,
    In(call): In<CallId>,
    input::Body(Ending { reason }): input::Body<Ending>,
) -> Result<StatusCode, Problem> {
    if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.contains(char::is_control) {
        return Err(Problem::bad("reason has 1 to 120 characters, none of them a control character"));
    }
    if cluster.directory.call(call).await?.is_none() {
        return Err(Problem::no_such_call(call));
    }
    tracing::info!(%call, "an operator ends a call");
    let end = Body::End(End { call, cause: EndCause::Because(reason) });
    let message = Message { deadline: Some(Deadline::after(PATIENCE)), ..Message::new(end) };
    cluster.bus.enqueue(queue(call), &message).await?;
    let patience = Patience::new();
    while cluster.directory.call(call).await?.is_some() {
        patience.pause(NOT_ENDED).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Any shard will do.
fn queue(call: CallId) -> Queue {
    Queue::requests_of(SessionId(call.0.as_u64_pair().1))
}
