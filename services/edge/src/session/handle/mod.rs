//! The state machine of one VideoCall handle. It does no I/O: it takes an input and adds actions to a [`Cx`].
//!
//! Requests to the plugin run one after the other, as in the plugin thread of Janus. At most one is in flight at a
//! router or connector; the others are queued ([`correlation`]). Requests that need no other service (`set` and
//! `hangup` outside a call, invalid ones) are answered here. Candidates overtake requests, as in Janus.
//!
//! A request without a reply after [`REQUEST_TIMEOUT`] gets an error, and a later reply is undone. A request that the
//! bus does not take fails at once.

mod correlation;
mod events;
mod pending;
mod reorder;
mod requests;
pub mod snapshot;
#[cfg(test)]
mod tests;

use crate::session::action::{Cx, Destination};
use bus::message::{Address, Body, LegRef, LegRequest, Message, Trickle};
use common::{BackendName, CallId, MessageId};
pub use correlation::REQUEST_TIMEOUT;
use correlation::RequestQueue;
use pending::{BATCH_WINDOW, CandidateBuffer, PendingSettings, RINGING_BATCH_WINDOW};
use protocol::error::JanusError;
use protocol::{Side, reply};
use reorder::ReorderBuffer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::VecDeque;

#[derive(Debug)]
pub struct Handle {
    address: Address,
    username: Option<String>,
    /// Routers may have a record of the handle.
    recorded: bool,
    leg: Option<Leg>,
    requests: RequestQueue,
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
    /// The latest requests of the peer whose effects were sent to the client. After a takeover another connector may
    /// repeat them.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    seen_causes: VecDeque<MessageId>,
}

impl Handle {
    pub fn new(address: Address) -> Self {
        Self {
            address,
            username: None,
            recorded: false,
            leg: None,
            requests: RequestQueue::default(),
            candidates: CandidateBuffer::default(),
            settings: PendingSettings::default(),
            reorder: ReorderBuffer::default(),
        }
    }

    fn call(&self) -> Option<CallId> {
        self.leg.as_ref().map(|leg| leg.leg_ref.call)
    }

    pub fn leg(&self) -> Option<(LegRef, BackendName)> {
        self.leg.as_ref().map(|leg| (leg.leg_ref, leg.backend.clone()))
    }

    /// The bytes that wait on the handle.
    pub fn held_bytes(&self) -> usize {
        self.requests.bytes() + self.candidates.bytes() + self.reorder.bytes()
    }

    /// Whether routers may have a record of the handle.
    pub fn is_recorded(&self) -> bool {
        self.recorded
    }

    pub fn has_queued_requests(&self) -> bool {
        self.requests.has_queued()
    }

    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Starts the batching window of the buffered candidates, if the handle is in a call.
    fn schedule_trickle(&mut self, cx: &Cx) {
        if let Some(leg) = &self.leg {
            let is_ringing = leg.leg_ref.side == Side::Caller && !leg.answered;
            let window = if is_ringing { RINGING_BATCH_WINDOW } else { BATCH_WINDOW };
            self.candidates.start_window(cx.now, window);
        }
    }

    fn send_candidates(&mut self, cx: &mut Cx) {
        if let Some(leg) = &self.leg {
            let trickle = Trickle { leg: leg.leg_ref, candidates: self.candidates.take() };
            self.publish_on_leg(leg, Body::Trickle(trickle), cx);
        }
    }

    fn send_settings(&mut self, cx: &mut Cx) {
        if let (Some(leg), Some(body)) = (&self.leg, self.settings.take()) {
            let request = LegRequest { leg: leg.leg_ref, transaction: None, body, jsep: None };
            self.publish_on_leg(leg, Body::Request(request), cx);
        }
    }

    /// Ends the call of this handle, or the one it is about to join.
    fn hang_up(&mut self, cx: &mut Cx) {
        match &self.leg {
            Some(leg) => self.publish_on_leg(leg, Body::Hangup(leg.leg_ref), cx),
            None => self.requests.hang_up_call(),
        }
    }

    fn publish_on_leg(&self, leg: &Leg, body: Body, cx: &mut Cx) {
        cx.publish(Destination::Backend(leg.backend.clone()), Message::new(body), self.address.handle_ref());
    }

    fn send_refusal(&self, transaction: &str, error: &JanusError, cx: &mut Cx) {
        self.send(reply::error(Some(self.address.session), Some(transaction), error), cx);
    }

    fn send_ack(&self, transaction: &str, cx: &mut Cx) {
        self.send(reply::ack(self.address.session, transaction), cx);
    }

    fn send_event(&self, transaction: Option<&str>, data: &RawValue, jsep: Option<&RawValue>, cx: &mut Cx) {
        let Address { session, handle, .. } = self.address;
        self.send(reply::event(session, handle, transaction, data, jsep), cx);
    }

    fn send_core_event(&self, name: &str, fields: &RawValue, cx: &mut Cx) {
        self.send(reply::core_event(name, self.address.session, self.address.handle, fields), cx);
    }

    fn send(&self, text: String, cx: &mut Cx) {
        cx.send_to_client(self.address.session, text);
    }
}
