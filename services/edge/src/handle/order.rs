//! In which order a handle hears what is said to it.
//!
//! What a connector says to one side of a call is stamped: it can come twice, or by two roads. What was
//! heard already, or is of a term that is over, is dropped; a call that was left does not begin again.
//! What comes before its turn is held: until nothing before it is missing, and until the handle's former
//! call is over. (A handle is free in the directory before its client hears of the end; the next call may
//! come over another connector.) What routers say has no stamp and is heard as it comes.
//!
//! At most [`MAX_HELD`] are held, for [`PATIENCE`] at most. Then what is missing is taken as lost: a gap
//! is skipped, and the end of the former call is told from here.

use super::{Handle, undo};
use crate::act::Act;
use crate::numbers;
use bus::message::{Change, Events, Stamp};
use protocol::{CallId, raw, reply, videocall};
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long events are held.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many events may be held; one more, and what is missing is taken as lost.
const MAX_HELD: usize = 64;
/// Of how many calls, besides the handle's own, it is known what was heard.
const MAX_CALLS: usize = 8;

/// What was heard, and what is held.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The last stamp that was heard of each call, the latest call last.
    pub heard: VecDeque<(CallId, Stamp)>,
    pub held: VecDeque<Events>,
    /// When what is missing is taken as lost.
    pub until: Option<Instant>,
}

/// When events are to be heard.
#[derive(PartialEq, Eq)]
enum Turn {
    Past,
    Now,
    Later,
}

impl Order {
    /// What was heard and held elsewhere. What is missing may be among what was left there, so it is
    /// waited for anew.
    pub fn after(heard: VecDeque<(CallId, Stamp)>, held: VecDeque<Events>, now: Instant) -> Self {
        let until = (!held.is_empty()).then_some(now + PATIENCE);
        Self { heard, held, until }
    }

    fn last(&self, call: CallId) -> Option<Stamp> {
        self.heard.iter().rev().find(|(heard, _)| *heard == call).map(|(_, stamp)| *stamp)
    }

    fn note(&mut self, call: CallId, stamp: Stamp, own: Option<CallId>) {
        self.heard.retain(|(heard, _)| *heard != call);
        self.heard.push_back((call, stamp));
        if self.heard.len() > MAX_CALLS + 1 {
            let oldest = self.heard.iter().position(|(heard, _)| Some(*heard) != own);
            self.heard.remove(oldest.unwrap_or_default());
        }
    }

    fn hold(&mut self, events: Events, now: Instant) {
        self.held.push_back(events);
        self.until.get_or_insert(now + PATIENCE);
        if self.held.len() > MAX_HELD {
            numbers::full(numbers::EVENTS);
            self.until = Some(now);
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Handle {
    /// Events for this handle. `away`: nobody is there to hear them now.
    pub fn on_events(&mut self, events: Events, away: bool, now: Instant, acts: &mut Vec<Act>) {
        match self.turn(&events) {
            Turn::Past => self.let_pass(&events, acts),
            Turn::Now => self.hear(events, away, now, acts),
            Turn::Later => self.order.hold(events, now),
        }
        self.hear_held(now, acts);
    }

    fn turn(&self, events: &Events) -> Turn {
        if let (Some(call), Some(stamp)) = (events.call, events.stamp) {
            let last = self.order.last(call);
            let begins_again = joins(events) && events.call != self.call();
            if last.is_some_and(|last| stamp <= last || begins_again) {
                return Turn::Past;
            }
            if !stamp.follows(last) {
                return Turn::Later;
            }
        }
        if self.is_early(events) { Turn::Later } else { Turn::Now }
    }

    /// Whether these come after the call the handle is in: they belong to the next one, or answer what
    /// was asked after that.
    fn is_early(&self, events: &Events) -> bool {
        if self.leg.is_none() || events.call == self.call() {
            return false;
        }
        let begins = |held: &&Events| held.call != self.call() && joins(held);
        match self.order.held.iter().find(begins) {
            Some(next) if next.answers.is_some() && next.answers < events.answers => true,
            Some(next) => next.call == events.call,
            None => joins(events) && self.is_wanted(events),
        }
    }

    fn hear(&mut self, events: Events, away: bool, now: Instant, acts: &mut Vec<Act>) {
        if let (Some(call), Some(stamp)) = (events.call, events.stamp) {
            self.order.note(call, stamp, self.call());
        }
        self.take_in(events, away, now, acts);
    }

    /// What is past its turn is not heard. A call that began too late is not wanted.
    fn let_pass(&self, events: &Events, acts: &mut Vec<Act>) {
        numbers::duplicate();
        if events.call != self.call() {
            undo(events, acts);
        }
    }

    /// Hears what is held and whose turn has come.
    pub(super) fn hear_held(&mut self, now: Instant, acts: &mut Vec<Act>) {
        while !self.order.held.is_empty() {
            let place = self.order.held.iter().position(|events| self.turn(events) != Turn::Later);
            match place {
                Some(place) => self.hear_at(place, now, acts),
                None if self.order.is_overdue(now) => self.go_without(now, acts),
                None => return,
            }
        }
        self.order.until = None;
    }

    /// What is held never is about a name, so it makes no difference whether the client is away.
    fn hear_at(&mut self, place: usize, now: Instant, acts: &mut Vec<Act>) {
        let Some(events) = self.order.held.remove(place) else { return };
        match self.turn(&events) {
            Turn::Past => self.let_pass(&events, acts),
            Turn::Now | Turn::Later => self.hear(events, false, now, acts),
        }
    }

    /// What is missing does not come any more.
    fn go_without(&mut self, now: Instant, acts: &mut Vec<Act>) {
        numbers::gap();
        let held = self.order.held.iter().enumerate().filter(|(_, events)| !self.is_early(events));
        match held.min_by_key(|(_, events)| events.stamp).map(|(place, _)| place) {
            Some(place) => self.hear_at(place, now, acts),
            None => self.give_up_former(now, acts),
        }
    }

    /// The end of the former call does not come: its client hears of it from here. What was asked on
    /// that call is decided before the next one begins.
    fn give_up_former(&mut self, now: Instant, acts: &mut Vec<Act>) {
        let gone = videocall::event("hangup", None, Some("Remote WebRTC hangup"));
        acts.push(self.event(None, &gone, None));
        let reason = raw(&json!({"reason": "Close PC"}));
        acts.push(self.tell(reply::core("hangup", self.address.session, self.address.handle, &reason)));
        self.leave_leg();
        self.go_on(now, acts);
    }

    /// The client does not wait for this call any more: it does not take the place of the former.
    pub(super) fn undo_early(&mut self, call: CallId, acts: &mut Vec<Act>) {
        self.order.held.retain(|events| {
            let unwanted = events.call == Some(call);
            if unwanted {
                undo(events, acts);
            }
            !unwanted
        });
    }
}

fn joins(events: &Events) -> bool {
    matches!(events.change, Some(Change::Joined { .. }))
}
