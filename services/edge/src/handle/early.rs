//! Events of the handle's next call that overtook the end of the one before.
//!
//! The handle is free in the directory before its client hears of the end, and the next call may come
//! over another connector: it then waits here for the end, [`PATIENCE`] at most. An end that does not
//! come is told here.

use super::{Handle, undo};
use crate::act::Act;
use bus::message::{Change, Events};
use protocol::{CallId, raw, reply, videocall};
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long the end of the former call may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many events may wait; with one more the former call is taken as over.
const MAX_WAITING: usize = 64;

/// The next call's events.
#[derive(Debug)]
pub(super) struct Early {
    call: CallId,
    /// When the former call is taken as over.
    pub until: Instant,
    events: VecDeque<Events>,
}

impl Handle {
    /// Whether events wait here for others to come first.
    pub fn keeps_early(&self) -> bool {
        self.early.is_some()
    }

    /// Whether these belong to a call that comes after the one the handle is in.
    pub(super) fn is_early(&self, events: &Events) -> bool {
        let (Some(call), Some(leg)) = (events.call, &self.leg) else { return false };
        let wanted = events.answers.is_none() || events.answers == self.asked.as_ref().map(|asked| asked.id);
        let joins = matches!(events.change, Some(Change::Joined { .. })) && wanted;
        let follows = self.early.as_ref().is_some_and(|early| early.call == call);
        call != leg.leg.call && (follows || joins && self.early.is_none())
    }

    pub(super) fn keep_early(&mut self, events: Events, now: Instant) {
        let Some(call) = events.call else { return };
        let early =
            self.early.get_or_insert_with(|| Early { call, until: now + PATIENCE, events: VecDeque::new() });
        early.events.push_back(events);
        if early.events.len() >= MAX_WAITING {
            early.until = now;
        }
    }

    /// The former call is over: what waited for that happens now.
    pub(super) fn take_in_early(&mut self, away: bool, now: Instant, acts: &mut Vec<Act>) {
        if self.leg.is_some() {
            return;
        }
        for events in self.early.take().into_iter().flat_map(|early| early.events) {
            self.on_events(events, away, now, acts);
        }
    }
    /// The end of the former call does not come: its client hears of it from here. What was asked on
    /// that call is decided before the next one begins.
    pub(super) fn give_up_former(&mut self, now: Instant, acts: &mut Vec<Act>) {
        let gone = videocall::event("hangup", None, Some("Remote WebRTC hangup"));
        acts.push(self.event(None, &gone, None));
        let reason = raw(&json!({"reason": "Close PC"}));
        acts.push(self.tell(reply::core("hangup", self.address.session, self.address.handle, &reason)));
        self.leave_leg();
        self.go_on(now, acts);
        self.take_in_early(false, now, acts);
    }

    /// The client does not wait for this call any more: it does not take the place of the former.
    pub(super) fn undo_early(&mut self, call: CallId, acts: &mut Vec<Act>) {
        let unwanted = self.early.take_if(|early| early.call == call);
        unwanted.iter().flat_map(|early| &early.events).for_each(|events| undo(events, acts));
    }
}
