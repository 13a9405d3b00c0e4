//! `exists` and `list`: requests that change nothing.

use super::HandlerError;
use super::names::look_up;
use crate::replies::{send_error, send_result};
use bus::message::ClientRequest;
use common::MessageId;
use protocol::object::LazyObject;
use protocol::videocall;
use service::Context;

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

/// Answers who is registered, at most [`directory::MAX_LISTED`] names.
pub async fn list(context: &Context, id: MessageId, request: &ClientRequest) -> Result<(), HandlerError> {
    let usernames = context.directory.usernames().await?;
    send_result(&context.bus, id, request, videocall::list(&usernames)).await?;
    Ok(())
}
