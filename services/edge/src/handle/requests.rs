//! Requests to the plugin, one after the other: who does each, and what that one is asked.

use super::{Asked, Handle, Leg, PATIENCE, Waiting};
use crate::act::{Act, Road};
use bus::message::{Body, ClientRequest, Deadline, LegRequest, Message, Site};
use protocol::error::{Refusal, UNEXPECTED_ANSWER};
use protocol::jsep::Kind;
use protocol::object::Object;
use protocol::videocall::{self, PluginError, Request};
use protocol::{MessageId, Raw, outside};
use tokio::time::Instant;

/// Who does a request.
enum Step {
    Route(Request),
    Leg(Request),
    Answer(Raw),
}

impl Handle {
    /// Does waiting requests until one has to be asked of somebody else.
    pub(super) fn go_on(&mut self, now: Instant, acts: &mut Vec<Act>) {
        while self.asked.is_none() {
            let Some(next) = self.waiting.pop_front() else { return };
            self.start(next, now, acts);
        }
    }

    fn start(&mut self, next: Waiting, now: Instant, acts: &mut Vec<Act>) {
        if self.leg.is_none() && matches!(next.jsep, Some((_, Kind::Answer))) {
            let refusal = Refusal::new(UNEXPECTED_ANSWER, "Unexpected ANSWER (did we offer?)");
            return self.refuse(&next.transaction, &refusal, acts);
        }
        match self.decide(&next) {
            Ok(Step::Route(request)) => self.ask_router(request, next, now, acts),
            Ok(Step::Leg(request)) => self.ask_leg(request, next, now, acts),
            Ok(Step::Answer(data)) => self.answer(&next, &data, acts),
            Err(error) => self.answer(&next, &videocall::error(&error), acts),
        }
    }

    /// Who does a request: a router, the connector of the call, or nobody else.
    fn decide(&mut self, next: &Waiting) -> Result<Step, PluginError> {
        let body = Object::parse(next.body.get()).unwrap_or_default();
        let request = videocall::request(&body)?;
        if request == Request::Set {
            videocall::check_set(&body)?;
        }
        match request {
            Request::Register | Request::Call | Request::List | Request::Exists => Ok(Step::Route(request)),
            _ if self.leg.is_some() => Ok(Step::Leg(request)),
            Request::Accept => Err(PluginError::no_call()),
            Request::Set if videocall::wants_recording(&body) => Err(PluginError::no_recording()),
            Request::Set => {
                self.settings.note(&body);
                Ok(Step::Answer(videocall::event("set", None, None)))
            }
            Request::Hangup => {
                let reason = Some("Explicit hangup");
                Ok(Step::Answer(videocall::event("hangup", self.username.as_deref(), reason)))
            }
        }
    }

    fn ask_router(&mut self, request: Request, next: Waiting, now: Instant, acts: &mut Vec<Act>) {
        self.recorded |= request == Request::Register;
        let deadline = self.note_asked(request, &next, now);
        let asks = ClientRequest {
            from: self.address.clone(),
            transaction: next.transaction,
            body: next.body,
            // Whoever sends it knows.
            site: Site::default(),
            jsep: next.jsep.map(|(jsep, _)| jsep),
            asked: (request == Request::Call).then(outside::unix_micros),
        };
        let body = match request {
            Request::Register => Body::Register(asks),
            Request::Call => Body::Call(asks),
            Request::List => Body::List(asks),
            _ => Body::Exists(asks),
        };
        self.ask(body, Road::Requests, deadline, acts);
    }

    fn ask_leg(&mut self, request: Request, next: Waiting, now: Instant, acts: &mut Vec<Act>) {
        let Some(Leg { leg, backend, .. }) = &self.leg else { return };
        let (leg, road) = (*leg, Road::Backend(backend.clone()));
        if request == Request::Accept {
            self.candidates.hurry(now);
        }
        let deadline = self.note_asked(request, &next, now);
        if let Some(asked) = &mut self.asked {
            asked.again = Some(next.clone());
        }
        let jsep = next.jsep.map(|(jsep, _)| jsep);
        let body =
            Body::Request(LegRequest { leg, transaction: Some(next.transaction), body: next.body, jsep });
        self.ask(body, road, deadline, acts);
    }

    /// Notes the request as being done elsewhere.
    fn note_asked(&mut self, request: Request, next: &Waiting, now: Instant) -> (MessageId, Deadline) {
        self.known.ask(next.id);
        self.asked = Some(Asked {
            id: next.id,
            transaction: next.transaction.clone(),
            request,
            owes_ack: next.jsep.is_some(),
            deadline: now + PATIENCE,
            hang_up: false,
            again: None,
        });
        (next.id, Deadline::after(PATIENCE))
    }

    fn ask(&self, body: Body, road: Road, (id, deadline): (MessageId, Deadline), acts: &mut Vec<Act>) {
        let message = Box::new(Message { id, deadline: Some(deadline), body });
        acts.push(Act::Send(road, message, self.address.handle_ref()));
    }
}
