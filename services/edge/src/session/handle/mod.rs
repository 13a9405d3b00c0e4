//! One VideoCall handle as its edge sees it: pure decisions, `(state, input, now)` to acts.
//!
//! Requests to the plugin are done one after the other, as Janus' plugin thread does them: one is
//! [`Asked`] of a router or a connector at a time, the others wait, at most [`MAX_WAITING`] of them;
//! one more is refused. What needs nobody else (`set` or `hangup` outside a call, bad input) is
//! answered here. Candidates gather in [`candidates`] and overtake requests, as in Janus.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | what the client sends |
//! | `requests.rs` | who does a request to the plugin: a router, the call's connector, or nobody else |
//! | `events.rs` | what comes back, and the passing of time |
//! | `order.rs` | what is heard once, in its turn, or not at all |
//! | `answered.rs` | which request an answer is to |
//! | `candidates.rs` | candidates that wait to travel together |
//! | `settings.rs` | `set` outside a call |
//! | `saved.rs` | the handle as it is written down for another edge |
//!
//! How it fails: an answer that does not come in [`PATIENCE`] is given as an error, and what comes
//! late is undone. A bus that takes no message fails the request at once.

mod candidates;
mod correlation;
mod events;
mod reorder;
mod requests;
mod settings;
mod snapshot;

pub use events::undo;
pub use snapshot::{ClockPair, HandleSnapshot};

#[cfg(test)]
mod tests;

use crate::metrics;
use crate::session::action::{Action, Destination};
use bus::message::{Address, Body, LegRef, LegRequest, Message, Release, Trickle};
use candidates::CandidateBuffer;
use common::{BackendName, CallId, MessageId, ServiceId};
use correlation::IssuedIds;
use protocol::error::{JanusError, UNKNOWN};
use protocol::jsep::Kind;
use protocol::videocall::PluginRequest;
use protocol::{HandleRef, Raw, Side, reply, trickle};
use reorder::ReorderBuffer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use settings::PendingSettings;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long a request may take until its client gets an error.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Of how many requests of the other side it is known that their effect was told.
const MAX_SEEN_CAUSES: usize = 16;
/// How many requests may wait on one handle.
const MAX_QUEUED_REQUESTS: usize = 64;

/// The state of a handle.
#[derive(Debug)]
pub struct Handle {
    address: Address,
    username: Option<String>,
    /// Whether routers may have a record of it.
    recorded: bool,
    leg: Option<Leg>,
    in_flight: Option<InFlight>,
    issued: IssuedIds,
    queue: VecDeque<Queued>,
    candidates: CandidateBuffer,
    settings: PendingSettings,
    reorder: ReorderBuffer,
}

/// The handle's side of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Leg {
    leg_ref: LegRef,
    backend: BackendName,
    /// The callee has accepted, and both sides know.
    answered: bool,
    /// The latest requests of the other side whose effect the client was told: another connector may do them
    /// again.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    seen_causes: VecDeque<MessageId>,
}

/// The request that is being done elsewhere.
#[derive(Debug)]
struct InFlight {
    id: MessageId,
    transaction: String,
    request: PluginRequest,
    /// Whether the client still waits for its `ack`: with a jsep it may get an error instead.
    ack_pending: bool,
    deadline: Instant,
    /// The client has hung up meanwhile.
    hung_up: bool,
    /// The request itself, to be decided anew when its call ends before the answer comes.
    requeue: Option<Queued>,
}

/// A request that waits for its turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Queued {
    /// The id it is asked under, wherever: so nobody does it twice.
    id: MessageId,
    transaction: String,
    body: Raw,
    jsep: Option<(Raw, Kind)>,
}

impl Handle {
    /// A handle that has done nothing yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            username: None,
            recorded: false,
            leg: None,
            in_flight: None,
            issued: IssuedIds::default(),
            queue: VecDeque::new(),
            candidates: CandidateBuffer::default(),
            settings: PendingSettings::default(),
            reorder: ReorderBuffer::default(),
        }
    }

    fn call(&self) -> Option<CallId> {
        self.leg.as_ref().map(|leg| leg.leg_ref.call)
    }

    /// The leg of the call it is in, and the backend that has it.
    pub fn leg(&self) -> Option<(LegRef, BackendName)> {
        self.leg.as_ref().map(|leg| (leg.leg_ref, leg.backend.clone()))
    }

    /// Whether routers may have a record of it.
    pub fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// Whether a request waits for its turn.
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Its name.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// `message`, with a checked jsep.
    pub fn on_message(
        &mut self,
        transaction: &str,
        body: &RawValue,
        jsep: Option<(&RawValue, Kind)>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        if self.queue.len() >= MAX_QUEUED_REQUESTS {
            metrics::queue_full(metrics::HANDLE_REQUESTS);
            let refusal = JanusError::new(UNKNOWN, "Too many requests wait on this handle");
            return self.refuse(transaction, &refusal, acts);
        }
        if jsep.is_none() {
            self.ack(transaction, acts);
        }
        let newest = self.queue.back().map(|waiting| waiting.id).max(self.issued.latest());
        self.queue.push_back(Queued {
            id: MessageId::after(newest),
            transaction: transaction.to_owned(),
            body: body.to_owned(),
            jsep: jsep.map(|(jsep, kind)| (jsep.to_owned(), kind)),
        });
        self.dispatch_next(now, acts);
    }

    /// `trickle`.
    pub fn on_trickle(
        &mut self,
        transaction: &str,
        candidates: &trickle::Candidates<'_>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let ready = self.leg.as_ref().is_some_and(|leg| leg.answered);
        if let Err(refusal) = candidates.check().or_else(|refusal| if ready { Err(refusal) } else { Ok(()) })
        {
            return self.refuse(transaction, &refusal, acts);
        }
        self.ack(transaction, acts);
        for candidate in candidates.list() {
            self.candidates.push((*candidate).to_owned());
        }
        self.schedule_trickle(now);
    }

    /// Core `hangup`: the call ends, the handle stays.
    pub fn on_hangup(&mut self, transaction: &str, acts: &mut Vec<Action>) {
        acts.push(self.send_to_client(reply::success(self.address.session, transaction)));
        self.hang_up(acts);
    }

    /// `detach`. Where a router has to free its name first, `detached` waits for that: returns the
    /// message that asks for it.
    pub fn on_detach(&self, transaction: &str, acts: &mut Vec<Action>) -> Option<MessageId> {
        acts.push(self.send_to_client(reply::success(self.address.session, transaction)));
        if !self.recorded {
            acts.push(detached_event(self.address.handle_ref()));
            return None;
        }
        let (id, act) = release_handle(self.address.handle_ref(), Some(self.address.edge.clone()));
        acts.push(act);
        Some(id)
    }

    /// The handle goes away: its name and its call with it.
    pub fn on_destroy(&self, acts: &mut Vec<Action>) {
        if self.recorded {
            acts.push(release_handle(self.address.handle_ref(), None).1);
        }
    }

    /// Ends the call this handle is in, or is about to be in.
    fn hang_up(&mut self, acts: &mut Vec<Action>) {
        match (&self.leg, &mut self.in_flight) {
            (Some(leg), _) => {
                let message = Box::new(Message::new(Body::Hangup(leg.leg_ref)));
                acts.push(Action::Publish(
                    Destination::Backend(leg.backend.clone()),
                    message,
                    self.address.handle_ref(),
                ));
            }
            (None, Some(asked)) if asked.request == PluginRequest::Call => asked.hung_up = true,
            _ => {}
        }
    }

    fn schedule_trickle(&mut self, now: Instant) {
        if let Some(leg) = &self.leg {
            let rings = leg.leg_ref.side == Side::Caller && !leg.answered;
            let window = if rings { candidates::RINGING_BATCH_WINDOW } else { candidates::BATCH_WINDOW };
            self.candidates.start_window(now, window);
        }
    }

    fn send_candidates(&mut self, acts: &mut Vec<Action>) {
        let Some(leg) = &self.leg else { return };
        let trickle = Body::Trickle(Trickle { leg: leg.leg_ref, candidates: self.candidates.take() });
        acts.push(Action::Publish(
            Destination::Backend(leg.backend.clone()),
            Box::new(Message::new(trickle)),
            self.address.handle_ref(),
        ));
    }

    fn send_settings(&mut self, acts: &mut Vec<Action>) {
        let (Some(leg), Some(body)) = (&self.leg, self.settings.take()) else { return };
        let request = Body::Request(LegRequest { leg: leg.leg_ref, transaction: None, body, jsep: None });
        acts.push(Action::Publish(
            Destination::Backend(leg.backend.clone()),
            Box::new(Message::new(request)),
            self.address.handle_ref(),
        ));
    }

    /// Answers a request here and now.
    fn reply_locally(&self, request: &Queued, data: &RawValue, acts: &mut Vec<Action>) {
        if request.jsep.is_some() {
            self.ack(&request.transaction, acts);
        }
        acts.push(self.plugin_event(Some(&request.transaction), data, None));
    }

    fn refuse(&self, transaction: &str, refusal: &JanusError, acts: &mut Vec<Action>) {
        acts.push(self.send_to_client(reply::error(Some(self.address.session), Some(transaction), refusal)));
    }

    fn ack(&self, transaction: &str, acts: &mut Vec<Action>) {
        acts.push(self.send_to_client(reply::ack(self.address.session, transaction)));
    }

    fn plugin_event(&self, transaction: Option<&str>, data: &RawValue, jsep: Option<&RawValue>) -> Action {
        self.send_to_client(reply::event(self.address.session, self.address.handle, transaction, data, jsep))
    }

    fn send_to_client(&self, text: String) -> Action {
        Action::SendToClient(self.address.session, text)
    }
}

/// Asks for a handle's name to be freed; with the id of the message. Somebody may be told when it is.
pub fn release_handle(who: HandleRef, tell: Option<ServiceId>) -> (MessageId, Action) {
    let message = Message::new(Body::Release(Release { who, notify: tell }));
    (message.id, Action::Publish(Destination::Requests, Box::new(message), who))
}

/// Tells a client that a handle is gone.
pub fn detached_event(who: HandleRef) -> Action {
    let nothing = RawValue::from_string("{}".to_owned()).expect("an empty object is JSON");
    Action::SendToClient(who.session, reply::core_event("detached", who.session, who.handle, &nothing))
}
