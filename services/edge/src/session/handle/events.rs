//! What routers and connectors send to a handle, and what its timers do.

use super::correlation::{Completed, InFlight, transaction_of};
use super::reorder::Arrival;
use super::{Handle, Leg};
use crate::metrics;
use crate::session::action::{Cx, Destination};
use bus::message::{Abandon, Body, Change, ClientEvent, Events, LegRef, Message};
use common::{CallId, MessageId};
use protocol::error::{JanusError, UNKNOWN};
use protocol::raw;
use protocol::videocall::{self, PluginError, PluginRequest};
use serde_json::json;
use std::collections::VecDeque;
use tokio::time::Instant;

/// How many requests of the peer, whose effects were sent to the client, a handle remembers.
const MAX_SEEN_CAUSES: usize = 16;

impl Handle {
    pub fn on_events(&mut self, events: Events, cx: &mut Cx) {
        match self.classify(&events) {
            Arrival::Duplicate => self.drop_duplicate(&events, cx),
            Arrival::InOrder => self.record_and_apply(events, cx),
            Arrival::Early => self.reorder.hold(events, cx.now, cx.room),
        }
        self.apply_held(cx);
    }

    fn classify(&self, events: &Events) -> Arrival {
        self.reorder.classify(events, self.call(), |events| self.requests.is_expected(events))
    }

    /// Drops duplicate events. If they begin a call too late, the call is hung up.
    fn drop_duplicate(&self, events: &Events, cx: &mut Cx) {
        metrics::duplicate_event();
        if events.call != self.call() {
            cx.undo(events);
        }
    }

    fn record_and_apply(&mut self, events: Events, cx: &mut Cx) {
        self.reorder.record(&events, self.call());
        self.apply(events, cx);
    }

    /// Applies the held events whose turn has come.
    fn apply_held(&mut self, cx: &mut Cx) {
        while !self.reorder.held.is_empty() {
            let current = self.call();
            match self.reorder.take_next(current, |events| self.requests.is_expected(events)) {
                Some(events) => self.apply_taken(events, cx),
                None if self.reorder.is_overdue(cx.now) => self.skip_gap(cx),
                None => return,
            }
        }
        self.reorder.gap_deadline = None;
    }

    fn apply_taken(&mut self, events: Events, cx: &mut Cx) {
        match self.classify(&events) {
            Arrival::Duplicate => self.drop_duplicate(&events, cx),
            Arrival::InOrder | Arrival::Early => self.record_and_apply(events, cx),
        }
    }

    /// Applies the held events without waiting for the missing ones, which count as lost.
    fn skip_gap(&mut self, cx: &mut Cx) {
        metrics::event_gap();
        let current = self.call();
        match self.reorder.take_behind_gap(current, |events| self.requests.is_expected(events)) {
            Some(events) => self.apply_taken(events, cx),
            None => self.end_previous_call(cx),
        }
    }

    /// Ends the previous call, whose end is lost: the client gets the hang-up events from this edge. A request on that
    /// call is handled before the next call begins.
    fn end_previous_call(&mut self, cx: &mut Cx) {
        let hangup = videocall::event("hangup", None, Some("Remote WebRTC hangup"));
        self.send_event(None, &hangup, None, cx);
        self.send_core_event("hangup", &raw(&json!({"reason": "Close PC"})), cx);
        self.leave_call();
        self.dispatch_next(cx);
    }

    /// Undoes the held events of a call that the client does not wait for any more. They must not end the current call.
    fn undo_held(&mut self, call: CallId, cx: &mut Cx) {
        self.reorder.held.retain(|events| {
            let is_unwanted = events.call == Some(call);
            if is_unwanted {
                cx.undo(events);
            }
            !is_unwanted
        });
    }
}

impl Handle {
    fn apply(&mut self, events: Events, cx: &mut Cx) {
        let events = self.strip_other_call(events);
        if self.is_relevant(&events) {
            self.apply_current(events, cx);
        } else if events.call != self.call() {
            cx.undo(&events);
        }
    }

    /// A connector refuses a `call` of the client while the handle is in another call. Only the reply matters then.
    fn strip_other_call(&self, mut events: Events) -> Events {
        let is_other = self.call().is_some() && events.call.is_some() && events.call != self.call();
        if is_other && events.change == Some(Change::Left) && self.requests.is_reply(&events) {
            events.events.retain(|event| transaction_of(event).is_some());
            events.call = None;
            events.change = None;
        }
        events
    }

    /// Whether the events are about the handle's call, or reply to a request that the client waits for.
    fn is_relevant(&self, events: &Events) -> bool {
        let joins = matches!(events.change, Some(Change::Joined { .. }));
        let is_expected = self.requests.is_expected(events);
        match (events.call, &self.leg) {
            (None, _) => is_expected || matches!(events.change, Some(Change::Registered(_))),
            (Some(call), Some(leg)) => call == leg.leg_ref.call && !joins,
            (Some(_), None) => is_expected && (joins || events.in_reply_to.is_some()),
        }
    }

    fn apply_current(&mut self, mut events: Events, cx: &mut Cx) {
        self.drop_repeated_effect(&mut events);
        let completed = self.requests.complete(&events);
        let client_events = self.client_events(&events, completed.as_ref());
        self.send_events(client_events, completed.as_ref(), cx);
        let made_offer = completed.as_ref().is_some_and(|request| request.is_call && request.ack_pending);
        if let Some(change) = events.change {
            let is_displaced = matches!(change, Change::Displaced(_));
            let hung_up = completed.is_some_and(|request| request.hung_up);
            self.apply_change(change, events.call, cx);
            if hung_up || cx.disconnected && is_displaced {
                self.hang_up(cx);
            }
        }
        if made_offer && self.leg.is_none() {
            // The candidates belong to the offer that is refused.
            self.candidates.take();
        }
        self.schedule_trickle(cx);
        self.dispatch_next(cx);
    }

    /// After a takeover a connector may repeat a request of the peer, because it does not know that its predecessor
    /// has done it.
    fn drop_repeated_effect(&mut self, events: &mut Events) {
        let (Some(request), Some(leg)) = (events.caused_by, &mut self.leg) else { return };
        if leg.seen_causes.contains(&request) {
            events.events.pop();
            return;
        }
        leg.seen_causes.push_back(request);
        if leg.seen_causes.len() > MAX_SEEN_CAUSES {
            leg.seen_causes.pop_front();
        }
    }

    fn client_events(&self, events: &Events, completed: Option<&Completed>) -> Vec<ClientEvent> {
        match completed {
            // A client whose `call` fails after it was called itself must not take that for the end of its call.
            Some(request) if request.is_call && self.leg.is_some() && events.call.is_none() => {
                let transaction = Some(request.transaction.clone());
                let data = videocall::error(&PluginError::already_in_call());
                vec![ClientEvent::Plugin { transaction, data, jsep: None }]
            }
            None if events.in_reply_to.is_some() => self.unsolicited_events(events),
            // The core events end the call that the client offered, not the one that it is in.
            _ if self.leg.is_some() && events.call.is_none() => without_core_events(&events.events),
            _ => events.events.clone(),
        }
    }

    /// Returns what the client still gets of a reply that comes too late, after it has got an error. For a name that is
    /// granted twice it gets nothing.
    fn unsolicited_events(&self, events: &Events) -> Vec<ClientEvent> {
        if matches!(&events.change, Some(Change::Registered(name)) if self.username.as_ref() == Some(name)) {
            return Vec::new();
        }
        let unsolicited = |event: &ClientEvent| match event.clone() {
            ClientEvent::Plugin { data, jsep, .. } => {
                Some(ClientEvent::Plugin { transaction: None, data, jsep })
            }
            ClientEvent::Error { .. } => None,
            core @ ClientEvent::Core { .. } => Some(core),
        };
        events.events.iter().filter_map(unsolicited).collect()
    }

    fn send_events(&self, events: Vec<ClientEvent>, completed: Option<&Completed>, cx: &mut Cx) {
        let is_refused = events.iter().any(|event| matches!(event, ClientEvent::Error { .. }));
        if let Some(request) = completed.filter(|request| request.ack_pending && !is_refused) {
            self.send_ack(&request.transaction, cx);
        }
        for event in events {
            match event {
                ClientEvent::Plugin { transaction, data, jsep } => {
                    self.send_event(transaction.as_deref(), &data, jsep.as_deref(), cx);
                }
                ClientEvent::Core { janus, fields } => self.send_core_event(&janus, &fields, cx),
                ClientEvent::Error { transaction, code, reason } => {
                    self.send_refusal(&transaction, &JanusError::new(code, reason), cx);
                }
            }
        }
    }

    fn apply_change(&mut self, change: Change, call: Option<CallId>, cx: &mut Cx) {
        match (change, call) {
            (Change::Registered(name), _) => {
                self.username = Some(name);
                self.recorded = true;
            }
            (Change::Displaced(name), _) => {
                self.username.take_if(|own| *own == name);
            }
            (Change::Joined { backend, side }, Some(call)) => {
                let leg_ref = LegRef { call, side };
                self.leg = Some(Leg { leg_ref, backend, answered: false, seen_causes: VecDeque::new() });
                self.send_settings(cx);
            }
            (Change::Answered, _) => {
                if let Some(leg) = &mut self.leg {
                    leg.answered = true;
                }
                self.candidates.shorten_window(cx.now);
            }
            (Change::Left, _) => self.leave_call(),
            (Change::Joined { .. } | Change::Released, _) => {}
        }
    }

    fn leave_call(&mut self) {
        self.leg = None;
        self.candidates.take();
        self.requests.requeue_in_flight();
    }
}

impl Handle {
    /// Handles the failure to send this message.
    pub fn on_send_failed(&mut self, message: MessageId, cx: &mut Cx) {
        let Some(request) = self.requests.take_failed(message) else { return };
        if request.ack_pending {
            let error =
                JanusError::new(UNKNOWN, "The server cannot take requests right now, please try again");
            self.send_refusal(&request.transaction, &error, cx);
        } else {
            self.send_timeout(&request, cx);
        }
        self.dispatch_next(cx);
    }

    pub fn next_timer(&self) -> Option<Instant> {
        let timers = [self.requests.deadline(), self.reorder.gap_deadline, self.candidates.flush_at()];
        timers.into_iter().flatten().min()
    }

    pub fn on_timer(&mut self, cx: &mut Cx) {
        if self.candidates.flush_at().is_some_and(|at| at <= cx.now) {
            self.send_candidates(cx);
        }
        if let Some(request) = self.requests.take_expired(cx.now) {
            if request.ack_pending {
                self.send_ack(&request.transaction, cx);
            }
            self.send_timeout(&request, cx);
            self.abandon(&request, cx);
            self.undo_held(request.id.into(), cx);
            self.dispatch_next(cx);
        }
        self.apply_held(cx);
    }

    fn send_timeout(&self, request: &InFlight, cx: &mut Cx) {
        let data = videocall::error(&PluginError::timed_out());
        self.send_event(Some(&request.transaction), &data, None, cx);
    }

    /// Gives up a call that is not set up in time, whether a router or a connector has it.
    fn abandon(&self, request: &InFlight, cx: &mut Cx) {
        if request.request == PluginRequest::Call {
            let who = self.address.handle_ref();
            let abandon = Body::Abandon(Abandon { who, call: request.id.into() });
            cx.publish(Destination::Requests, Message::new(abandon), who);
        }
    }
}

fn without_core_events(events: &[ClientEvent]) -> Vec<ClientEvent> {
    events.iter().filter(|event| !matches!(event, ClientEvent::Core { .. })).cloned().collect()
}
