//! `/api/v1/calls`: the calls that ring or are up.
//!
//! One that is to end goes to the routers: they tell its connector, and do its work where the backend
//! has none any more. So both sides hear the reason either way.

use super::ApiState;
use super::input::{self, PageQuery, PathParam};
use super::patience::{OPERATION_TIMEOUT, PollDeadline};
use super::problem::Problem;
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
const NOT_ENDED: &str = "the call has not ended yet; look again";

/// One side of a call.
#[derive(Serialize)]
struct PartyView {
    username: String,
    /// None for a user of a proxy of another make.
    owner: Option<OwnerView>,
}

/// A call, as operators see it.
#[derive(Serialize)]
pub(super) struct CallView {
    id: CallId,
    backend: BackendName,
    caller: PartyView,
    callee: PartyView,
    /// When it was asked for, unix milliseconds.
    opened: u64,
}

#[derive(Serialize)]
pub(super) struct CallList {
    calls: Vec<CallView>,
    next: Option<String>,
}

/// Why a call is ended.
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
pub(super) async fn list(
    State(cluster): State<ApiState>,
    window: PageQuery,
) -> Result<Json<CallList>, Problem> {
    let page = cluster.directory.calls_page(window.after, window.limit).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(CallList { calls: page.items.into_iter().map(CallView::from).collect(), next }))
}

/// `GET /calls/{id}`
pub(super) async fn get(
    State(cluster): State<ApiState>,
    PathParam(id): PathParam<CallId>,
) -> Result<Json<CallView>, Problem> {
    let call = cluster.directory.call(id).await?;
    call.map(|call| Json(call.into())).ok_or_else(|| Problem::no_such_call(id))
}

/// `POST /calls/{id}/end`
pub(super) async fn end(
    State(cluster): State<ApiState>,
    PathParam(call): PathParam<CallId>,
    input::JsonBody(EndRequest { reason }): input::JsonBody<EndRequest>,
) -> Result<StatusCode, Problem> {
    if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.contains(char::is_control) {
        return Err(Problem::bad_request("reason has 1 to 120 characters, none of them a control character"));
    }
    if cluster.directory.call(call).await?.is_none() {
        return Err(Problem::no_such_call(call));
    }
    tracing::info!(%call, "an operator ends a call");
    let end = Body::End(End { call, cause: EndCause::Reason(reason) });
    let message = Message { deadline: Some(Deadline::after(OPERATION_TIMEOUT)), ..Message::new(end) };
    cluster.bus.enqueue(request_queue(call), &message).await?;
    let patience = PollDeadline::new();
    while cluster.directory.call(call).await?.is_some() {
        patience.wait(NOT_ENDED).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Any shard will do.
fn request_queue(call: CallId) -> Queue {
    Queue::requests_for(SessionId(call.0.as_u64_pair().1))
}
