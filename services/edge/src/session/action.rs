//! The outputs of the session state machine: what the connection does for it, in order.

use bus::message::{Body, Change, Events, LegRef, Message, Release};
use common::{BackendName, MessageId, ServiceId};
use protocol::{HandleRef, SessionId, reply};
use serde_json::value::RawValue;
use tokio::time::Instant;

#[derive(Debug)]
pub enum Action {
    /// Send a text to the session's client, or keep it until the client is back.
    SendToClient(SessionId, String),
    /// Put a message on the bus. A failure is reported to the handle with the message's id.
    Publish(Destination, Box<Message>, HandleRef),
}

/// The receiver of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Requests,
    /// The connector of this backend.
    Backend(BackendName),
}

/// One run of the state machine: the circumstances of an input, and the actions that follow from it.
pub struct Cx {
    pub now: Instant,
    /// The client has no socket.
    pub disconnected: bool,
    /// How many more bytes the sessions of the connection may hold.
    pub room: usize,
    actions: Vec<Action>,
}

impl Cx {
    pub fn new(now: Instant) -> Self {
        Self { now, disconnected: false, room: usize::MAX, actions: Vec::new() }
    }

    pub fn send_to_client(&mut self, session: SessionId, text: String) {
        self.actions.push(Action::SendToClient(session, text));
    }

    /// `handle` is the handle that the message comes from.
    pub fn publish(&mut self, destination: Destination, message: Message, handle: HandleRef) {
        self.actions.push(Action::Publish(destination, Box::new(message), handle));
    }

    /// Tells a client that a handle is detached.
    pub fn send_detached(&mut self, handle: HandleRef) {
        let fields = RawValue::from_string("{}".to_owned()).expect("an empty object is JSON");
        let event = reply::core_event("detached", handle.session, handle.handle, &fields);
        self.send_to_client(handle.session, event);
    }

    /// Requests the release of a handle's name and call. The router then notifies the edge `notify`. Returns the id
    /// of the request.
    pub fn publish_release(&mut self, handle: HandleRef, notify: Option<ServiceId>) -> MessageId {
        let message = Message::new(Body::Release(Release { who: handle, notify }));
        let id = message.id;
        self.publish(Destination::Requests, message, handle);
        id
    }

    /// Undoes what `events` brought about for a handle that is gone: hangs up a call, releases a name.
    pub fn undo(&mut self, events: &Events) {
        let handle = HandleRef { session: events.session, handle: events.handle };
        match (&events.change, events.call) {
            (Some(Change::Joined { backend, side }), Some(call)) => {
                let hangup = Message::new(Body::Hangup(LegRef { call, side: *side }));
                self.publish(Destination::Backend(backend.clone()), hangup, handle);
            }
            // A handle that lost a name still has a record.
            (Some(Change::Registered(_) | Change::Displaced(_)), _) => {
                self.publish_release(handle, None);
            }
            _ => {}
        }
    }

    pub fn into_actions(self) -> Vec<Action> {
        self.actions
    }
}
