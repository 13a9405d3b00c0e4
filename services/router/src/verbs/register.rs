//! `register`: a handle is to own a name. The latest registration wins, always.
//!
//! The name moves in steps that another router can finish: the new handle claims it, the old one
//! loses it and is told, then it is given. Whoever dies in between leaves a name nobody can be
//! called under, until the same request is delivered again.

use super::HandlerError;
use super::registered::report_displaced;
use crate::answer::{plugin_event, send_error, send_events, send_reply};
use bus::message::{Change, ClientEvent, ClientRequest, Events, Notice};
use common::MessageId;
use directory::record::{ClaimOutcome, GrantOutcome, Owner};
use protocol::HandleRef;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use service::Context;

/// How often a name may change hands while it is being given.
const MAX_GRANT_ATTEMPTS: usize = 32;

/// Answers the request.
pub async fn register(context: &Context, id: MessageId, asks: &ClientRequest) -> Result<(), HandlerError> {
    match claim(context, id, asks).await? {
        Ok(None) => {}
        Err(error) => send_error(&context.bus, id, asks, &error).await?,
        Ok(Some(username)) => {
            grant(context, &username, &owner(asks)).await?;
            fix_moved_owner(context, &username, &owner(asks)).await?;
            let data = videocall::event("registered", Some(&username), None);
            let change = Some(Change::Registered(username));
            send_reply(&context.bus, id, asks, change, vec![plugin_event(asks, data)]).await?;
        }
    }
    Ok(())
}

/// The name, if the handle may have it; none when this request had it and it moved on since, so that
/// a request that comes again does not take it back. That the handle has a name already is said
/// before anything else (Janus 1.1.2).
async fn claim(
    context: &Context,
    id: MessageId,
    asks: &ClientRequest,
) -> Result<Result<Option<String>, PluginError>, HandlerError> {
    let body = LazyObject::parse(asks.body.get()).unwrap_or_default();
    let username = match videocall::username(&body) {
        Ok(username) => username,
        Err(error) => {
            let handle = context.directory.handle(asks.from.handle_ref()).await?;
            let own = handle.and_then(|handle| handle.username);
            return Ok(Err(own.map_or(error, |name| PluginError::already_registered(&name))));
        }
    };
    match context.directory.claim_name(&owner(asks), &username, id).await? {
        ClaimOutcome::Claimed => Ok(Ok(Some(username))),
        ClaimOutcome::Lost => Ok(Ok(None)),
        // By a name that a peer has taken meanwhile, and nobody has told.
        ClaimOutcome::AlreadyNamed(name) if report_displaced(context, &name, &owner(asks)).await? => {
            match context.directory.claim_name(&owner(asks), &username, id).await? {
                ClaimOutcome::Claimed => Ok(Ok(Some(username))),
                ClaimOutcome::Lost => Ok(Ok(None)),
                ClaimOutcome::AlreadyNamed(name) => Ok(Err(PluginError::already_registered(&name))),
            }
        }
        ClaimOutcome::AlreadyNamed(name) => Ok(Err(PluginError::already_registered(&name))),
    }
}

async fn grant(context: &Context, username: &str, owner: &Owner) -> Result<(), HandlerError> {
    let mut instead_of: Option<HandleRef> = None;
    for _ in 0..MAX_GRANT_ATTEMPTS {
        match context.directory.grant_name(username, owner, instead_of).await? {
            GrantOutcome::Granted => return Ok(()),
            GrantOutcome::OwnedBy(previous) => {
                displace(context, username, &previous).await?;
                instead_of = Some(previous.handle);
            }
        }
    }
    Err(HandlerError::Contended)
}

/// Somebody who has gone to another edge since the request was sent, or since it was done for the first
/// time, is to be called there.
async fn fix_moved_owner(context: &Context, username: &str, owner: &Owner) -> Result<(), HandlerError> {
    let session = context.directory.session(owner.handle.session).await?;
    if let Some(session) = session.filter(|session| session.edge != owner.edge) {
        context.directory.move_handle(owner.handle, Some(username), &owner.edge, &session.edge).await?;
    }
    Ok(())
}

/// Takes the name off its owner and tells him.
async fn displace(context: &Context, username: &str, previous: &Owner) -> Result<(), HandlerError> {
    context.directory.revoke_name(previous.handle, username).await?;
    send_displaced(context, username, previous).await
}

/// Tells whoever has lost a name to a later registration.
pub async fn send_displaced(context: &Context, username: &str, previous: &Owner) -> Result<(), HandlerError> {
    let data = videocall::event("unregistered", Some(username), Some("Registered elsewhere"));
    let event = ClientEvent::Plugin { transaction: None, data, jsep: None };
    let change = Some(Change::Displaced(username.to_owned()));
    let events = Events { change, ..Events::for_handle(previous.handle, vec![event]) };
    send_events(&context.bus, &previous.edge, events).await?;
    context.bus.publish(&Notice::NameDisplaced(username.to_owned())).await?;
    Ok(())
}

fn owner(asks: &ClientRequest) -> Owner {
    Owner { edge: asks.from.edge.clone(), handle: asks.from.handle_ref() }
}
