//! What log lines about a message say of it: the request it belongs to, its kind, and the call it is about.
//! Whoever works on a message does so within its span, in every service, so that one call can be followed
//! through all their logs.

use super::{Body, Events, Message};
use common::CallId;
use tracing::Span;

impl Message {
    /// For all that is logged while this message is sent or worked on.
    pub fn span(&self) -> Span {
        match &self.body {
            Body::Events(events) => events.span(),
            body => span(body.kind(), self.call(), Some(&self.id)),
        }
    }

    /// The call it is about; a call has the id of the request that asks for it.
    pub fn call(&self) -> Option<CallId> {
        match &self.body {
            Body::Call(_) | Body::Invite(_) => Some(self.id.into()),
            Body::Abandon(abandon) => Some(abandon.call),
            Body::Place(place) => Some(place.call),
            Body::Request(request) => Some(request.leg.call),
            Body::Trickle(trickle) => Some(trickle.leg.call),
            Body::Hangup(leg) => Some(leg.call),
            Body::End(end) => Some(end.call),
            Body::ClientMoved(attend) => Some(attend.leg.call),
            Body::Events(events) => events.call,
            Body::ProxyInvite(ask) => Some(ask.call),
            Body::ProxyReply(answer) => Some(answer.call),
            _ => None,
        }
    }
}

impl Events {
    /// For all that is logged about them: the request is the one that they answer.
    pub fn span(&self) -> Span {
        span("events", self.call, self.in_reply_to.as_ref())
    }
}

fn span(kind: &str, call: Option<CallId>, request: Option<&common::MessageId>) -> Span {
    tracing::info_span!("message", kind, call = call.map(display), request = request.map(display))
}
