//! Puts the events of a call into their order, and drops those that come twice.
//!
//! A connector numbers the events that it sends to one side of a call ([`Sequence`]). They can arrive twice, or by
//! two paths after a takeover. Those that were applied already, or that belong to an earlier term, are duplicates; a
//! call that was left does not begin again. Events that come early are held until nothing before them is missing,
//! and until the handle's previous call has ended. (A handle is free in the directory before its client knows that the
//! call has ended. The next call may come from another connector.) Events from routers have no number and are applied
//! as they come.
//!
//! At most [`MAX_HELD`] events are held, for at most [`GAP_TIMEOUT`], and as far as the connection has room. Then the missing ones count as lost.

use crate::message_size;
use crate::metrics;
use bus::message::{Change, Events, Sequence};
use common::CallId;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

const GAP_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_HELD: usize = 64;
/// For how many calls, besides the current one, the last sequence number is kept.
const MAX_TRACKED_CALLS: usize = 8;

/// The sequence numbers that were applied, and the events that came early.
#[derive(Debug, Default)]
pub struct ReorderBuffer {
    /// The last number of each call, the latest call at the end.
    pub last_applied: VecDeque<(CallId, Sequence)>,
    pub held: VecDeque<Events>,
    /// When the missing events count as lost.
    pub gap_deadline: Option<Instant>,
}

/// Whether events are to be dropped, applied now, or held.
#[derive(PartialEq, Eq)]
pub enum Arrival {
    Duplicate,
    InOrder,
    Early,
}

impl ReorderBuffer {
    /// The state from a former edge. The missing events may be in that edge's mailbox, so the wait starts again.
    pub fn restore(last_applied: VecDeque<(CallId, Sequence)>, held: VecDeque<Events>, now: Instant) -> Self {
        let gap_deadline = (!held.is_empty()).then_some(now + GAP_TIMEOUT);
        Self { last_applied, held, gap_deadline }
    }

    /// Tells when to apply events. `current` is the handle's call; `is_expected` tells whether the client still waits
    /// for a reply.
    pub fn classify(
        &self,
        events: &Events,
        current: Option<CallId>,
        is_expected: impl Fn(&Events) -> bool,
    ) -> Arrival {
        if let (Some(call), Some(sequence)) = (events.call, events.sequence) {
            let last = self.last(call);
            let starts_again = starts_call(events) && events.call != current;
            if last.is_some_and(|last| sequence <= last || starts_again) {
                return Arrival::Duplicate;
            }
            if !sequence.follows(last) {
                return Arrival::Early;
            }
        }
        if self.is_early(events, current, is_expected) { Arrival::Early } else { Arrival::InOrder }
    }

    /// Whether the events follow on the current call: they belong to the next call, or reply to a request that was
    /// sent after the one for that call.
    fn is_early(
        &self,
        events: &Events,
        current: Option<CallId>,
        is_expected: impl Fn(&Events) -> bool,
    ) -> bool {
        if current.is_none() || events.call == current {
            return false;
        }
        match self.held.iter().find(|held| held.call != current && starts_call(held)) {
            Some(next) if next.in_reply_to.is_some() && next.in_reply_to < events.in_reply_to => true,
            Some(next) => next.call == events.call,
            None => starts_call(events) && is_expected(events),
        }
    }

    fn last(&self, call: CallId) -> Option<Sequence> {
        self.last_applied.iter().rev().find(|(applied, _)| *applied == call).map(|(_, sequence)| *sequence)
    }

    /// Records the sequence number of events that are about to be applied.
    pub fn record(&mut self, events: &Events, current: Option<CallId>) {
        let (Some(call), Some(sequence)) = (events.call, events.sequence) else { return };
        self.last_applied.retain(|(applied, _)| *applied != call);
        self.last_applied.push_back((call, sequence));
        if self.last_applied.len() > MAX_TRACKED_CALLS + 1 {
            let oldest = self.last_applied.iter().position(|(applied, _)| Some(*applied) != current);
            self.last_applied.remove(oldest.unwrap_or_default());
        }
    }

    /// The bytes of the events that are held.
    pub fn bytes(&self) -> usize {
        self.held.iter().map(message_size::of_events).sum()
    }

    /// Holds early events. If they take more bytes than `room`, the missing ones count as lost at once.
    pub fn hold(&mut self, events: Events, now: Instant, room: usize) {
        let is_full = self.held.len() >= MAX_HELD || message_size::of_events(&events) > room;
        self.held.push_back(events);
        self.gap_deadline.get_or_insert(now + GAP_TIMEOUT);
        if is_full {
            metrics::queue_full(metrics::HANDLE_EVENTS);
            self.gap_deadline = Some(now);
        }
    }

    pub fn is_overdue(&self, now: Instant) -> bool {
        self.gap_deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Takes the first held events that are not early any more.
    pub fn take_next(
        &mut self,
        current: Option<CallId>,
        is_expected: impl Fn(&Events) -> bool,
    ) -> Option<Events> {
        let is_next = |events: &Events| self.classify(events, current, &is_expected) != Arrival::Early;
        let position = self.held.iter().position(is_next)?;
        self.held.remove(position)
    }

    /// Takes the first held events behind a gap in the current call; none if only the end of that call is missing.
    pub fn take_behind_gap(
        &mut self,
        current: Option<CallId>,
        is_expected: impl Fn(&Events) -> bool,
    ) -> Option<Events> {
        let held = self.held.iter().enumerate();
        let candidates = held.filter(|(_, events)| !self.is_early(events, current, &is_expected));
        let (position, _) = candidates.min_by_key(|(_, events)| events.sequence)?;
        self.held.remove(position)
    }
}

fn starts_call(events: &Events) -> bool {
    matches!(events.change, Some(Change::Joined { .. }))
}
