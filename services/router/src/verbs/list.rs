//! `list`: who is registered, at most [`directory::MAX_LISTED`] of them.

use super::Failure;
use crate::answer::result;
use bus::message::ClientRequest;
use protocol::{MessageId, videocall};
use service::Context;

/// Answers the request.
pub async fn list(context: &Context, id: MessageId, asks: &ClientRequest) -> Result<(), Failure> {
    let usernames = context.directory.usernames().await?;
    result(&context.bus, id, asks, videocall::list(&usernames)).await?;
    Ok(())
}
