//! Messages from a router to a client, sent through the client's edge.

use bus::message::{Body, Change, ClientEvent, ClientRequest, Events, Message, Notice};
use bus::topic::Mailbox;
use bus::{Bus, SendError};
use common::{MessageId, ServiceId};
use directory::record::Owner;
use protocol::Raw;
use protocol::videocall::{self, PluginError};

/// The reason that a client receives when another registration has taken its name.
pub const REGISTERED_ELSEWHERE: &str = "Registered elsewhere";

/// Sends the final reply to a request.
pub async fn send_reply(
    bus: &Bus,
    id: MessageId,
    request: &ClientRequest,
    change: Option<Change>,
    events: Vec<ClientEvent>,
) -> Result<(), SendError> {
    let events =
        Events { in_reply_to: Some(id), change, ..Events::for_handle(request.from.handle_ref(), events) };
    send_events(bus, &request.from.edge, events).await
}

/// Sends a final reply of one plugin event.
pub async fn send_result(
    bus: &Bus,
    id: MessageId,
    request: &ClientRequest,
    data: Raw,
) -> Result<(), SendError> {
    send_reply(bus, id, request, None, vec![plugin_event(request, data)]).await
}

/// Sends a plugin error as the final reply.
pub async fn send_error(
    bus: &Bus,
    id: MessageId,
    request: &ClientRequest,
    error: &PluginError,
) -> Result<(), SendError> {
    send_reply(bus, id, request, None, vec![plugin_event(request, videocall::error(error))]).await
}

/// Notifies a handle that it lost its name to a later registration.
pub async fn send_displaced(bus: &Bus, username: &str, previous: &Owner) -> Result<(), SendError> {
    let data = videocall::event("unregistered", Some(username), Some(REGISTERED_ELSEWHERE));
    let event = ClientEvent::Plugin { transaction: None, data, jsep: None };
    let change = Some(Change::Displaced(username.to_owned()));
    let events = Events { change, ..Events::for_handle(previous.handle, vec![event]) };
    send_events(bus, &previous.edge, events).await?;
    bus.publish(&Notice::NameDisplaced(username.to_owned())).await
}

/// Sends events to a client. An edge without a mailbox has stopped, and its clients with it: no error.
pub async fn send_events(bus: &Bus, edge: &ServiceId, events: Events) -> Result<(), SendError> {
    match bus.post(&Mailbox::Edge(edge.clone()), &Message::new(Body::Events(events))).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => sent,
    }
}

/// Returns a plugin event under the request's transaction.
pub fn plugin_event(request: &ClientRequest, data: Raw) -> ClientEvent {
    ClientEvent::Plugin { transaction: Some(request.transaction.clone()), data, jsep: None }
}
