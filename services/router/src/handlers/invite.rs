//! `invite`: a user of a janus-cloud proxy calls one of ours. The router takes our user's handle, and the
//! connector of the Janus server that the proxy has chosen registers our user there. The call itself comes
//! through that Janus server.
//!
//! The server must be a backend of ours that takes calls: a URL from a request is only looked up, never
//! dialled. The call has the id of the request, so a redelivered invite finds its own call. A refused or
//! expired invite is undone, unless a connector has the call already.
//!
//! Refusals are those of janus-cloud 1.0.0, in its order (`januscloud/proxy/plugin/videocall.py`,
//! `handle_incoming_call`).

use super::call::{PlaceDetails, post_to_backend};
use super::names::{Callee, look_up};
use super::{HandlerError, RequestError};
use crate::metrics;
use bus::SendError;
use bus::message::{Body, Invite, Message, ProxyRefusal, ProxyReply, ProxySide};
use bus::topic::Mailbox;
use common::clock::{unix_micros, unix_millis};
use common::url::normalize_websocket_url;
use common::{BackendName, CallId, ErrorLog, warn_failure};
use directory::record::{AcquireOutcome, BackendStatus, Call, CallParty, EndOutcome, FencingToken, User};
use service::Context;

static POSTING: ErrorLog = ErrorLog::new("posting invited calls");

type InviteError = RequestError<ProxyRefusal>;

/// Posts the call to a connector, which replies to the rest service; or replies with a refusal.
pub async fn invite(context: &Context, message: &Message, invite: &Invite) -> Result<(), HandlerError> {
    match place_invite(context, message, invite).await {
        Ok(()) => Ok(()),
        Err(RequestError::Failed(error)) => Err(error),
        Err(RequestError::Refused(refusal)) => {
            metrics::invite_refused();
            refuse(context, message.id.into(), invite, refusal).await
        }
    }
}

/// Undoes what a router that died may have started. The rest service does not wait any more.
pub async fn abort_expired(context: &Context, id: CallId) -> Result<(), HandlerError> {
    context.directory.end_call(id, Some(FencingToken::UNLEASED), None).await?;
    Ok(())
}

async fn place_invite(context: &Context, message: &Message, invite: &Invite) -> Result<(), InviteError> {
    let (id, dequeued_at) = (CallId::from(message.id), unix_micros());
    let planned = match find_or_plan_call(context, id, invite).await {
        Err(RequestError::Refused(refusal)) => return refuse_unless_placed(context, id, refusal).await,
        planned => planned?,
    };
    let (call, unavailable) = context.directory.begin_call(&planned).await?;
    if let Some((_, outcome)) = unavailable {
        let refusal = refusal_for(outcome, &call.callee.username);
        return refuse_unless_placed(context, id, refusal).await;
    }
    let details = PlaceDetails {
        request: None,
        fallback: None,
        deadline: message.deadline,
        transaction: "",
        offer: None,
        proxy: Some(ProxySide::Caller(invite.rest.clone())),
        times: invite.requested_at.map(|requested_at| (requested_at, dequeued_at)),
    };
    match post_to_backend(context, &call, &details).await {
        Ok(()) => {
            POSTING.succeeded();
            Ok(())
        }
        // The backend may have it: the redelivered invite finds the same call.
        Err(SendError::Unavailable(why)) => Err(SendError::Unavailable(why).into()),
        Err(error) => {
            warn_failure!(POSTING, %error, call = %id, backend = %call.backend, "failed to post an invited call, refusing it");
            refuse_unless_placed(context, id, no_such_backend()).await
        }
    }
}

/// Returns the call of a redelivered invite, or a new one.
async fn find_or_plan_call(context: &Context, id: CallId, invite: &Invite) -> Result<Call, InviteError> {
    if let Some(call) = context.directory.call(id).await? {
        return Ok(call);
    }
    let user = find_idle_callee(context, id, &invite.callee).await?;
    let Some(backend) = backend_by_url(context, &invite.backend_url).await? else {
        return Err(RequestError::Refused(no_such_backend()));
    };
    let caller = CallParty { username: invite.caller.clone(), owner: None };
    let callee = CallParty { username: user.username, owner: Some(user.owner) };
    Ok(Call { id, backend, caller, callee, opened: unix_millis() })
}

/// Returns the user of ours with this name, if it is in no other call.
async fn find_idle_callee(context: &Context, id: CallId, name: &str) -> Result<User, InviteError> {
    let user = match look_up(context, name).await? {
        None => return Err(RequestError::Refused(no_such_user(name))),
        Some(Callee::Foreign(_)) => return Err(RequestError::Refused(not_ours())),
        Some(Callee::Local(user)) => user,
    };
    let handle = context.directory.handle(user.owner.handle).await?;
    if handle.and_then(|handle| handle.call).is_some_and(|call| call != id) {
        return Err(RequestError::Refused(busy(name)));
    }
    Ok(user)
}

async fn backend_by_url(context: &Context, url: &str) -> Result<Option<BackendName>, HandlerError> {
    let Some(wanted) = normalize_websocket_url(url) else { return Ok(None) };
    let backends = context.directory.backends().await?;
    let mut available = backends.into_iter().filter(|backend| backend.status == BackendStatus::Normal);
    let found = available.find(|backend| normalize_websocket_url(&backend.url).as_ref() == Some(&wanted));
    Ok(found.map(|backend| backend.name))
}

/// Undoes the call and refuses it. Where a connector has it already, another router placed it, and that
/// connector replies.
async fn refuse_unless_placed(
    context: &Context,
    id: CallId,
    refusal: ProxyRefusal,
) -> Result<(), InviteError> {
    match context.directory.end_call(id, Some(FencingToken::UNLEASED), None).await? {
        EndOutcome::Superseded => Ok(()),
        EndOutcome::Ended(_) | EndOutcome::NotFound => Err(RequestError::Refused(refusal)),
    }
}

/// Sends a refusal, unless the rest service has stopped.
async fn refuse(
    context: &Context,
    call: CallId,
    invite: &Invite,
    refusal: ProxyRefusal,
) -> Result<(), HandlerError> {
    let reply = Body::ProxyReply(ProxyReply { call, refusal: Some(refusal) });
    match context.bus.post(&Mailbox::Rest(invite.rest.clone()), &Message::new(reply)).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}

fn refusal_for(outcome: AcquireOutcome, name: &str) -> ProxyRefusal {
    match outcome {
        AcquireOutcome::Busy(_) => busy(name),
        AcquireOutcome::Gone | AcquireOutcome::Acquired => no_such_user(name),
    }
}

fn no_such_user(name: &str) -> ProxyRefusal {
    ProxyRefusal { code: 478, text: format!("Username '{name}' doesn't exist") }
}

fn busy(name: &str) -> ProxyRefusal {
    ProxyRefusal { code: 480, text: format!("User {name} busy") }
}

fn not_ours() -> ProxyRefusal {
    ProxyRefusal { code: 472, text: "Not support relay http request".to_owned() }
}

fn no_such_backend() -> ProxyRefusal {
    ProxyRefusal { code: 502, text: "No such backend server".to_owned() }
}
