//! `restore`: an edge's word that a handle had a name before the directory lost everything.
//!
//! The name is the handle's again, unless somebody else has it by now, here or with a peer: the latest registration wins,
//! and then the handle is told what it lost. A handle that is gone by now is told that it has the
//! name, so that its edge gives it back.

use super::Failure;
use super::register::tell_displaced;
use super::registered::{Callee, look_up};
use crate::answer::tell;
use bus::message::{Change, Events, Restore};
use directory::record::{Claimed, Given, Owner};
use protocol::MessageId;
use service::Context;

/// Gives the name back, or tells why not.
pub async fn restore(context: &Context, id: MessageId, lost: &Restore) -> Result<(), Failure> {
    let Restore { who, username } = lost;
    let owner = Owner { edge: who.edge.clone(), handle: who.handle_ref() };
    match context.directory.claim_name(&owner, username, id).await? {
        Claimed::Yes => {}
        // The directory had not lost this one.
        Claimed::AlreadyNamed(name) if name == *username => {}
        Claimed::AlreadyNamed(_) => return Ok(()),
        // Whoever found that out may have died before he said so.
        Claimed::Lost => return tell_displaced(context, username, &owner).await,
    }
    if let Some(Callee::Theirs(_)) = look_up(context, username).await? {
        return lose(context, &owner, username).await;
    }
    match context.directory.give_name(username, &owner, None).await? {
        Given::Yes => tell_registered(context, &owner, username).await,
        Given::OwnedBy(_) => lose(context, &owner, username).await,
    }
}

async fn lose(context: &Context, owner: &Owner, username: &str) -> Result<(), Failure> {
    context.directory.strip_name(owner.handle, username).await?;
    tell_displaced(context, username, owner).await
}

async fn tell_registered(context: &Context, owner: &Owner, username: &str) -> Result<(), Failure> {
    let change = Some(Change::Registered(username.to_owned()));
    let events = Events { change, ..Events::of(owner.handle, Vec::new()) };
    Ok(tell(&context.bus, &owner.edge, events).await?)
}
