//! What comes back to a handle from routers and connectors, and what time does to it.

use super::answered::{Answered, transaction};
use super::{Asked, Handle, Leg, MAX_TOLD, release};
use crate::act::{Act, Road};
use bus::message::{Abandon, Body, Change, ClientEvent, Events, LegRef, Message};
use protocol::error::{Refusal, UNKNOWN};
use protocol::videocall::{self, PluginError, Request};
use protocol::{CallId, HandleRef, MessageId, reply};
use std::collections::VecDeque;
use tokio::time::Instant;

impl Handle {
    /// Events whose turn has come. `away`: nobody is there to hear them now.
    pub(super) fn take_in(&mut self, events: Events, away: bool, now: Instant, acts: &mut Vec<Act>) {
        let events = self.without_other_call(events);
        if self.concerns(&events) {
            self.do_what_is_said(events, away, now, acts);
        } else if events.call != self.call() {
            undo(&events, acts);
        }
    }

    /// Of a call that its client asked for and that a connector refuses, only the answer concerns a
    /// handle that is in another call by now.
    fn without_other_call(&self, mut events: Events) -> Events {
        let in_other = self.call().is_some() && events.call.is_some() && events.call != self.call();
        if in_other && events.change == Some(Change::Left) && self.is_answer(&events) {
            events.events.retain(|event| transaction(event).is_some());
            (events.call, events.change) = (None, None);
        }
        events
    }

    fn do_what_is_said(&mut self, mut events: Events, away: bool, now: Instant, acts: &mut Vec<Act>) {
        self.forget_what_was_told(&mut events);
        let answered = self.answered(&events);
        let items = self.items(&events, answered.as_ref());
        self.tell_all(items, answered.as_ref(), acts);
        let offered = answered.as_ref().is_some_and(|answered| answered.calls && answered.owes_ack);
        if let Some(change) = events.change {
            let displaced = matches!(change, Change::Displaced(_));
            let hung_up = answered.is_some_and(|answered| answered.hang_up);
            self.change(change, events.call, now, acts);
            if hung_up || away && displaced {
                self.hang_up(acts);
            }
        }
        if offered && self.leg.is_none() {
            // They were for the offer that is refused.
            self.candidates.take();
        }
        self.gather(now);
        self.go_on(now, acts);
    }

    /// A connector that did not know that its predecessor had done a request does it again.
    fn forget_what_was_told(&mut self, events: &mut Events) {
        let (Some(request), Some(leg)) = (events.follows, &mut self.leg) else { return };
        if leg.told.contains(&request) {
            events.events.pop();
            return;
        }
        leg.told.push_back(request);
        if leg.told.len() > MAX_TOLD {
            leg.told.pop_front();
        }
    }

    /// The bus did not take this message.
    pub fn on_send_failed(&mut self, message: MessageId, now: Instant, acts: &mut Vec<Act>) {
        let Some(asked) = self.asked.take_if(|asked| asked.id == message) else { return };
        match asked.owes_ack {
            true => {
                let refusal =
                    Refusal::new(UNKNOWN, "The server cannot take requests right now, please try again");
                self.refuse(&asked.transaction, &refusal, acts);
            }
            false => self.fail(&asked, acts),
        }
        self.go_on(now, acts);
    }

    /// When something is due.
    pub fn due(&self) -> Option<Instant> {
        let deadline = self.asked.as_ref().map(|asked| asked.deadline);
        [deadline, self.order.until, self.candidates.due()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant, acts: &mut Vec<Act>) {
        if self.candidates.due().is_some_and(|due| due <= now) {
            self.send_candidates(acts);
        }
        if let Some(asked) = self.asked.take_if(|asked| asked.deadline <= now) {
            if asked.owes_ack {
                self.ack(&asked.transaction, acts);
            }
            self.fail(&asked, acts);
            self.abandon(&asked, acts);
            self.undo_early(asked.id.into(), acts);
            self.go_on(now, acts);
        }
        self.hear_held(now, acts);
    }

    /// A call that is not answered in time is given up, wherever it got stuck.
    fn abandon(&self, asked: &Asked, acts: &mut Vec<Act>) {
        if asked.request == Request::Call {
            let who = self.address.handle_ref();
            let abandon = Body::Abandon(Abandon { who, call: asked.id.into() });
            acts.push(Act::Send(Road::Requests, Box::new(Message::new(abandon)), who));
        }
    }

    /// Whether these events are about what this handle does now: nothing of another call reaches it,
    /// and no answer to what it does not ask any more.
    fn concerns(&self, events: &Events) -> bool {
        let joins = matches!(events.change, Some(Change::Joined { .. }));
        match (events.call, &self.leg) {
            (None, _) => self.is_wanted(events) || matches!(events.change, Some(Change::Registered(_))),
            (Some(call), Some(leg)) => call == leg.leg.call && !joins,
            (Some(_), None) => self.is_wanted(events) && (joins || events.answers.is_some()),
        }
    }

    /// What the client is to hear. One that called somebody and has a call of its own by now hears
    /// that, and not that the other is busy: it would take it for the end of its call.
    fn items(&self, events: &Events, answered: Option<&Answered>) -> Vec<ClientEvent> {
        match answered {
            Some(answered) if answered.calls && self.leg.is_some() && events.call.is_none() => {
                let data = videocall::error(&PluginError::already_in_call());
                let transaction = Some(answered.transaction.clone());
                vec![ClientEvent::Plugin { transaction, data, jsep: None }]
            }
            None if events.answers.is_some() => self.news(events),
            // It would take the end of what it offered for the end of its call.
            _ if self.leg.is_some() && events.call.is_none() => without_core(&events.events),
            _ => events.events.clone(),
        }
    }

    /// What remains of an answer to what is not asked any more: a request has one answer. Of a name
    /// that is given a second time nothing does.
    fn news(&self, events: &Events) -> Vec<ClientEvent> {
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

    fn tell_all(&self, items: Vec<ClientEvent>, answered: Option<&Answered>, acts: &mut Vec<Act>) {
        let refused = items.iter().any(|item| matches!(item, ClientEvent::Error { .. }));
        if let Some(answered) = answered.filter(|answered| answered.owes_ack && !refused) {
            self.ack(&answered.transaction, acts);
        }
        for item in items {
            acts.push(match item {
                ClientEvent::Plugin { transaction, data, jsep } => {
                    self.event(transaction.as_deref(), &data, jsep.as_deref())
                }
                ClientEvent::Core { janus, fields } => {
                    self.tell(reply::core(&janus, self.address.session, self.address.handle, &fields))
                }
                ClientEvent::Error { transaction, code, reason } => {
                    let refusal = Refusal::new(code, reason);
                    self.tell(reply::error(Some(self.address.session), Some(&transaction), &refusal))
                }
            });
        }
    }

    fn change(&mut self, change: Change, call: Option<CallId>, now: Instant, acts: &mut Vec<Act>) {
        match (change, call) {
            (Change::Registered(name), _) => {
                self.username = Some(name);
                self.recorded = true;
            }
            (Change::Displaced(name), _) => {
                self.username.take_if(|own| *own == name);
            }
            (Change::Joined { backend, side }, Some(call)) => {
                self.leg =
                    Some(Leg { leg: LegRef { call, side }, backend, answered: false, told: VecDeque::new() });
                self.send_settings(acts);
            }
            (Change::Answered, _) => {
                if let Some(leg) = &mut self.leg {
                    leg.answered = true;
                }
                self.candidates.hurry(now);
            }
            (Change::Left, _) => self.leave_leg(),
            (Change::Joined { .. } | Change::Released, _) => {}
        }
    }

    /// The handle is in no call any more. What the call still owed an answer is decided anew.
    pub(super) fn leave_leg(&mut self) {
        self.leg = None;
        self.candidates.take();
        let unanswered = self.asked.take_if(|asked| asked.again.is_some());
        if let Some(again) = unanswered.and_then(|asked| asked.again) {
            self.waiting.push_front(again);
        }
    }

    fn fail(&self, asked: &Asked, acts: &mut Vec<Act>) {
        let data = videocall::error(&PluginError::timed_out());
        acts.push(self.event(Some(&asked.transaction), &data, None));
    }
}

fn without_core(events: &[ClientEvent]) -> Vec<ClientEvent> {
    events.iter().filter(|event| !matches!(event, ClientEvent::Core { .. })).cloned().collect()
}

/// What came about for a handle that is gone is undone: a call ends, a name is given back.
pub fn undo(events: &Events, acts: &mut Vec<Act>) {
    let who = HandleRef { session: events.session, handle: events.handle };
    match (&events.change, events.call) {
        (Some(Change::Joined { backend, side }), Some(call)) => {
            let message = Box::new(Message::new(Body::Hangup(LegRef { call, side: *side })));
            acts.push(Act::Send(Road::Backend(backend.clone()), message, who));
        }
        // Whoever has lost a name that was given late has a record still.
        (Some(Change::Registered(_) | Change::Displaced(_)), _) => {
            acts.push(release(who, None).1);
        }
        _ => {}
    }
}
