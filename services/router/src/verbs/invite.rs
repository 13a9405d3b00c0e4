//! `invite`: a peer's user calls one of ours. Our user's handle is taken, and the connector of the Janus that
//! the peer has chosen is to register it there; all else comes through that Janus.
//!
//! The Janus must be a backend of ours that takes calls: a URL that a peer makes up is never dialled. The
//! call's id is the request's, so a redelivered invite finds its own call; what an invite has begun
//! and is refused, or is late, is undone, unless a connector has the call by now.
//!
//! Refusals are janus-cloud's, in its order (`januscloud/proxy/plugin/videocall.py`, `handle_incoming_call`; measured with 1.0.0).

use super::HandlerError;
use super::pairing::{self, PlaceDetails};
use super::registered::{self, Callee};
use crate::{backend_url, numbers};
use bus::SendError;
use bus::message::{Body, Invite, Message, ProxyRefusal, ProxyReply, ProxySide};
use bus::topic::Mailbox;
use common::entropy::{unix_micros, unix_millis};
use common::{BackendName, CallId};
use directory::record::{AcquireOutcome, BackendStatus, Call, CallParty, EndOutcome, Token, User};
use service::Context;

/// Hands the call to a connector, which answers the rest service; or answers it with a refusal.
pub async fn invite(context: &Context, message: &Message, invite: &Invite) -> Result<(), HandlerError> {
    match place_invite(context, message, invite).await? {
        Ok(()) => Ok(()),
        Err(refusal) => {
            numbers::invite_refused();
            refuse(context, message.id.into(), invite, refusal).await
        }
    }
}

/// Undoes what a router that died may have begun; the rest service has given up by itself.
pub async fn abort_expired(context: &Context, id: CallId) -> Result<(), HandlerError> {
    context.directory.conclude_call(id, Some(Token::UNLEASED), None).await?;
    Ok(())
}

async fn place_invite(
    context: &Context,
    message: &Message,
    invite: &Invite,
) -> Result<Result<(), ProxyRefusal>, HandlerError> {
    let (id, taken) = (CallId::from(message.id), unix_micros());
    let call = match find_or_plan_call(context, id, invite).await? {
        Ok(call) => call,
        Err(refusal) => return abort_unless_placed(context, id, refusal).await,
    };
    let (call, lost) = context.directory.begin_call(&call).await?;
    if let Some((_, taken)) = lost {
        return abort_unless_placed(context, id, refusal_for(taken, &call.callee.username)).await;
    }
    let peer = Some(ProxySide::Caller(invite.rest.clone()));
    let times = invite.requested_at.map(|asked| (asked, taken));
    let particulars =
        PlaceDetails { deadline: message.deadline, transaction: "", offer: None, proxy: peer, times };
    match pairing::post_to_backend(context, &call, &particulars).await {
        Ok(()) => Ok(Ok(())),
        // The backend may have it: the same invite comes again and finds the same call.
        Err(SendError::Unavailable(why)) => Err(SendError::Unavailable(why).into()),
        Err(error) => {
            tracing::warn!(%error, call = %id, backend = %call.backend, "a backend did not take a peer's call");
            abort_unless_placed(context, id, no_such_backend()).await
        }
    }
}

/// The call as it was begun, or is to begin.
async fn find_or_plan_call(
    context: &Context,
    id: CallId,
    invite: &Invite,
) -> Result<Result<Call, ProxyRefusal>, HandlerError> {
    if let Some(begun) = context.directory.call(id).await? {
        return Ok(Ok(begun));
    }
    let user = match find_idle_callee(context, id, &invite.callee).await? {
        Ok(user) => user,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(backend) = backend_by_url(context, &invite.backend_url).await? else {
        return Ok(Err(no_such_backend()));
    };
    let caller = CallParty { username: invite.caller.clone(), owner: None };
    let callee = CallParty { username: user.username, owner: Some(user.owner) };
    Ok(Ok(Call { id, backend, caller, callee, opened: unix_millis() }))
}

/// One of ours who is in no other call.
async fn find_idle_callee(
    context: &Context,
    id: CallId,
    name: &str,
) -> Result<Result<User, ProxyRefusal>, HandlerError> {
    let user = match registered::look_up(context, name).await? {
        None => return Ok(Err(no_such_user(name))),
        Some(Callee::Remote(_)) => return Ok(Err(not_ours())),
        Some(Callee::Local(user)) => user,
    };
    let handle = context.directory.handle(user.owner.handle).await?;
    Ok(match handle.and_then(|handle| handle.call).filter(|call| *call != id) {
        Some(_) => Err(busy(name)),
        None => Ok(user),
    })
}

async fn backend_by_url(context: &Context, url: &str) -> Result<Option<BackendName>, HandlerError> {
    let Some(wanted) = backend_url::normalize(url) else { return Ok(None) };
    let backends = context.directory.backends().await?;
    let mut open = backends.into_iter().filter(|backend| backend.status == BackendStatus::Normal);
    let found = open.find(|backend| backend_url::normalize(&backend.url).as_ref() == Some(&wanted));
    Ok(found.map(|backend| backend.name))
}

/// Where a connector has the call, another router did this too, and that one answers.
async fn abort_unless_placed(
    context: &Context,
    id: CallId,
    refusal: ProxyRefusal,
) -> Result<Result<(), ProxyRefusal>, HandlerError> {
    Ok(match context.directory.conclude_call(id, Some(Token::UNLEASED), None).await? {
        EndOutcome::Superseded => Ok(()),
        EndOutcome::Ended(_) | EndOutcome::NotFound => Err(refusal),
    })
}

/// A rest service that is gone waits for nothing.
async fn refuse(
    context: &Context,
    call: CallId,
    invite: &Invite,
    refusal: ProxyRefusal,
) -> Result<(), HandlerError> {
    let answer = Body::ProxyReply(ProxyReply { call, refusal: Some(refusal) });
    match context.bus.post(&Mailbox::Rest(invite.rest.clone()), &Message::new(answer)).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}

fn refusal_for(taken: AcquireOutcome, name: &str) -> ProxyRefusal {
    match taken {
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
