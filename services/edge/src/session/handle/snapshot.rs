//! A handle as it is written down, so that another edge can go on with it.
//!
//! Times are unix milliseconds: the reader has another clock. The address is left out: it is the
//! reader's own.

use super::correlation::IssuedIds;
use super::reorder::ReorderBuffer;
use super::settings::PendingSettings;
use super::{Handle, InFlight, Leg, Queued, REQUEST_TIMEOUT};
use bus::message::{Address, Events, Sequence};
use common::{CallId, MessageId};
use protocol::Raw;
use protocol::videocall::PluginRequest;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// One moment, by the clock of decisions and by the one that all edges share.
#[derive(Clone, Copy)]
pub struct ClockPair {
    /// Now.
    pub now: Instant,
    /// Now, in unix milliseconds.
    pub unix_ms: u64,
}

impl ClockPair {
    /// When a time to come is, for others.
    pub fn to_unix_ms(self, at: Instant) -> u64 {
        self.unix_ms + at.saturating_duration_since(self.now).as_millis() as u64
    }

    /// When a time that was written down is, here. Nothing takes longer than [`PATIENCE`], whatever
    /// the clocks say.
    pub fn to_instant(self, unix_ms: u64) -> Instant {
        self.now + Duration::from_millis(unix_ms.saturating_sub(self.unix_ms)).min(REQUEST_TIMEOUT)
    }
}

/// What is written down of a handle.
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
    deadline: u64,
    hung_up: bool,
    requeue: Cow<'a, Option<Queued>>,
}

impl Handle {
    /// The handle as it is written down.
    pub fn snapshot(&self, clock: ClockPair) -> HandleSnapshot<'_> {
        HandleSnapshot {
            username: Cow::Borrowed(&self.username),
            recorded: self.recorded,
            leg: Cow::Borrowed(&self.leg),
            in_flight: self.in_flight.as_ref().map(|asked| asked.snapshot(clock)),
            latest_id: self.issued.latest(),
            queue: Cow::Borrowed(&self.queue),
            candidates: Cow::Borrowed(self.candidates.pending()),
            settings: Cow::Borrowed(&self.settings),
            last_applied: Cow::Borrowed(&self.reorder.last_applied),
            held: Cow::Borrowed(&self.reorder.held),
        }
    }

    /// The handle that was written down, at its new address.
    pub fn restore(saved: HandleSnapshot<'_>, address: Address, clock: ClockPair) -> Self {
        let mut handle = Self {
            username: saved.username.into_owned(),
            recorded: saved.recorded,
            leg: saved.leg.into_owned(),
            in_flight: saved.in_flight.map(|asked| asked.restore(clock)),
            issued: IssuedIds::restored(saved.latest_id),
            queue: saved.queue.into_owned(),
            candidates: saved.candidates.into_owned().into(),
            settings: saved.settings.into_owned(),
            reorder: ReorderBuffer::restore(
                saved.last_applied.into_owned(),
                saved.held.into_owned(),
                clock.now,
            ),
            ..Self::new(address)
        };
        handle.schedule_trickle(clock.now);
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
