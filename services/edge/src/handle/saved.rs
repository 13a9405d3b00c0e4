//! A handle as it is written down, so that another edge can go on with it.
//!
//! Times are unix milliseconds: the reader has another clock. The address is left out: it is the
//! reader's own.

use super::answered::Known;
use super::order::Order;
use super::settings::Settings;
use super::{Asked, Handle, Leg, PATIENCE, Waiting};
use bus::message::{Address, Events, Stamp};
use protocol::videocall::Request;
use protocol::{CallId, MessageId, Raw};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// One moment, by the clock of decisions and by the one that all edges share.
#[derive(Clone, Copy)]
pub struct Clock {
    /// Now.
    pub now: Instant,
    /// Now, in unix milliseconds.
    pub unix_ms: u64,
}

impl Clock {
    /// When a time to come is, for others.
    pub fn written(self, at: Instant) -> u64 {
        self.unix_ms + at.saturating_duration_since(self.now).as_millis() as u64
    }

    /// When a time that was written down is, here. Nothing takes longer than [`PATIENCE`], whatever
    /// the clocks say.
    pub fn read(self, unix_ms: u64) -> Instant {
        self.now + Duration::from_millis(unix_ms.saturating_sub(self.unix_ms)).min(PATIENCE)
    }
}

/// What is written down of a handle.
#[derive(Serialize, Deserialize)]
pub struct Saved<'a> {
    username: Cow<'a, Option<String>>,
    recorded: bool,
    leg: Cow<'a, Option<Leg>>,
    asked: Option<SavedAsked<'a>>,
    latest: Option<MessageId>,
    waiting: Cow<'a, VecDeque<Waiting>>,
    candidates: Cow<'a, VecDeque<Raw>>,
    settings: Cow<'a, Settings>,
    heard: Cow<'a, VecDeque<(CallId, Stamp)>>,
    held: Cow<'a, VecDeque<Events>>,
}

#[derive(Serialize, Deserialize)]
struct SavedAsked<'a> {
    id: MessageId,
    transaction: Cow<'a, str>,
    request: Request,
    owes_ack: bool,
    deadline: u64,
    hang_up: bool,
    again: Cow<'a, Option<Waiting>>,
}

impl Handle {
    /// The handle as it is written down.
    pub fn save(&self, clock: Clock) -> Saved<'_> {
        Saved {
            username: Cow::Borrowed(&self.username),
            recorded: self.recorded,
            leg: Cow::Borrowed(&self.leg),
            asked: self.asked.as_ref().map(|asked| asked.save(clock)),
            latest: self.known.latest(),
            waiting: Cow::Borrowed(&self.waiting),
            candidates: Cow::Borrowed(self.candidates.waiting()),
            settings: Cow::Borrowed(&self.settings),
            heard: Cow::Borrowed(&self.order.heard),
            held: Cow::Borrowed(&self.order.held),
        }
    }

    /// The handle that was written down, at its new address.
    pub fn restore(saved: Saved<'_>, address: Address, clock: Clock) -> Self {
        let mut handle = Self {
            username: saved.username.into_owned(),
            recorded: saved.recorded,
            leg: saved.leg.into_owned(),
            asked: saved.asked.map(|asked| asked.restore(clock)),
            known: Known::until(saved.latest),
            waiting: saved.waiting.into_owned(),
            candidates: saved.candidates.into_owned().into(),
            settings: saved.settings.into_owned(),
            order: Order::after(saved.heard.into_owned(), saved.held.into_owned(), clock.now),
            ..Self::new(address)
        };
        handle.gather(clock.now);
        handle
    }
}

impl Asked {
    fn save(&self, clock: Clock) -> SavedAsked<'_> {
        SavedAsked {
            id: self.id,
            transaction: Cow::Borrowed(&self.transaction),
            request: self.request,
            owes_ack: self.owes_ack,
            deadline: clock.written(self.deadline),
            hang_up: self.hang_up,
            again: Cow::Borrowed(&self.again),
        }
    }
}

impl SavedAsked<'_> {
    fn restore(self, clock: Clock) -> Asked {
        Asked {
            id: self.id,
            transaction: self.transaction.into_owned(),
            request: self.request,
            owes_ack: self.owes_ack,
            deadline: clock.read(self.deadline),
            hang_up: self.hang_up,
            again: self.again.into_owned(),
        }
    }
}
