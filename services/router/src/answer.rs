//! What a router tells clients, through their edges.

use bus::message::{Body, Change, ClientEvent, ClientRequest, Events, Message};
use bus::topic::Mailbox;
use bus::{Bus, SendError};
use common::{MessageId, ServiceId};
use protocol::videocall::{self, PluginError};
use protocol::{Raw, raw};

/// The final answer of a request.
pub async fn send_reply(
    bus: &Bus,
    request: MessageId,
    asks: &ClientRequest,
    change: Option<Change>,
    events: Vec<ClientEvent>,
) -> Result<(), SendError> {
    let events =
        Events { in_reply_to: Some(request), change, ..Events::for_handle(asks.from.handle_ref(), events) };
    send_events(bus, &asks.from.edge, events).await
}

/// An answer that is one result.
pub async fn send_result(
    bus: &Bus,
    request: MessageId,
    asks: &ClientRequest,
    data: Raw,
) -> Result<(), SendError> {
    send_reply(bus, request, asks, None, vec![plugin_event(asks, data)]).await
}

/// A refusal.
pub async fn send_error(
    bus: &Bus,
    request: MessageId,
    asks: &ClientRequest,
    error: &PluginError,
) -> Result<(), SendError> {
    send_reply(bus, request, asks, None, vec![plugin_event(asks, videocall::error(error))]).await
}

/// Events for a client. One whose edge is gone is gone too; that is no error.
pub async fn send_events(bus: &Bus, edge: &ServiceId, events: Events) -> Result<(), SendError> {
    match bus.post(&Mailbox::Edge(edge.clone()), &Message::new(Body::Events(events))).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => sent,
    }
}

/// A plugin event under the request's transaction.
pub fn plugin_event(asks: &ClientRequest, data: Raw) -> ClientEvent {
    ClientEvent::Plugin { transaction: Some(asks.transaction.clone()), data, jsep: None }
}

/// What Janus says when a PeerConnection is gone.
pub fn core_hangup(reason: &str) -> ClientEvent {
    #[derive(serde::Serialize)]
    struct Fields<'a> {
        reason: &'a str,
    }
    ClientEvent::Core { janus: "hangup".to_owned(), fields: raw(&Fields { reason }) }
}
