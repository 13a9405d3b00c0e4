//! `/api/v1/calls`: ringing and established calls.
//!
//! A request to end a call goes to the routers. They pass it to the connector of the call's backend, or end the call
//! themselves if no connector serves the backend. Both clients receive the reason either way.

use super::extract::{JsonBody, PageQuery, PathParam};
use super::problem::Problem;
use super::state::{ApiState, OPERATION_TIMEOUT, PollDeadline};
use super::users::OwnerView;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bus::message::{Body, Deadline, End, EndCause, Message};
use bus::topic::Queue;
use common::{BackendName, CallId};
use directory::record::{Call, CallParty};
use protocol::SessionId;
use serde::{Deserialize, Serialize};

/// The longest reason, in characters.
const MAX_REASON: usize = 120;
const NOT_ENDED: &str = "the call has not ended yet; read it again";

#[derive(Serialize)]
struct PartyView {
    username: String,
    /// None for a user of a janus-cloud proxy.
    owner: Option<OwnerView>,
}

#[derive(Serialize)]
pub(super) struct CallView {
    id: CallId,
    backend: BackendName,
    caller: PartyView,
    callee: PartyView,
    /// When the caller requested it, unix milliseconds.
    opened: u64,
}

#[derive(Serialize)]
pub(super) struct CallList {
    calls: Vec<CallView>,
    next: Option<String>,
    /// How many records of the page cannot be read.
    malformed: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndRequest {
    reason: String,
}

impl From<CallParty> for PartyView {
    fn from(CallParty { username, owner }: CallParty) -> Self {
        Self { username, owner: owner.map(OwnerView::from) }
    }
}

impl From<Call> for CallView {
    fn from(Call { id, backend, caller, callee, opened }: Call) -> Self {
        Self { id, backend, caller: caller.into(), callee: callee.into(), opened }
    }
}

/// `GET /calls`
pub(super) async fn list(State(state): State<ApiState>, query: PageQuery) -> Result<Json<CallList>, Problem> {
    let page = state.directory.calls_page(query.after, query.limit).await?;
    let (next, malformed) = (page.next.map(|next| next.to_string()), page.malformed);
    Ok(Json(CallList { calls: page.items.into_iter().map(CallView::from).collect(), next, malformed }))
}

/// `GET /calls/{id}`
pub(super) async fn get(
    State(state): State<ApiState>,
    PathParam(id): PathParam<CallId>,
) -> Result<Json<CallView>, Problem> {
    let call = state.directory.call(id).await?;
    call.map(|call| Json(call.into())).ok_or_else(|| Problem::no_such_call(id))
}

/// `POST /calls/{id}/end`
pub(super) async fn end(
    State(state): State<ApiState>,
    PathParam(call): PathParam<CallId>,
    JsonBody(EndRequest { reason }): JsonBody<EndRequest>,
) -> Result<StatusCode, Problem> {
    if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.contains(char::is_control) {
        return Err(Problem::bad_request("reason has 1 to 120 characters, none of them a control character"));
    }
    if state.directory.call(call).await?.is_none() {
        return Err(Problem::no_such_call(call));
    }
    tracing::info!(%call, "operator ends a call");
    let end = Body::End(End { call, cause: EndCause::Reason(reason) });
    let message = Message { deadline: Some(Deadline::after(OPERATION_TIMEOUT)), ..Message::new(end) };
    state.bus.enqueue(request_queue(call), &message).await?;
    let deadline = PollDeadline::new();
    while state.directory.call(call).await?.is_some() {
        deadline.wait(NOT_ENDED).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the queue of any shard: each can handle the request.
fn request_queue(call: CallId) -> Queue {
    Queue::requests_for(SessionId(call.0.as_u64_pair().1))
}
