//! What the client sends: each request is answered here, or sent to a router or to the connector of the call.

use super::correlation::{InFlight, QueueFull, Queued};
use super::{Handle, REQUEST_TIMEOUT};
use crate::metrics;
use crate::session::action::{Cx, Destination};
use bus::message::{Body, ClientRequest, Deadline, LegRequest, Location, Message};
use common::{MessageId, clock};
use protocol::error::{JanusError, UNEXPECTED_ANSWER, UNKNOWN};
use protocol::jsep::Kind;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError, PluginRequest};
use protocol::{Raw, reply, trickle};
use serde_json::value::RawValue;

/// Where a request is handled.
enum Target {
    Router(PluginRequest),
    Connector(PluginRequest),
    /// At this edge, with this reply.
    Local(Raw),
}

impl Handle {
    /// Handles `message`, whose jsep is checked: queues the plugin request.
    pub fn on_message(
        &mut self,
        transaction: &str,
        body: &RawValue,
        jsep: Option<(&RawValue, Kind)>,
        cx: &mut Cx,
    ) {
        let has_jsep = jsep.is_some();
        let jsep = jsep.map(|(jsep, kind)| (jsep.to_owned(), kind));
        if let Err(QueueFull) = self.requests.push(transaction.to_owned(), body.to_owned(), jsep, cx.room) {
            metrics::queue_full(metrics::HANDLE_REQUESTS);
            let error = JanusError::new(UNKNOWN, "Too many requests wait on this handle");
            return self.send_refusal(transaction, &error, cx);
        }
        if !has_jsep {
            self.send_ack(transaction, cx);
        }
        self.dispatch_next(cx);
    }

    pub fn on_trickle(&mut self, transaction: &str, candidates: &trickle::Candidates<'_>, cx: &mut Cx) {
        let is_answered = self.leg.as_ref().is_some_and(|leg| leg.answered);
        // Like Janus, does not look at candidates before the call is answered.
        if is_answered && let Err(error) = candidates.check() {
            return self.send_refusal(transaction, &error, cx);
        }
        self.send_ack(transaction, cx);
        let max_bytes = self.candidates.bytes().saturating_add(cx.room);
        for candidate in candidates.list() {
            self.candidates.push((*candidate).to_owned(), max_bytes);
        }
        self.schedule_trickle(cx);
    }

    /// Handles the core request `hangup`: ends the call; the handle stays.
    pub fn on_hangup(&mut self, transaction: &str, cx: &mut Cx) {
        self.send(reply::success(self.address.session, transaction), cx);
        self.hang_up(cx);
    }

    /// Handles `detach`. If a router has to release the handle's name, `detached` is sent only after that; then returns
    /// the id of the request to release it.
    pub fn on_detach(&self, transaction: &str, cx: &mut Cx) -> Option<MessageId> {
        self.send(reply::success(self.address.session, transaction), cx);
        let handle = self.address.handle_ref();
        if self.recorded {
            return Some(cx.publish_release(handle, Some(self.address.edge.clone())));
        }
        cx.send_detached(handle);
        None
    }

    /// Releases the handle, because its session ends.
    pub fn on_destroy(&self, cx: &mut Cx) {
        if self.recorded {
            cx.publish_release(self.address.handle_ref(), None);
        }
    }

    /// Handles queued requests until one is in flight.
    pub(super) fn dispatch_next(&mut self, cx: &mut Cx) {
        while let Some(next) = self.requests.pop() {
            self.dispatch(next, cx);
        }
    }

    fn dispatch(&mut self, next: Queued, cx: &mut Cx) {
        if self.leg.is_none() && matches!(next.jsep, Some((_, Kind::Answer))) {
            let error = JanusError::new(UNEXPECTED_ANSWER, "Unexpected ANSWER (did we offer?)");
            return self.send_refusal(&next.transaction, &error, cx);
        }
        match self.target_of(&next) {
            Ok(Target::Router(request)) => self.send_to_router(request, next, cx),
            Ok(Target::Connector(request)) => self.send_to_connector(request, next, cx),
            Ok(Target::Local(data)) => self.reply_locally(&next, &data, cx),
            Err(error) => self.reply_locally(&next, &videocall::error(&error), cx),
        }
    }

    fn target_of(&mut self, next: &Queued) -> Result<Target, PluginError> {
        let body = LazyObject::parse(next.body.get()).unwrap_or_default();
        let request = videocall::request(&body)?;
        if request == PluginRequest::Set {
            videocall::check_set(&body)?;
        }
        match request {
            PluginRequest::Register | PluginRequest::Call | PluginRequest::List | PluginRequest::Exists => {
                Ok(Target::Router(request))
            }
            _ if self.leg.is_some() => Ok(Target::Connector(request)),
            PluginRequest::Accept => Err(PluginError::no_call()),
            PluginRequest::Set if videocall::wants_recording(&body) => Err(PluginError::recording_disabled()),
            PluginRequest::Set => {
                self.settings.merge(&body);
                Ok(Target::Local(videocall::event("set", None, None)))
            }
            PluginRequest::Hangup => {
                let reason = Some("Explicit hangup");
                Ok(Target::Local(videocall::event("hangup", self.username.as_deref(), reason)))
            }
        }
    }

    fn reply_locally(&self, request: &Queued, data: &RawValue, cx: &mut Cx) {
        if request.jsep.is_some() {
            self.send_ack(&request.transaction, cx);
        }
        self.send_event(Some(&request.transaction), data, None, cx);
    }

    fn send_to_router(&mut self, request: PluginRequest, next: Queued, cx: &mut Cx) {
        self.recorded |= request == PluginRequest::Register;
        self.start(request, &next, None, cx);
        let client_request = ClientRequest {
            from: self.address.clone(),
            transaction: next.transaction,
            body: next.body,
            // The publisher fills it in.
            location: Location::default(),
            jsep: next.jsep.map(|(jsep, _)| jsep),
            requested_at: (request == PluginRequest::Call).then(clock::unix_micros),
            failed: None,
        };
        let body = match request {
            PluginRequest::Register => Body::Register(client_request),
            PluginRequest::Call => Body::Call(client_request),
            PluginRequest::List => Body::List(client_request),
            _ => Body::Exists(client_request),
        };
        self.publish_request(next.id, body, Destination::Requests, cx);
    }

    fn send_to_connector(&mut self, request: PluginRequest, next: Queued, cx: &mut Cx) {
        let Some((leg, backend)) = self.leg() else { return };
        if request == PluginRequest::Accept {
            self.candidates.shorten_window(cx.now);
        }
        self.start(request, &next, Some(next.clone()), cx);
        let leg_request = LegRequest {
            leg,
            transaction: Some(next.transaction),
            body: next.body,
            jsep: next.jsep.map(|(jsep, _)| jsep),
        };
        self.publish_request(next.id, Body::Request(leg_request), Destination::Backend(backend), cx);
    }

    fn start(&mut self, request: PluginRequest, next: &Queued, requeue: Option<Queued>, cx: &Cx) {
        self.requests.start(InFlight {
            id: next.id,
            transaction: next.transaction.clone(),
            request,
            ack_pending: next.jsep.is_some(),
            deadline: cx.now + REQUEST_TIMEOUT,
            hung_up: false,
            requeue,
        });
    }

    fn publish_request(&self, id: MessageId, body: Body, destination: Destination, cx: &mut Cx) {
        let message = Message { id, deadline: Some(Deadline::after(REQUEST_TIMEOUT)), body };
        cx.publish(destination, message, self.address.handle_ref());
    }
}
