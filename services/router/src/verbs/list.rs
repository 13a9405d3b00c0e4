//! `list`: who is registered, at most [`directory::MAX_LISTED`] of them.

use super::HandlerError;
use crate::answer::send_result;
use bus::message::ClientRequest;
use common::MessageId;
use protocol::videocall;
use service::Context;

/// Answers the request.
pub async fn list(context: &Context, id: MessageId, asks: &ClientRequest) -> Result<(), HandlerError> {
    let usernames = context.directory.usernames().await?;
    send_result(&context.bus, id, asks, videocall::list(&usernames)).await?;
    Ok(())
}
