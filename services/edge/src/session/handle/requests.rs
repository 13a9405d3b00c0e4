//! Requests to the plugin, one after the other: who does each, and what that one is asked.

use super::{Handle, InFlight, Leg, Queued, REQUEST_TIMEOUT};
use crate::session::action::{Action, Destination};
use bus::message::{Body, ClientRequest, Deadline, LegRequest, Location, Message};
use common::{MessageId, entropy};
use protocol::Raw;
use protocol::error::{JanusError, UNEXPECTED_ANSWER};
use protocol::jsep::Kind;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError, PluginRequest};
use tokio::time::Instant;

/// Who does a request.
enum Target {
    Router(PluginRequest),
    Connector(PluginRequest),
    Local(Raw),
}

impl Handle {
    /// Does waiting requests until one has to be asked of somebody else.
    pub(super) fn dispatch_next(&mut self, now: Instant, acts: &mut Vec<Action>) {
        while self.in_flight.is_none() {
            let Some(next) = self.queue.pop_front() else { return };
            self.dispatch(next, now, acts);
        }
    }

    fn dispatch(&mut self, next: Queued, now: Instant, acts: &mut Vec<Action>) {
        if self.leg.is_none() && matches!(next.jsep, Some((_, Kind::Answer))) {
            let refusal = JanusError::new(UNEXPECTED_ANSWER, "Unexpected ANSWER (did we offer?)");
            return self.refuse(&next.transaction, &refusal, acts);
        }
        match self.target_of(&next) {
            Ok(Target::Router(request)) => self.send_to_router(request, next, now, acts),
            Ok(Target::Connector(request)) => self.send_to_connector(request, next, now, acts),
            Ok(Target::Local(data)) => self.reply_locally(&next, &data, acts),
            Err(error) => self.reply_locally(&next, &videocall::error(&error), acts),
        }
    }

    /// Who does a request: a router, the connector of the call, or nobody else.
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

    fn send_to_router(&mut self, request: PluginRequest, next: Queued, now: Instant, acts: &mut Vec<Action>) {
        self.recorded |= request == PluginRequest::Register;
        let deadline = self.mark_in_flight(request, &next, now);
        let asks = ClientRequest {
            from: self.address.clone(),
            transaction: next.transaction,
            body: next.body,
            // Whoever sends it knows.
            location: Location::default(),
            jsep: next.jsep.map(|(jsep, _)| jsep),
            requested_at: (request == PluginRequest::Call).then(entropy::unix_micros),
        };
        let body = match request {
            PluginRequest::Register => Body::Register(asks),
            PluginRequest::Call => Body::Call(asks),
            PluginRequest::List => Body::List(asks),
            _ => Body::Exists(asks),
        };
        self.publish(body, Destination::Requests, deadline, acts);
    }

    fn send_to_connector(
        &mut self,
        request: PluginRequest,
        next: Queued,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let Some(Leg { leg_ref: leg, backend, .. }) = &self.leg else { return };
        let (leg, road) = (*leg, Destination::Backend(backend.clone()));
        if request == PluginRequest::Accept {
            self.candidates.shorten_window(now);
        }
        let deadline = self.mark_in_flight(request, &next, now);
        if let Some(asked) = &mut self.in_flight {
            asked.requeue = Some(next.clone());
        }
        let jsep = next.jsep.map(|(jsep, _)| jsep);
        let body =
            Body::Request(LegRequest { leg, transaction: Some(next.transaction), body: next.body, jsep });
        self.publish(body, road, deadline, acts);
    }

    /// Notes the request as being done elsewhere.
    fn mark_in_flight(
        &mut self,
        request: PluginRequest,
        next: &Queued,
        now: Instant,
    ) -> (MessageId, Deadline) {
        self.issued.record(next.id);
        self.in_flight = Some(InFlight {
            id: next.id,
            transaction: next.transaction.clone(),
            request,
            ack_pending: next.jsep.is_some(),
            deadline: now + REQUEST_TIMEOUT,
            hung_up: false,
            requeue: None,
        });
        (next.id, Deadline::after(REQUEST_TIMEOUT))
    }

    fn publish(
        &self,
        body: Body,
        road: Destination,
        (id, deadline): (MessageId, Deadline),
        acts: &mut Vec<Action>,
    ) {
        let message = Box::new(Message { id, deadline: Some(deadline), body });
        acts.push(Action::Publish(road, message, self.address.handle_ref()));
    }
}
