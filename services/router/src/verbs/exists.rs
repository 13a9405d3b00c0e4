//! `exists`: whether somebody is registered under a name (janus-cloud's addition to VideoCall): with us, or
//! with a peer that is alive.

use super::Failure;
use super::registered::look_up;
use crate::answer::{refuse, result};
use bus::message::ClientRequest;
use protocol::object::Object;
use protocol::{MessageId, videocall};
use service::Context;

/// Answers the request.
pub async fn exists(context: &Context, id: MessageId, asks: &ClientRequest) -> Result<(), Failure> {
    let body = Object::parse(asks.body.get()).unwrap_or_default();
    match videocall::username(&body) {
        Err(error) => refuse(&context.bus, id, asks, &error).await?,
        Ok(username) => {
            let registered = look_up(context, &username).await?.is_some();
            result(&context.bus, id, asks, videocall::exists(&username, registered)).await?;
        }
    }
    Ok(())
}
