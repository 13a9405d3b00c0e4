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
use crate::metrics;
use crate::session::action::Action;
use bus::message::{Change, Events, Sequence};
use common::CallId;
use protocol::{raw, reply, videocall};
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long events are held.
const GAP_TIMEOUT: Duration = Duration::from_secs(3);
/// How many events may be held; one more, and what is missing is taken as lost.
const MAX_HELD: usize = 64;
/// Of how many calls, besides the handle's own, it is known what was heard.
const MAX_TRACKED_CALLS: usize = 8;

/// What was heard, and what is held.
#[derive(Debug, Default)]
pub(super) struct ReorderBuffer {
    /// The last stamp that was heard of each call, the latest call last.
    pub last_applied: VecDeque<(CallId, Sequence)>,
    pub held: VecDeque<Events>,
    /// When what is missing is taken as lost.
    pub gap_deadline: Option<Instant>,
}

/// When events are to be heard.
#[derive(PartialEq, Eq)]
enum Arrival {
    Duplicate,
    InOrder,
    Early,
}

impl ReorderBuffer {
    /// What was heard and held elsewhere. What is missing may be among what was left there, so it is
    /// waited for anew.
    pub fn restore(last_applied: VecDeque<(CallId, Sequence)>, held: VecDeque<Events>, now: Instant) -> Self {
        let gap_deadline = (!held.is_empty()).then_some(now + GAP_TIMEOUT);
        Self { last_applied, held, gap_deadline }
    }

    fn last(&self, call: CallId) -> Option<Sequence> {
        self.last_applied.iter().rev().find(|(heard, _)| *heard == call).map(|(_, stamp)| *stamp)
    }

    fn record(&mut self, call: CallId, stamp: Sequence, own: Option<CallId>) {
        self.last_applied.retain(|(heard, _)| *heard != call);
        self.last_applied.push_back((call, stamp));
        if self.last_applied.len() > MAX_TRACKED_CALLS + 1 {
            let oldest = self.last_applied.iter().position(|(heard, _)| Some(*heard) != own);
            self.last_applied.remove(oldest.unwrap_or_default());
        }
    }

    fn hold(&mut self, events: Events, now: Instant) {
        self.held.push_back(events);
        self.gap_deadline.get_or_insert(now + GAP_TIMEOUT);
        if self.held.len() > MAX_HELD {
            metrics::queue_full(metrics::HANDLE_EVENTS);
            self.gap_deadline = Some(now);
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.gap_deadline.is_some_and(|until| until <= now)
    }
}

impl Handle {
    /// Events for this handle. `away`: nobody is there to hear them now.
    pub fn on_events(&mut self, events: Events, away: bool, now: Instant, acts: &mut Vec<Action>) {
        match self.classify(&events) {
            Arrival::Duplicate => self.drop_stale(&events, acts),
            Arrival::InOrder => self.record_and_apply(events, away, now, acts),
            Arrival::Early => self.reorder.hold(events, now),
        }
        self.apply_held(now, acts);
    }

    fn classify(&self, events: &Events) -> Arrival {
        if let (Some(call), Some(stamp)) = (events.call, events.sequence) {
            let last = self.reorder.last(call);
            let begins_again = starts_call(events) && events.call != self.call();
            if last.is_some_and(|last| stamp <= last || begins_again) {
                return Arrival::Duplicate;
            }
            if !stamp.follows(last) {
                return Arrival::Early;
            }
        }
        if self.is_early(events) { Arrival::Early } else { Arrival::InOrder }
    }

    /// Whether these come after the call the handle is in: they belong to the next one, or answer what
    /// was asked after that.
    fn is_early(&self, events: &Events) -> bool {
        if self.leg.is_none() || events.call == self.call() {
            return false;
        }
        let begins = |held: &&Events| held.call != self.call() && starts_call(held);
        match self.reorder.held.iter().find(begins) {
            Some(next) if next.in_reply_to.is_some() && next.in_reply_to < events.in_reply_to => true,
            Some(next) => next.call == events.call,
            None => starts_call(events) && self.is_expected(events),
        }
    }

    fn record_and_apply(&mut self, events: Events, away: bool, now: Instant, acts: &mut Vec<Action>) {
        if let (Some(call), Some(stamp)) = (events.call, events.sequence) {
            self.reorder.record(call, stamp, self.call());
        }
        self.apply(events, away, now, acts);
    }

    /// What is past its turn is not heard. A call that began too late is not wanted.
    fn drop_stale(&self, events: &Events, acts: &mut Vec<Action>) {
        metrics::duplicate_event();
        if events.call != self.call() {
            undo(events, acts);
        }
    }

    /// Hears what is held and whose turn has come.
    pub(super) fn apply_held(&mut self, now: Instant, acts: &mut Vec<Action>) {
        while !self.reorder.held.is_empty() {
            let place = self.reorder.held.iter().position(|events| self.classify(events) != Arrival::Early);
            match place {
                Some(place) => self.apply_held_at(place, now, acts),
                None if self.reorder.is_overdue(now) => self.skip_gap(now, acts),
                None => return,
            }
        }
        self.reorder.gap_deadline = None;
    }

    /// What is held never is about a name, so it makes no difference whether the client is away.
    fn apply_held_at(&mut self, place: usize, now: Instant, acts: &mut Vec<Action>) {
        let Some(events) = self.reorder.held.remove(place) else { return };
        match self.classify(&events) {
            Arrival::Duplicate => self.drop_stale(&events, acts),
            Arrival::InOrder | Arrival::Early => self.record_and_apply(events, false, now, acts),
        }
    }

    /// What is missing does not come any more.
    fn skip_gap(&mut self, now: Instant, acts: &mut Vec<Action>) {
        metrics::event_gap();
        let held = self.reorder.held.iter().enumerate().filter(|(_, events)| !self.is_early(events));
        match held.min_by_key(|(_, events)| events.sequence).map(|(place, _)| place) {
            Some(place) => self.apply_held_at(place, now, acts),
            None => self.end_previous_call(now, acts),
        }
    }

    /// The end of the former call does not come: its client hears of it from here. What was asked on
    /// that call is decided before the next one begins.
    fn end_previous_call(&mut self, now: Instant, acts: &mut Vec<Action>) {
        let gone = videocall::event("hangup", None, Some("Remote WebRTC hangup"));
        acts.push(self.plugin_event(None, &gone, None));
        let reason = raw(&json!({"reason": "Close PC"}));
        acts.push(self.send_to_client(reply::core_event(
            "hangup",
            self.address.session,
            self.address.handle,
            &reason,
        )));
        self.leave_call();
        self.dispatch_next(now, acts);
    }

    /// The client does not wait for this call any more: it does not take the place of the former.
    pub(super) fn undo_held(&mut self, call: CallId, acts: &mut Vec<Action>) {
        self.reorder.held.retain(|events| {
            let unwanted = events.call == Some(call);
            if unwanted {
                undo(events, acts);
            }
            !unwanted
        });
    }
}

fn starts_call(events: &Events) -> bool {
    matches!(events.change, Some(Change::Joined { .. }))
}
