//! `exists`: whether somebody is registered under a name (janus-cloud's addition to VideoCall): with us, or
//! with a peer that is alive.

use super::HandlerError;
use super::registered::look_up;
use crate::answer::{send_error, send_result};
use bus::message::ClientRequest;
use common::MessageId;
use protocol::object::LazyObject;
use protocol::videocall;
use service::Context;

/// Answers the request.
pub async fn exists(context: &Context, id: MessageId, asks: &ClientRequest) -> Result<(), HandlerError> {
    let body = LazyObject::parse(asks.body.get()).unwrap_or_default();
    match videocall::username(&body) {
        Err(error) => send_error(&context.bus, id, asks, &error).await?,
        Ok(username) => {
            let registered = look_up(context, &username).await?.is_some();
            send_result(&context.bus, id, asks, videocall::exists(&username, registered)).await?;
        }
    }
    Ok(())
}
