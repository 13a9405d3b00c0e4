//! What comes back to a handle from routers and connectors, and what time does to it.

use super::correlation::{Completed, transaction_of};
use super::{Handle, InFlight, Leg, MAX_SEEN_CAUSES, release_handle};
use crate::session::action::{Action, Destination};
use bus::message::{Abandon, Body, Change, ClientEvent, Events, LegRef, Message};
use common::{CallId, MessageId};
use protocol::error::{JanusError, UNKNOWN};
use protocol::videocall::{self, PluginError, PluginRequest};
use protocol::{HandleRef, reply};
use std::collections::VecDeque;
use tokio::time::Instant;

impl Handle {
    /// Events whose turn has come. `away`: nobody is there to hear them now.
    pub(super) fn apply(&mut self, events: Events, away: bool, now: Instant, acts: &mut Vec<Action>) {
        let events = self.strip_other_call(events);
        if self.is_relevant(&events) {
            self.apply_current(events, away, now, acts);
        } else if events.call != self.call() {
            undo(&events, acts);
        }
    }

    /// Of a call that its client asked for and that a connector refuses, only the answer concerns a
    /// handle that is in another call by now.
    fn strip_other_call(&self, mut events: Events) -> Events {
        let in_other = self.call().is_some() && events.call.is_some() && events.call != self.call();
        if in_other && events.change == Some(Change::Left) && self.is_reply(&events) {
            events.events.retain(|event| transaction_of(event).is_some());
            (events.call, events.change) = (None, None);
        }
        events
    }

    fn apply_current(&mut self, mut events: Events, away: bool, now: Instant, acts: &mut Vec<Action>) {
        self.drop_duplicate_effect(&mut events);
        let answered = self.complete(&events);
        let items = self.client_events(&events, answered.as_ref());
        self.send_events(items, answered.as_ref(), acts);
        let offered = answered.as_ref().is_some_and(|answered| answered.is_call && answered.ack_pending);
        if let Some(change) = events.change {
            let displaced = matches!(change, Change::Displaced(_));
            let hung_up = answered.is_some_and(|answered| answered.hung_up);
            self.apply_change(change, events.call, now, acts);
            if hung_up || away && displaced {
                self.hang_up(acts);
            }
        }
        if offered && self.leg.is_none() {
            // They were for the offer that is refused.
            self.candidates.take();
        }
        self.schedule_trickle(now);
        self.dispatch_next(now, acts);
    }

    /// A connector that did not know that its predecessor had done a request does it again.
    fn drop_duplicate_effect(&mut self, events: &mut Events) {
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

    /// The bus did not take this message.
    pub fn on_send_failed(&mut self, message: MessageId, now: Instant, acts: &mut Vec<Action>) {
        let Some(asked) = self.in_flight.take_if(|asked| asked.id == message) else { return };
        match asked.ack_pending {
            true => {
                let refusal =
                    JanusError::new(UNKNOWN, "The server cannot take requests right now, please try again");
                self.refuse(&asked.transaction, &refusal, acts);
            }
            false => self.send_timeout(&asked, acts),
        }
        self.dispatch_next(now, acts);
    }

    /// When something is due.
    pub fn due(&self) -> Option<Instant> {
        let deadline = self.in_flight.as_ref().map(|asked| asked.deadline);
        [deadline, self.reorder.gap_deadline, self.candidates.due()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn on_timer(&mut self, now: Instant, acts: &mut Vec<Action>) {
        if self.candidates.due().is_some_and(|due| due <= now) {
            self.send_candidates(acts);
        }
        if let Some(asked) = self.in_flight.take_if(|asked| asked.deadline <= now) {
            if asked.ack_pending {
                self.ack(&asked.transaction, acts);
            }
            self.send_timeout(&asked, acts);
            self.abandon(&asked, acts);
            self.undo_held(asked.id.into(), acts);
            self.dispatch_next(now, acts);
        }
        self.apply_held(now, acts);
    }

    /// A call that is not answered in time is given up, wherever it got stuck.
    fn abandon(&self, asked: &InFlight, acts: &mut Vec<Action>) {
        if asked.request == PluginRequest::Call {
            let who = self.address.handle_ref();
            let abandon = Body::Abandon(Abandon { who, call: asked.id.into() });
            acts.push(Action::Publish(Destination::Requests, Box::new(Message::new(abandon)), who));
        }
    }

    /// Whether these events are about what this handle does now: nothing of another call reaches it,
    /// and no answer to what it does not ask any more.
    fn is_relevant(&self, events: &Events) -> bool {
        let joins = matches!(events.change, Some(Change::Joined { .. }));
        match (events.call, &self.leg) {
            (None, _) => self.is_expected(events) || matches!(events.change, Some(Change::Registered(_))),
            (Some(call), Some(leg)) => call == leg.leg_ref.call && !joins,
            (Some(_), None) => self.is_expected(events) && (joins || events.in_reply_to.is_some()),
        }
    }

    /// What the client is to hear. One that called somebody and has a call of its own by now hears
    /// that, and not that the other is busy: it would take it for the end of its call.
    fn client_events(&self, events: &Events, answered: Option<&Completed>) -> Vec<ClientEvent> {
        match answered {
            Some(answered) if answered.is_call && self.leg.is_some() && events.call.is_none() => {
                let data = videocall::error(&PluginError::already_in_call());
                let transaction = Some(answered.transaction.clone());
                vec![ClientEvent::Plugin { transaction, data, jsep: None }]
            }
            None if events.in_reply_to.is_some() => self.unsolicited_events(events),
            // It would take the end of what it offered for the end of its call.
            _ if self.leg.is_some() && events.call.is_none() => without_core_events(&events.events),
            _ => events.events.clone(),
        }
    }

    /// What remains of an answer to what is not asked any more: a request has one answer. Of a name
    /// that is given a second time nothing does.
    fn unsolicited_events(&self, events: &Events) -> Vec<ClientEvent> {
        if matches!(&events.change, Some(Change::Registered(name)) if self.username.as_ref() == Some(name)) {
            return Vec::new();
        }
        let unasked = |event: &ClientEvent| match event.clone() {
            ClientEvent::Plugin { data, jsep, .. } => {
                Some(ClientEvent::Plugin { transaction: None, data, jsep })
            }
            ClientEvent::Error { .. } => None,
            core @ ClientEvent::Core { .. } => Some(core),
        };
        events.events.iter().filter_map(unasked).collect()
    }

    fn send_events(&self, items: Vec<ClientEvent>, answered: Option<&Completed>, acts: &mut Vec<Action>) {
        let refused = items.iter().any(|item| matches!(item, ClientEvent::Error { .. }));
        if let Some(answered) = answered.filter(|answered| answered.ack_pending && !refused) {
            self.ack(&answered.transaction, acts);
        }
        for item in items {
            acts.push(match item {
                ClientEvent::Plugin { transaction, data, jsep } => {
                    self.plugin_event(transaction.as_deref(), &data, jsep.as_deref())
                }
                ClientEvent::Core { janus, fields } => self.send_to_client(reply::core_event(
                    &janus,
                    self.address.session,
                    self.address.handle,
                    &fields,
                )),
                ClientEvent::Error { transaction, code, reason } => {
                    let refusal = JanusError::new(code, reason);
                    self.send_to_client(reply::error(
                        Some(self.address.session),
                        Some(&transaction),
                        &refusal,
                    ))
                }
            });
        }
    }

    fn apply_change(&mut self, change: Change, call: Option<CallId>, now: Instant, acts: &mut Vec<Action>) {
        match (change, call) {
            (Change::Registered(name), _) => {
                self.username = Some(name);
                self.recorded = true;
            }
            (Change::Displaced(name), _) => {
                self.username.take_if(|own| *own == name);
            }
            (Change::Joined { backend, side }, Some(call)) => {
                self.leg = Some(Leg {
                    leg_ref: LegRef { call, side },
                    backend,
                    answered: false,
                    seen_causes: VecDeque::new(),
                });
                self.send_settings(acts);
            }
            (Change::Answered, _) => {
                if let Some(leg) = &mut self.leg {
                    leg.answered = true;
                }
                self.candidates.shorten_window(now);
            }
            (Change::Left, _) => self.leave_call(),
            (Change::Joined { .. } | Change::Released, _) => {}
        }
    }

    /// The handle is in no call any more. What the call still owed an answer is decided anew.
    pub(super) fn leave_call(&mut self) {
        self.leg = None;
        self.candidates.take();
        let unanswered = self.in_flight.take_if(|asked| asked.requeue.is_some());
        if let Some(again) = unanswered.and_then(|asked| asked.requeue) {
            self.queue.push_front(again);
        }
    }

    fn send_timeout(&self, asked: &InFlight, acts: &mut Vec<Action>) {
        let data = videocall::error(&PluginError::timed_out());
        acts.push(self.plugin_event(Some(&asked.transaction), &data, None));
    }
}

fn without_core_events(events: &[ClientEvent]) -> Vec<ClientEvent> {
    events.iter().filter(|event| !matches!(event, ClientEvent::Core { .. })).cloned().collect()
}

/// What came about for a handle that is gone is undone: a call ends, a name is given back.
pub fn undo(events: &Events, acts: &mut Vec<Action>) {
    let who = HandleRef { session: events.session, handle: events.handle };
    match (&events.change, events.call) {
        (Some(Change::Joined { backend, side }), Some(call)) => {
            let message = Box::new(Message::new(Body::Hangup(LegRef { call, side: *side })));
            acts.push(Action::Publish(Destination::Backend(backend.clone()), message, who));
        }
        // Whoever has lost a name that was given late has a record still.
        (Some(Change::Registered(_) | Change::Displaced(_)), _) => {
            acts.push(release_handle(who, None).1);
        }
        _ => {}
    }
}
