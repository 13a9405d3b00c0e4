//! Calls that end because one of their messages cannot be delivered: an event to its client, or a request to Janus.

use super::action::Action;
use super::end::end_events;
use super::leg::MAX_BATCH_BYTES;
use super::machine::Calls;
use crate::janus::message::{FromJanus, JanusId};
use crate::metrics;
use crate::undelivered::Loss;
use bus::message::{Change, ClientEvent, EndKind};
use common::{CallId, ErrorLog, warn_failure};
use protocol::Side;
use protocol::hangup::HangupCause;
use protocol::object::LazyObject;
use protocol::videocall::{self, PluginError};
use tokio::time::Instant;

static REFUSING: ErrorLog = ErrorLog::new("taking events of Janus");
static SENDING: ErrorLog = ErrorLog::new("sending requests of calls to Janus");

/// The largest plugin event of Janus. Together with a batch it fits in a message of the bus.
pub const MAX_EVENT: usize = bus::MAX_PAYLOAD - 2 * MAX_BATCH_BYTES;

impl Calls {
    /// An event for a client of this call is lost. The call ends for both sides.
    pub fn on_undelivered(&mut self, call: CallId, loss: Loss, now: Instant) -> Vec<Action> {
        self.step(now, |calls| calls.end_undelivered(call, loss))
    }

    /// Janus is sent no more requests of this size for now. The call of this one ends; a request without a reply is
    /// only dropped.
    pub fn on_request_unsent(&mut self, request: &str, now: Instant) -> Vec<Action> {
        self.step(now, |calls| {
            let request = LazyObject::parse(request).unwrap_or_default();
            let pending = request.string("transaction").ok().and_then(|id| calls.transactions.complete(&id));
            let Some(call) = pending.map(|pending| pending.leg().call) else { return };
            let backend = &calls.config.backend;
            warn_failure!(SENDING, %backend, %call, "the queue of requests to Janus is full, ending a call");
            calls.fail(call, HangupCause::MediaServer("The media server is overloaded".to_owned()));
        })
    }

    /// Ends the call of an event that no message of the bus can hold. Returns whether it is one.
    pub(super) fn refuses_oversized(&mut self, message: &FromJanus) -> bool {
        let (sender, limit) = match message {
            FromJanus::Plugin { sender, .. } => (*sender, MAX_EVENT),
            FromJanus::Core { sender, .. } => (*sender, MAX_BATCH_BYTES),
            _ => return false,
        };
        let size = message.size();
        if size > limit {
            self.end_oversized(sender, size);
        }
        size > limit
    }

    fn end_oversized(&mut self, sender: JanusId, size: usize) {
        let Some(call) = self.legs.get(&sender).map(|leg| leg.call) else { return };
        let backend = &self.config.backend;
        warn_failure!(REFUSING, %backend, %call, size, "an event of Janus is too large, ending its call");
        metrics::record_lost(Loss::TooLarge);
        self.end_undelivered(call, Loss::TooLarge);
    }

    fn end_undelivered(&mut self, id: CallId, loss: Loss) {
        if !self.contains(id) {
            return;
        }
        let cause = HangupCause::Undeliverable(loss.reason().to_owned());
        match self.calls.get(&id) {
            Some(call) if !call.resumed && !call.leg(Side::Caller).joined => {
                self.refuse_undelivered(id, loss)
            }
            _ => self.end(id, cause),
        }
    }

    /// Ends a call that its caller does not know of yet.
    fn refuse_undelivered(&mut self, id: CallId, loss: Loss) {
        let error = match loss {
            Loss::TooLarge => PluginError::result_too_large(),
            _ => PluginError::backend_failed(),
        };
        self.finish(id, (loss.reason(), EndKind::Undeliverable), |call| {
            let transaction = Some(call.transaction.clone());
            let event = ClientEvent::Plugin { transaction, data: videocall::error(&error), jsep: None };
            let refusal = call.events(Side::Caller, Some(call.request()), Some(Change::Left), vec![event]);
            let callee = end_events(call, Side::Callee, &HangupCause::ClientGone(Side::Caller));
            refusal.into_iter().chain(callee).collect()
        });
    }
}
