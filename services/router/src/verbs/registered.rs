//! Whose a name is, for whoever looks one up, and what comes to light by it: that a peer has taken a name
//! from a handle of ours. Nobody else tells that handle, so whoever sees it does.
//!
//! The handle loses the name by its own record, its call ends, it is told, and only then it is forgotten
//! in the name's record: stopped half-way, the next who looks does it all again.

use super::register::send_displaced;
use super::{HandlerError, end};
use directory::OUR_PROXY;
use directory::record::{Owner, Registered, User};
use service::Context;

/// What the call of a handle ends with whose name a peer has taken.
const TAKEN_REASON: &str = "Registered elsewhere";

/// Somebody who can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A handle of ours.
    Local(User),
    /// A user of a peer that is alive.
    Remote(ProxyUser),
}

/// A user of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUser {
    /// The name.
    pub username: String,
    /// Whether its proxy says that it is in a call.
    pub in_call: bool,
    /// Where its proxy is.
    pub api_base_url: String,
}

/// Whoever has this name; none when nobody has, or the peer whose it is is not alive.
pub async fn look_up(context: &Context, username: &str) -> Result<Option<Callee>, HandlerError> {
    let registered = context.directory.user(username).await?;
    resolve(context, registered).await
}

/// The same for a name that was looked up already.
pub async fn resolve(
    context: &Context,
    registered: Option<Registered>,
) -> Result<Option<Callee>, HandlerError> {
    let peer = match registered {
        None => return Ok(None),
        Some(Registered::Local(user)) => return Ok(Some(Callee::Local(user))),
        Some(Registered::Foreign(peer)) => peer,
    };
    if let Some(displaced) = &peer.displaced {
        displace(context, &peer.username, displaced).await?;
    }
    // With our own uuid it is a record of ours that somebody has damaged.
    if peer.proxy.is_empty() || peer.proxy == OUR_PROXY {
        return Ok(None);
    }
    let api_base_url = context.directory.proxy_url(&peer.proxy).await?;
    Ok(api_base_url.map(|api_base_url| {
        Callee::Remote(ProxyUser { username: peer.username, in_call: peer.in_call, api_base_url })
    }))
}

/// Tells a handle that is surprised not to own its name, if it is a peer's, also where the peer has left no
/// trace of the handle.
pub async fn report_displaced(
    context: &Context,
    username: &str,
    handle: &Owner,
) -> Result<bool, HandlerError> {
    let registered = context.directory.user(username).await?;
    let Some(Registered::Foreign(peer)) = &registered else { return Ok(false) };
    let has_trace = peer.displaced.as_ref().is_some_and(|owner| owner.handle == handle.handle);
    resolve(context, registered).await?;
    if !has_trace && context.directory.revoke_name(handle.handle, username).await? {
        send_displaced(context, username, handle).await?;
    }
    Ok(true)
}

/// The record of a name says where its handle was when it was written; by now another edge may have it.
async fn displace(context: &Context, username: &str, displaced: &Owner) -> Result<(), HandlerError> {
    let handle = context.directory.handle(displaced.handle).await?;
    if context.directory.revoke_displaced(displaced.handle, username).await? {
        if let Some(call) = handle.as_ref().and_then(|handle| handle.call) {
            end::end_with_reason(context, call, TAKEN_REASON).await?;
        }
        let edge = handle.map_or_else(|| displaced.edge.clone(), |handle| handle.edge);
        send_displaced(context, username, &Owner { edge, handle: displaced.handle }).await?;
        tracing::info!(handle = %displaced.handle, "a peer has taken a name");
    }
    context.directory.clear_displaced(username, displaced).await?;
    Ok(())
}
