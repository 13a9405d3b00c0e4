//! What Janus answers to what it was asked.

use super::Calls;
use super::act::Act;
use super::asking::{Asked, ClientAsks};
use super::closing::{Cause, REFUSED};
use super::peers::NAME_TAKEN;
use super::takeover::NO_CALL;
use crate::janus::message::PluginData;
use bus::message::{CallEvent, Change, ClientEvent, LegRef};
use protocol::videocall::Request;
use protocol::{CallId, Raw, Side};
use tokio::time::Instant;

impl Calls {
    /// Janus' event under a transaction of ours.
    pub(super) fn on_reply(
        &mut self,
        asked: Asked,
        data: Raw,
        jsep: Option<Raw>,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        let PluginData { event, error, .. } = PluginData::read(&data);
        let (refused, busy) = (event.is_empty(), event == "hangup");
        match asked {
            Asked::Register(leg) if !refused => self.on_registered(leg, now, acts),
            Asked::Call(leg) if !refused && !busy => self.on_calling(leg.call, data, now, acts),
            Asked::Call(leg) => self.on_call_refused(leg.call, data, error, now, acts),
            Asked::Check(leg) if error == Some(NO_CALL) => self.end_missed(leg, now, acts),
            Asked::Check(_) => {}
            Asked::Register(leg) if error == Some(NAME_TAKEN) && self.registers_again(leg.call, now) => {}
            Asked::Register(leg) | Asked::Attach(leg) => {
                self.note_refusal(leg.call, error, &data);
                tracing::warn!(backend = %self.backend, call = %leg.call, %data, "Janus does not register a leg");
                self.fail(leg.call, Cause::Because(REFUSED.to_owned()), now, acts);
            }
            Asked::Request(asks) => {
                let change = (asks.verb == Request::Accept && !refused).then_some(Change::Answered);
                self.answer(asks, data, jsep, change, acts);
            }
        }
    }

    /// A client has its answer; with that its request is done.
    pub(super) fn answer(
        &mut self,
        asks: ClientAsks,
        data: Raw,
        jsep: Option<Raw>,
        change: Option<Change>,
        acts: &mut Vec<Act>,
    ) {
        let event = asks.transaction.as_ref().map(|transaction| ClientEvent::Plugin {
            transaction: Some(transaction.clone()),
            data,
            jsep,
        });
        self.answer_with(asks, event, change, acts);
    }

    fn answer_with(
        &mut self,
        asks: ClientAsks,
        event: Option<ClientEvent>,
        change: Option<Change>,
        acts: &mut Vec<Act>,
    ) {
        let ClientAsks { leg, request, receipt, .. } = asks;
        let accepted = change == Some(Change::Answered);
        if let Some(event) = event {
            self.client_hears(leg, Some(request), change, event, acts);
        }
        if accepted {
            self.on_answered(leg.call, acts);
        }
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.leg_mut(leg.side).has_answered(request);
        call.receipts.push(receipt);
        self.save(leg.call, acts);
    }

    /// Janus' core error under a transaction of ours.
    pub(super) fn on_error(
        &mut self,
        transaction: &str,
        code: u16,
        reason: String,
        now: Instant,
        acts: &mut Vec<Act>,
    ) {
        match self.questions.answered(transaction) {
            Some(Asked::Call(leg)) => self.refuse_core(leg.call, code, reason, now, acts),
            Some(Asked::Check(leg)) => self.end_missed(leg, now, acts),
            Some(Asked::Request(asks)) => {
                let error = |transaction: &String| ClientEvent::Error {
                    transaction: transaction.clone(),
                    code,
                    reason,
                };
                let event = asks.transaction.as_ref().map(error);
                self.answer_with(asks, event, None, acts);
            }
            Some(Asked::Attach(leg) | Asked::Register(leg)) => {
                tracing::warn!(backend = %self.backend, call = %leg.call, code, reason, "Janus refuses a leg");
                self.fail(leg.call, Cause::Because(REFUSED.to_owned()), now, acts);
            }
            None => {}
        }
    }

    pub(super) fn on_answered(&mut self, id: CallId, acts: &mut Vec<Act>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !std::mem::replace(&mut call.answered, true) {
            acts.push(Act::Log(call.line(&self.backend, CallEvent::Answered, None)));
        }
        for side in [Side::Caller, Side::Callee] {
            self.send_held(LegRef { call: id, side }, acts);
        }
    }
}
