//! What Janus answers to what it was asked.

use super::Calls;
use super::act::Action;
use super::asking::{ClientRequest, Pending};
use super::closing::{HangupCause, SETUP_REFUSED};
use super::peers::NAME_TAKEN;
use super::takeover::NO_CALL;
use crate::janus::message::PluginData;
use bus::message::{CallEvent, Change, ClientEvent, LegRef};
use common::CallId;
use protocol::videocall::PluginRequest;
use protocol::{Raw, Side};
use tokio::time::Instant;

impl Calls {
    /// Janus' event under a transaction of ours.
    pub(super) fn on_reply(
        &mut self,
        asked: Pending,
        data: Raw,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        let PluginData { event, error, .. } = PluginData::read(&data);
        let (refused, busy) = (event.is_empty(), event == "hangup");
        match asked {
            Pending::Register(leg) if !refused => self.on_registered(leg, now, acts),
            Pending::Call(leg) if !refused && !busy => self.on_calling(leg.call, data, now, acts),
            Pending::Call(leg) => self.on_call_refused(leg.call, data, error, now, acts),
            Pending::Check(leg) if error == Some(NO_CALL) => self.end_missing_leg(leg, now, acts),
            Pending::Check(_) => {}
            Pending::Register(leg) if error == Some(NAME_TAKEN) && self.retry_register(leg.call, now) => {}
            Pending::Register(leg) | Pending::Attach(leg) => {
                self.record_refusal(leg.call, error, &data);
                tracing::warn!(backend = %self.backend, call = %leg.call, %data, "Janus does not register a leg");
                self.fail(leg.call, HangupCause::MediaServer(SETUP_REFUSED.to_owned()), now, acts);
            }
            Pending::Request(asks) => {
                let change = (asks.verb == PluginRequest::Accept && !refused).then_some(Change::Answered);
                self.reply_to_client(asks, data, jsep, change, acts);
            }
        }
    }

    /// A client has its answer; with that its request is done.
    pub(super) fn reply_to_client(
        &mut self,
        asks: ClientRequest,
        data: Raw,
        jsep: Option<Raw>,
        change: Option<Change>,
        acts: &mut Vec<Action>,
    ) {
        let event = asks.transaction.as_ref().map(|transaction| ClientEvent::Plugin {
            transaction: Some(transaction.clone()),
            data,
            jsep,
        });
        self.complete_request(asks, event, change, acts);
    }

    fn complete_request(
        &mut self,
        asks: ClientRequest,
        event: Option<ClientEvent>,
        change: Option<Change>,
        acts: &mut Vec<Action>,
    ) {
        let ClientRequest { leg, request, ack: receipt, .. } = asks;
        let accepted = change == Some(Change::Answered);
        if let Some(event) = event {
            self.send_to_client(leg, Some(request), change, event, acts);
        }
        if accepted {
            self.on_call_answered(leg.call, acts);
        }
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).mark_answered(request);
        call.acks.push(receipt);
        self.save(leg.call, acts);
    }

    /// Janus' core error under a transaction of ours.
    pub(super) fn on_janus_error(
        &mut self,
        transaction: &str,
        code: u16,
        reason: String,
        now: Instant,
        acts: &mut Vec<Action>,
    ) {
        match self.transactions.complete(transaction) {
            Some(Pending::Call(leg)) => self.refuse_core(leg.call, code, reason, now, acts),
            Some(Pending::Check(leg)) => self.end_missing_leg(leg, now, acts),
            Some(Pending::Request(asks)) => {
                let error = |transaction: &String| ClientEvent::Error {
                    transaction: transaction.clone(),
                    code,
                    reason,
                };
                let event = asks.transaction.as_ref().map(error);
                self.complete_request(asks, event, None, acts);
            }
            Some(Pending::Attach(leg) | Pending::Register(leg)) => {
                tracing::warn!(backend = %self.backend, call = %leg.call, code, reason, "Janus refuses a leg");
                self.fail(leg.call, HangupCause::MediaServer(SETUP_REFUSED.to_owned()), now, acts);
            }
            None => {}
        }
    }

    pub(super) fn on_call_answered(&mut self, id: CallId, acts: &mut Vec<Action>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !std::mem::replace(&mut call.answered, true) {
            acts.push(Action::Log(call.log_record(&self.backend, CallEvent::Answered, None)));
        }
        for side in [Side::Caller, Side::Callee] {
            self.send_held_candidates(LegRef { call: id, side }, acts);
        }
    }
}
