//! The serialised form of a handle, from which another edge restores it.
//!
//! Times are unix milliseconds, because edges do not share a monotonic clock. The address is not stored: it changes
//! with the edge.

use super::correlation::{InFlight, IssuedIds, Queued, RequestQueue};
use super::pending::PendingSettings;
use super::reorder::ReorderBuffer;
use super::{Handle, Leg, REQUEST_TIMEOUT};
use crate::session::action::Cx;
use bus::message::{Address, Events, Sequence};
use common::{CallId, MessageId};
use protocol::Raw;
use protocol::videocall::PluginRequest;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// One moment on two clocks: the monotonic one of this edge, and the [`clock`](common::clock) that all edges share.
#[derive(Clone, Copy)]
pub struct ClockPair {
    pub now: Instant,
    pub unix_ms: u64,
}

impl ClockPair {
    pub fn to_unix_ms(self, at: Instant) -> u64 {
        self.unix_ms + at.saturating_duration_since(self.now).as_millis() as u64
    }

    /// Returns a time at most [`REQUEST_TIMEOUT`] from now, even if the shared clock was set back.
    pub fn to_instant(self, unix_ms: u64) -> Instant {
        self.now + Duration::from_millis(unix_ms.saturating_sub(self.unix_ms)).min(REQUEST_TIMEOUT)
    }
}

#[derive(Serialize, Deserialize)]
pub struct HandleSnapshot<'a> {
    username: Cow<'a, Option<String>>,
    recorded: bool,
    leg: Cow<'a, Option<Leg>>,
    in_flight: Option<InFlightSnapshot<'a>>,
    latest_id: Option<MessageId>,
    queue: Cow<'a, VecDeque<Queued>>,
    candidates: Cow<'a, VecDeque<Raw>>,
    settings: Cow<'a, PendingSettings>,
    last_applied: Cow<'a, VecDeque<(CallId, Sequence)>>,
    held: Cow<'a, VecDeque<Events>>,
}

#[derive(Serialize, Deserialize)]
struct InFlightSnapshot<'a> {
    id: MessageId,
    transaction: Cow<'a, str>,
    request: PluginRequest,
    ack_pending: bool,
    /// The deadline in unix milliseconds.
    deadline: u64,
    hung_up: bool,
    requeue: Cow<'a, Option<Queued>>,
}

impl Handle {
    pub fn snapshot(&self, clock: ClockPair) -> HandleSnapshot<'_> {
        HandleSnapshot {
            username: Cow::Borrowed(&self.username),
            recorded: self.recorded,
            leg: Cow::Borrowed(&self.leg),
            in_flight: self.requests.in_flight.as_ref().map(|request| request.snapshot(clock)),
            latest_id: self.requests.issued.latest(),
            queue: Cow::Borrowed(&self.requests.queue),
            candidates: Cow::Borrowed(self.candidates.pending()),
            settings: Cow::Borrowed(&self.settings),
            last_applied: Cow::Borrowed(&self.reorder.last_applied),
            held: Cow::Borrowed(&self.reorder.held),
        }
    }

    /// Restores the handle at its new address.
    pub fn restore(snapshot: HandleSnapshot<'_>, address: Address, clock: ClockPair) -> Self {
        let requests = RequestQueue {
            in_flight: snapshot.in_flight.map(|request| request.restore(clock)),
            queue: snapshot.queue.into_owned(),
            issued: IssuedIds::restored(snapshot.latest_id),
        };
        let (last_applied, held) = (snapshot.last_applied.into_owned(), snapshot.held.into_owned());
        let mut handle = Self {
            username: snapshot.username.into_owned(),
            recorded: snapshot.recorded,
            leg: snapshot.leg.into_owned(),
            requests,
            candidates: snapshot.candidates.into_owned().into(),
            settings: snapshot.settings.into_owned(),
            reorder: ReorderBuffer::restore(last_applied, held, clock.now),
            address,
        };
        handle.schedule_trickle(&Cx::new(clock.now));
        handle
    }
}

impl InFlight {
    fn snapshot(&self, clock: ClockPair) -> InFlightSnapshot<'_> {
        InFlightSnapshot {
            id: self.id,
            transaction: Cow::Borrowed(&self.transaction),
            request: self.request,
            ack_pending: self.ack_pending,
            deadline: clock.to_unix_ms(self.deadline),
            hung_up: self.hung_up,
            requeue: Cow::Borrowed(&self.requeue),
        }
    }
}

impl InFlightSnapshot<'_> {
    fn restore(self, clock: ClockPair) -> InFlight {
        InFlight {
            id: self.id,
            transaction: self.transaction.into_owned(),
            request: self.request,
            ack_pending: self.ack_pending,
            deadline: clock.to_instant(self.deadline),
            hung_up: self.hung_up,
            requeue: self.requeue.into_owned(),
        }
    }
}
