//! `register`: a handle takes a name. The latest registration always wins.
//!
//! The name moves in three steps: the new handle claims it, the previous handle loses it and is notified, and
//! the name is granted. When a router dies in between, the name cannot be called until the request is
//! redelivered and another router finishes the steps.
//!
//! `restore`: an edge reports that a handle had a name before the directory lost its data. The handle gets the
//! name back, unless another handle or a janus-cloud proxy has registered it since. Then the handle is notified
//! that it lost the name. A handle that no longer exists gets the name too: its edge is notified and releases it.

use super::names::{Callee, look_up, report_displaced};
use super::{HandlerError, RequestError};
use crate::name_policy::NamePolicy;
use crate::replies::{plugin_event, send_displaced, send_error, send_events, send_reply};
use bus::message::{Change, ClientRequest, Events, Restore};
use common::MessageId;
use directory::record::{ClaimOutcome, GrantOutcome, Owner};
use protocol::HandleRef;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use service::Context;

/// How often a name may change its owner before the request fails.
const MAX_GRANT_ATTEMPTS: usize = 32;

pub async fn register(
    context: &Context,
    policy: &NamePolicy,
    id: MessageId,
    request: &ClientRequest,
) -> Result<(), HandlerError> {
    let owner = Owner { edge: request.from.edge.clone(), handle: request.from.handle_ref() };
    let username = match claim(context, policy, id, request, &owner).await {
        Ok(Some(username)) => username,
        Ok(None) => return Ok(()),
        Err(RequestError::Refused(error)) => {
            return Ok(send_error(&context.bus, id, request, &error).await?);
        }
        Err(RequestError::Failed(error)) => return Err(error),
    };
    grant(context, &username, &owner).await?;
    fix_moved_owner(context, &username, &owner).await?;
    let data = videocall::event("registered", Some(&username), None);
    let change = Some(Change::Registered(username));
    Ok(send_reply(&context.bus, id, request, change, vec![plugin_event(request, data)]).await?)
}

/// Returns the name if the handle may have it. Returns `None` when this request had claimed it before and
/// another registration has taken it since: a redelivered request must not take it back.
///
/// Like Janus 1.1.2, a handle that has a name already is refused before its request is checked.
async fn claim(
    context: &Context,
    policy: &NamePolicy,
    id: MessageId,
    request: &ClientRequest,
    owner: &Owner,
) -> Result<Option<String>, RequestError<PluginError>> {
    let body = LazyObject::parse(request.body.get()).unwrap_or_default();
    let username = match videocall::new_username(&body, policy.max_username) {
        Ok(username) => username,
        Err(error) => {
            let handle = context.directory.handle(owner.handle).await?;
            let own_name = handle.and_then(|handle| handle.username);
            let refusal = own_name.map_or(error, |name| PluginError::already_registered(&name));
            return Err(RequestError::Refused(refusal));
        }
    };
    let mut outcome = context.directory.claim_name(owner, &username, id).await?;
    // A janus-cloud proxy may have taken the name that the handle has by its own record.
    if let ClaimOutcome::AlreadyNamed(name) = &outcome
        && report_displaced(context, name, owner).await?
    {
        outcome = context.directory.claim_name(owner, &username, id).await?;
    }
    match outcome {
        ClaimOutcome::Claimed => Ok(Some(username)),
        ClaimOutcome::Lost => Ok(None),
        ClaimOutcome::AlreadyNamed(name) => {
            Err(RequestError::Refused(PluginError::already_registered(&name)))
        }
    }
}

async fn grant(context: &Context, username: &str, owner: &Owner) -> Result<(), HandlerError> {
    let mut replaced: Option<HandleRef> = None;
    for _ in 0..MAX_GRANT_ATTEMPTS {
        match context.directory.grant_name(username, owner, replaced).await? {
            GrantOutcome::Granted => return Ok(()),
            GrantOutcome::OwnedBy(previous) => {
                context.directory.revoke_name(previous.handle, username).await?;
                send_displaced(&context.bus, username, &previous).await?;
                replaced = Some(previous.handle);
            }
        }
    }
    Err(HandlerError::Contended)
}

/// Corrects the owner of a name whose session has moved to another edge. It may have moved since the request
/// was sent, or since the request was handled for the first time.
async fn fix_moved_owner(context: &Context, username: &str, owner: &Owner) -> Result<(), HandlerError> {
    let session = context.directory.session(owner.handle.session).await?;
    if let Some(session) = session.filter(|session| session.edge != owner.edge) {
        context.directory.move_handle(owner.handle, Some(username), &owner.edge, &session.edge).await?;
    }
    Ok(())
}

pub async fn restore(context: &Context, id: MessageId, request: &Restore) -> Result<(), HandlerError> {
    let Restore { who, username } = request;
    let owner = Owner { edge: who.edge.clone(), handle: who.handle_ref() };
    match context.directory.claim_name(&owner, username, id).await? {
        ClaimOutcome::Claimed => {}
        // The directory had not lost this name.
        ClaimOutcome::AlreadyNamed(name) if name == *username => {}
        ClaimOutcome::AlreadyNamed(_) => return Ok(()),
        // The router that found this out may have died before it notified the handle.
        ClaimOutcome::Lost => return Ok(send_displaced(&context.bus, username, &owner).await?),
    }
    if let Some(Callee::Foreign(_)) = look_up(context, username).await? {
        return report_lost(context, &owner, username).await;
    }
    match context.directory.grant_name(username, &owner, None).await? {
        GrantOutcome::Granted => send_registered(context, &owner, username).await,
        GrantOutcome::OwnedBy(_) => report_lost(context, &owner, username).await,
    }
}

async fn report_lost(context: &Context, owner: &Owner, username: &str) -> Result<(), HandlerError> {
    context.directory.revoke_name(owner.handle, username).await?;
    Ok(send_displaced(&context.bus, username, owner).await?)
}

async fn send_registered(context: &Context, owner: &Owner, username: &str) -> Result<(), HandlerError> {
    let change = Some(Change::Registered(username.to_owned()));
    let events = Events { change, ..Events::for_handle(owner.handle, Vec::new()) };
    Ok(send_events(&context.bus, &owner.edge, events).await?)
}
