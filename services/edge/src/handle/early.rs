//! Events of the handle's next call that overtook the end of the one before.
//!
//! The handle is free in the directory before its client hears of the end, and the next call may come
//! over another connector: it then waits here for the end, [`PATIENCE`] at most.

use super::Handle;
use crate::act::Act;
use bus::message::{Change, Events};
use protocol::CallId;
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
}
