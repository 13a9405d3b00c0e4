//! Looks up the owner of a name. A lookup may find that a janus-cloud proxy has taken the name from one of our
//! handles. janus-cloud does not notify that handle, so the router does.
//!
//! First the name is removed from the handle's own record, and the handle's call ends. Then the handle is
//! notified, and the reference to it is removed from the name's record. After a crash in between, the next
//! lookup repeats these steps.
//!
//! Also handles `exists` and `list`, the requests that only read names.

use super::{HandlerError, end};
use crate::lists::Lists;
use crate::replies::{REGISTERED_ELSEWHERE, send_displaced, send_error, send_result};
use bus::message::ClientRequest;
use common::MessageId;
use directory::OUR_PROXY;
use directory::record::{Owner, RegisteredName, User};
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use service::Context;

/// A user that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A handle of this cluster.
    Local(User),
    /// A user of a janus-cloud proxy that is alive.
    Foreign(ForeignCallee),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCallee {
    pub username: String,
    /// Whether its proxy has recorded it as in a call.
    pub in_call: bool,
    /// The URL of its proxy.
    pub api_base_url: String,
}

/// Answers whether a name is registered, here or with a janus-cloud proxy that is alive. janus-cloud added
/// this request to VideoCall.
pub async fn exists(context: &Context, id: MessageId, request: &ClientRequest) -> Result<(), HandlerError> {
    let body = LazyObject::parse(request.body.get()).unwrap_or_default();
    match videocall::username(&body) {
        Err(error) => send_error(&context.bus, id, request, &error).await?,
        Ok(username) => {
            let is_registered = look_up(context, &username).await?.is_some();
            send_result(&context.bus, id, request, videocall::exists(&username, is_registered)).await?;
        }
    }
    Ok(())
}

/// Answers with the registered names, at most [`directory::MAX_LISTED_USERS`]. Without `lists` no client may list them.
pub async fn list(
    context: &Context,
    lists: Option<&Lists>,
    id: MessageId,
    request: &ClientRequest,
) -> Result<(), HandlerError> {
    match lists {
        Some(lists) => {
            let names = lists.get(&context.directory).await?;
            send_result(&context.bus, id, request, names).await?;
        }
        None => send_error(&context.bus, id, request, &PluginError::list_disabled()).await?,
    }
    Ok(())
}

/// Returns who has this name; `None` without an owner, or when the proxy that owns it is not alive.
pub async fn look_up(context: &Context, username: &str) -> Result<Option<Callee>, HandlerError> {
    let registered = context.directory.user(username).await?;
    resolve(context, registered).await
}

/// As [`look_up`], for a name whose record was read already.
pub async fn resolve(
    context: &Context,
    registered: Option<RegisteredName>,
) -> Result<Option<Callee>, HandlerError> {
    let user = match registered {
        None => return Ok(None),
        Some(RegisteredName::Local(user)) => return Ok(Some(Callee::Local(user))),
        Some(RegisteredName::Foreign(user)) => user,
    };
    if let Some(displaced) = &user.displaced {
        displace(context, &user.username, displaced).await?;
    }
    // A foreign record with our own proxy's id is a damaged record of ours.
    if user.proxy.is_empty() || user.proxy == OUR_PROXY {
        return Ok(None);
    }
    let api_base_url = context.directory.proxy_url(&user.proxy).await?;
    Ok(api_base_url.map(|api_base_url| {
        Callee::Foreign(ForeignCallee { username: user.username, in_call: user.in_call, api_base_url })
    }))
}

/// Returns whether a janus-cloud proxy has taken the name that this handle has by its own record. If so,
/// notifies the handle, also where the proxy's record does not refer to it.
pub async fn report_displaced(
    context: &Context,
    username: &str,
    handle: &Owner,
) -> Result<bool, HandlerError> {
    let registered = context.directory.user(username).await?;
    let Some(RegisteredName::Foreign(user)) = &registered else { return Ok(false) };
    let is_referred_to = user.displaced.as_ref().is_some_and(|owner| owner.handle == handle.handle);
    resolve(context, registered).await?;
    if !is_referred_to && context.directory.revoke_name(handle.handle, username).await? {
        send_displaced(&context.bus, username, handle).await?;
    }
    Ok(true)
}

/// Takes the name from a displaced handle, ends its call and notifies it. The handle may have moved to another
/// edge since the name's record was written.
async fn displace(context: &Context, username: &str, displaced: &Owner) -> Result<(), HandlerError> {
    let handle = context.directory.handle(displaced.handle).await?;
    if context.directory.revoke_displaced(displaced.handle, username).await? {
        if let Some(call) = handle.as_ref().and_then(|handle| handle.call) {
            end::end_with_reason(context, call, REGISTERED_ELSEWHERE).await?;
        }
        let edge = handle.map_or_else(|| displaced.edge.clone(), |handle| handle.edge);
        send_displaced(&context.bus, username, &Owner { edge, handle: displaced.handle }).await?;
        tracing::info!(handle = %displaced.handle, "a janus-cloud proxy has taken a name");
    }
    context.directory.clear_displaced(username, displaced).await?;
    Ok(())
}
