//! `POST /plugins/videocall/{username}`: the proxy of somebody who calls one of our users asks for that
//! user to be registered on a Janus server of its choice (janus-api.md 7.3, 7.4). The routers know who
//! that is and whether the server is one of ours; here it is only asked, and the answer put in HTTP.

use super::Desk;
use super::check::{missed, text, username};
use super::params::Params;
use super::refusal::Refusal;
use crate::numbers;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use bus::message::{Body, Deadline, Invite, Message};
use bus::topic::Queue;
use protocol::outside::unix_micros;
use protocol::videocall::MAX_USERNAME;
use protocol::{MessageId, SessionId};
use std::time::Duration;
use tokio::time::timeout;

/// How long a peer waits for us at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest URL of a Janus server.
const MAX_URL: usize = 1024;

pub(super) async fn invite(
    State(desk): State<Desk>,
    callee: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Response, Refusal> {
    let Path(callee) = callee?;
    let (caller, backend_url) = fields(&params)?;
    if callee.len() > MAX_USERNAME {
        return Err(Refusal::no_such_user(&callee));
    }
    let rest = desk.context.id.clone();
    let asked = Some(unix_micros());
    let outcome = ask(&desk, Invite { rest, caller, callee, backend_url, asked }).await;
    let status = outcome.as_ref().map_or_else(Refusal::code, |()| 200);
    numbers::invited(status);
    outcome.map(|()| super::success())
}

fn fields(params: &Params) -> Result<(String, String), Refusal> {
    let caller = username(params, "caller_username")?;
    let url = text(params, "backend_server_url", MAX_URL)?;
    caller.zip(url).ok_or_else(|| missed(params, &["caller_username", "backend_server_url"]))
}

async fn ask(desk: &Desk, invite: Invite) -> Result<(), Refusal> {
    let id = MessageId::fresh();
    let mut ticket = desk.waiting.enter(id.into()).ok_or_else(Refusal::too_many)?;
    let message = Message { id, deadline: Some(Deadline::after(PATIENCE)), body: Body::Invite(invite) };
    let answer = async {
        desk.context.bus.enqueue(queue_of(id), &message).await?;
        ticket.outcome().await.ok_or_else(Refusal::timed_out)?.map_err(Refusal::from)
    };
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(Refusal::timed_out()))
}

/// Any shard will do; a request that comes again comes from the same.
fn queue_of(id: MessageId) -> Queue {
    // The last bits are chance.
    Queue::requests_of(SessionId(id.0.as_u128() as u64))
}
