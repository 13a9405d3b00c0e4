//! The tracing span of a message: its kind, its call and its request. Every service handles a message within this span,
//! so that one call can be followed through all logs.

use super::{Body, Events, Message};
use common::CallId;
use tracing::Span;

impl Message {
    /// The span in which this message is sent or handled.
    pub fn span(&self) -> Span {
        match &self.body {
            Body::Events(events) => events.span(),
            body => span(body.kind(), self.call(), Some(&self.id)),
        }
    }

    /// The call of the message. A call has the id of the request for it.
    pub fn call(&self) -> Option<CallId> {
        match &self.body {
            Body::Call(_) | Body::Invite(_) => Some(self.id.into()),
            Body::Abandon(abandon) => Some(abandon.call),
            Body::Place(place) => Some(place.call),
            Body::Request(request) => Some(request.leg.call),
            Body::Trickle(trickle) => Some(trickle.leg.call),
            Body::Hangup(leg) => Some(leg.call),
            Body::End(end) => Some(end.call),
            Body::ClientMoved(moved) => Some(moved.leg.call),
            Body::Events(events) => events.call,
            Body::ProxyInvite(invite) => Some(invite.call),
            Body::ProxyReply(reply) => Some(reply.call),
            _ => None,
        }
    }
}

impl Events {
    /// The span of these events, with the request that they reply to.
    pub fn span(&self) -> Span {
        span("events", self.call, self.in_reply_to.as_ref())
    }
}

fn span(kind: &str, call: Option<CallId>, request: Option<&common::MessageId>) -> Span {
    tracing::info_span!("message", kind, call = call.map(display), request = request.map(display))
}
