//! `POST /plugins/videocall/{username}`: a janus-cloud user calls a user of this cluster. The caller's proxy requests
//! that the callee be registered on a Janus server of its choice (janus-api.md 7.3, 7.4). The request is passed to the
//! routers, which find the user and the server; the reply comes to this service's mailbox.

use super::cors::success;
use super::error::JanusCloudError;
use super::params::Params;
use super::state::AppState;
use super::validate::{missing_keys, text, username};
use crate::metrics;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use bus::message::{Body, Deadline, Invite, Message};
use bus::topic::Queue;
use common::MessageId;
use common::entropy::unix_micros;
use protocol::SessionId;
use protocol::videocall::MAX_USERNAME;
use std::time::Duration;
use tokio::time::timeout;

/// How long a proxy waits for its response.
const INVITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest URL of a Janus server, in characters.
const MAX_URL: usize = 1024;

pub(super) async fn invite(
    State(state): State<AppState>,
    callee: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, JanusCloudError> {
    let Path(callee) = callee?;
    let (caller, backend_url) = fields(&params)?;
    if callee.len() > MAX_USERNAME {
        return Err(JanusCloudError::no_such_user(&callee));
    }
    let rest = state.context.id.clone();
    let requested_at = Some(unix_micros());
    let outcome = request_invite(&state, Invite { rest, caller, callee, backend_url, requested_at }).await;
    let status = outcome.as_ref().map_or_else(JanusCloudError::status_code, |()| 200);
    metrics::count_invite(status);
    outcome.map(|()| success())
}

fn fields(params: &Params) -> Result<(String, String), JanusCloudError> {
    let caller = username(params, "caller_username")?;
    let url = text(params, "backend_server_url", MAX_URL)?;
    caller.zip(url).ok_or_else(|| missing_keys(params, &["caller_username", "backend_server_url"]))
}

async fn request_invite(state: &AppState, invite: Invite) -> Result<(), JanusCloudError> {
    let id = MessageId::fresh();
    let mut ticket = state.pending.register(id.into()).ok_or_else(JanusCloudError::too_many)?;
    let message = Message { id, deadline: Some(Deadline::after(INVITE_TIMEOUT)), body: Body::Invite(invite) };
    let reply = async {
        state.context.bus.enqueue(request_queue(id), &message).await?;
        ticket.outcome().await.ok_or_else(JanusCloudError::timed_out)?.map_err(JanusCloudError::from)
    };
    timeout(INVITE_TIMEOUT, reply).await.unwrap_or_else(|_| Err(JanusCloudError::timed_out()))
}

/// Any shard can handle the request.
fn request_queue(id: MessageId) -> Queue {
    // The low bits of the id are random.
    Queue::requests_for(SessionId(id.0.as_u128() as u64))
}
