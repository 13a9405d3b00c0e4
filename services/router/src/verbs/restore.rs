//! `restore`: an edge's word that a handle had a name before the directory lost everything.
//!
//! The name is the handle's again, unless somebody else has it by now, here or with a peer: the latest registration wins,
//! and then the handle is told what it lost. A handle that is gone by now is told that it has the
//! name, so that its edge gives it back.

use super::HandlerError;
use super::register::send_displaced;
use super::registered::{Callee, look_up};
use crate::answer::send_events;
use bus::message::{Change, Events, Restore};
use common::MessageId;
use directory::record::{ClaimOutcome, GrantOutcome, Owner};
use service::Context;

/// Gives the name back, or tells why not.
pub async fn restore(context: &Context, id: MessageId, lost: &Restore) -> Result<(), HandlerError> {
    let Restore { who, username } = lost;
    let owner = Owner { edge: who.edge.clone(), handle: who.handle_ref() };
    match context.directory.claim_name(&owner, username, id).await? {
        ClaimOutcome::Claimed => {}
        // The directory had not lost this one.
        ClaimOutcome::AlreadyNamed(name) if name == *username => {}
        ClaimOutcome::AlreadyNamed(_) => return Ok(()),
        // Whoever found that out may have died before he said so.
        ClaimOutcome::Lost => return send_displaced(context, username, &owner).await,
    }
    if let Some(Callee::Remote(_)) = look_up(context, username).await? {
        return report_lost(context, &owner, username).await;
    }
    match context.directory.grant_name(username, &owner, None).await? {
        GrantOutcome::Granted => send_registered(context, &owner, username).await,
        GrantOutcome::OwnedBy(_) => report_lost(context, &owner, username).await,
    }
}

async fn report_lost(context: &Context, owner: &Owner, username: &str) -> Result<(), HandlerError> {
    context.directory.revoke_name(owner.handle, username).await?;
    send_displaced(context, username, owner).await
}

async fn send_registered(context: &Context, owner: &Owner, username: &str) -> Result<(), HandlerError> {
    let change = Some(Change::Registered(username.to_owned()));
    let events = Events { change, ..Events::for_handle(owner.handle, Vec::new()) };
    Ok(send_events(&context.bus, &owner.edge, events).await?)
}
