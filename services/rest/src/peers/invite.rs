//! `POST /plugins/videocall/{username}`: the proxy of somebody who calls one of our users asks for that
//! user to be registered on a Janus server of its choice (janus-api.md 7.3, 7.4). The routers know who
//! that is and whether the server is one of ours; here it is only asked, and the answer put in HTTP.

use super::AppState;
use super::check::{missing_keys, text, username};
use super::params::Params;
use super::refusal::JanusCloudError;
use crate::numbers;
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

/// How long a peer waits for us at most.
const INVITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest URL of a Janus server.
const MAX_URL: usize = 1024;

pub(super) async fn invite(
    State(desk): State<AppState>,
    callee: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, JanusCloudError> {
    let Path(callee) = callee?;
    let (caller, backend_url) = fields(&params)?;
    if callee.len() > MAX_USERNAME {
        return Err(JanusCloudError::no_such_user(&callee));
    }
    let rest = desk.context.id.clone();
    let asked = Some(unix_micros());
    let outcome =
        request_invite(&desk, Invite { rest, caller, callee, backend_url, requested_at: asked }).await;
    let status = outcome.as_ref().map_or_else(JanusCloudError::status_code, |()| 200);
    numbers::count_invite(status);
    outcome.map(|()| super::success())
}

fn fields(params: &Params) -> Result<(String, String), JanusCloudError> {
    let caller = username(params, "caller_username")?;
    let url = text(params, "backend_server_url", MAX_URL)?;
    caller.zip(url).ok_or_else(|| missing_keys(params, &["caller_username", "backend_server_url"]))
}

async fn request_invite(desk: &AppState, invite: Invite) -> Result<(), JanusCloudError> {
    let id = MessageId::fresh();
    let mut ticket = desk.pending.register(id.into()).ok_or_else(JanusCloudError::too_many)?;
    let message = Message { id, deadline: Some(Deadline::after(INVITE_TIMEOUT)), body: Body::Invite(invite) };
    let answer = async {
        desk.context.bus.enqueue(request_queue(id), &message).await?;
        ticket.outcome().await.ok_or_else(JanusCloudError::timed_out)?.map_err(JanusCloudError::from)
    };
    timeout(INVITE_TIMEOUT, answer).await.unwrap_or_else(|_| Err(JanusCloudError::timed_out()))
}

/// Any shard will do; a request that comes again comes from the same.
fn request_queue(id: MessageId) -> Queue {
    // The last bits are chance.
    Queue::requests_for(SessionId(id.0.as_u128() as u64))
}
