//! `register`: a handle is to own a name. The latest registration wins, always.
//!
//! The name moves in steps that another router can finish: the new handle claims it, the old one
//! loses it and is told, then it is given. Whoever dies in between leaves a name nobody can be
//! called under, until the same request is delivered again.

use super::Failure;
use super::registered::find_displaced;
use crate::answer::{answer, refuse, reply, tell};
use bus::message::{Change, ClientEvent, ClientRequest, Events, Notice};
use directory::record::{Claimed, Given, Owner};
use protocol::object::Object;
use protocol::videocall::{self, PluginError};
use protocol::{HandleRef, MessageId};
use service::Context;

/// How often a name may change hands while it is being given.
const MAX_CONTENTION: usize = 32;

/// Answers the request.
pub async fn register(context: &Context, id: MessageId, asks: &ClientRequest) -> Result<(), Failure> {
    match claim(context, id, asks).await? {
        Ok(None) => {}
        Err(error) => refuse(&context.bus, id, asks, &error).await?,
        Ok(Some(username)) => {
            give(context, &username, &owner(asks)).await?;
            follow(context, &username, &owner(asks)).await?;
            let data = videocall::event("registered", Some(&username), None);
            let change = Some(Change::Registered(username));
            answer(&context.bus, id, asks, change, vec![reply(asks, data)]).await?;
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
) -> Result<Result<Option<String>, PluginError>, Failure> {
    let body = Object::parse(asks.body.get()).unwrap_or_default();
    let username = match videocall::username(&body) {
        Ok(username) => username,
        Err(error) => {
            let handle = context.directory.handle(asks.from.handle_ref()).await?;
            let own = handle.and_then(|handle| handle.username);
            return Ok(Err(own.map_or(error, |name| PluginError::already_registered(&name))));
        }
    };
    match context.directory.claim_name(&owner(asks), &username, id).await? {
        Claimed::Yes => Ok(Ok(Some(username))),
        Claimed::Lost => Ok(Ok(None)),
        // By a name that a peer has taken meanwhile, and nobody has told.
        Claimed::AlreadyNamed(name) if find_displaced(context, &name, &owner(asks)).await? => {
            match context.directory.claim_name(&owner(asks), &username, id).await? {
                Claimed::Yes => Ok(Ok(Some(username))),
                Claimed::Lost => Ok(Ok(None)),
                Claimed::AlreadyNamed(name) => Ok(Err(PluginError::already_registered(&name))),
            }
        }
        Claimed::AlreadyNamed(name) => Ok(Err(PluginError::already_registered(&name))),
    }
}

async fn give(context: &Context, username: &str, owner: &Owner) -> Result<(), Failure> {
    let mut instead_of: Option<HandleRef> = None;
    for _ in 0..MAX_CONTENTION {
        match context.directory.give_name(username, owner, instead_of).await? {
            Given::Yes => return Ok(()),
            Given::OwnedBy(previous) => {
                displace(context, username, &previous).await?;
                instead_of = Some(previous.handle);
            }
        }
    }
    Err(Failure::Contended)
}

/// Somebody who has gone to another edge since the request was sent, or since it was done for the first
/// time, is to be called there.
async fn follow(context: &Context, username: &str, owner: &Owner) -> Result<(), Failure> {
    let session = context.directory.session(owner.handle.session).await?;
    if let Some(session) = session.filter(|session| session.edge != owner.edge) {
        context.directory.move_handle(owner.handle, Some(username), &owner.edge, &session.edge).await?;
    }
    Ok(())
}

/// Takes the name off its owner and tells him.
async fn displace(context: &Context, username: &str, previous: &Owner) -> Result<(), Failure> {
    context.directory.strip_name(previous.handle, username).await?;
    tell_displaced(context, username, previous).await
}

/// Tells whoever has lost a name to a later registration.
pub async fn tell_displaced(context: &Context, username: &str, previous: &Owner) -> Result<(), Failure> {
    let data = videocall::event("unregistered", Some(username), Some("Registered elsewhere"));
    let event = ClientEvent::Plugin { transaction: None, data, jsep: None };
    let change = Some(Change::Displaced(username.to_owned()));
    let events = Events { change, ..Events::of(previous.handle, vec![event]) };
    tell(&context.bus, &previous.edge, events).await?;
    context.bus.publish(&Notice::NameDisplaced(username.to_owned())).await?;
    Ok(())
}

fn owner(asks: &ClientRequest) -> Owner {
    Owner { edge: asks.from.edge.clone(), handle: asks.from.handle_ref() }
}
