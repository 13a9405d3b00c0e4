//! Messages that never reach the bus, and what becomes of their calls.
//!
//! A client that misses an event of its call would wait for it. So the call of a lost event ends, with a reason for both
//! sides. Events about media (`webrtcup`, `media`, `slowlink`) and candidates are no such events: what they are about
//! shows in the connection itself.

use bus::message::{ClientEvent, Events};
use common::CallId;
use common::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Too many messages wait for the same receiver.
    OutboxFull,
    /// The stream of the receiver was full for too long.
    StreamFull,
    /// The mailbox of the receiver was missing for too long.
    NoMailbox,
    /// No message of the bus can hold it.
    TooLarge,
    /// Its deadline has passed.
    Expired,
}

impl Loss {
    pub const ALL: [Self; 5] =
        [Self::OutboxFull, Self::StreamFull, Self::NoMailbox, Self::TooLarge, Self::Expired];

    /// The label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutboxFull => "outbox_full",
            Self::StreamFull => "stream_full",
            Self::NoMailbox => "no_mailbox",
            Self::TooLarge => "too_large",
            Self::Expired => "expired",
        }
    }

    /// The reason that the clients of the call receive.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "An event of the call is too large",
            _ => "An event of the call could not be delivered",
        }
    }
}

/// Kept by a message on its way to the bus, and dropped once the message is there or is given up.
pub trait DeliveryGuard: Send {
    /// The message is given up.
    fn on_loss(&self, _loss: Loss) {}
}

impl DeliveryGuard for () {}

/// Calls with a lost event; clones share them. Holds at most one loss a call.
#[derive(Clone, Default)]
pub struct UndeliveredCalls(Arc<Inner>);

#[derive(Default)]
struct Inner {
    calls: Mutex<BTreeMap<CallId, Loss>>,
    added: Notify,
}

impl UndeliveredCalls {
    pub fn add(&self, call: CallId, loss: Loss) {
        self.0.calls.lock().entry(call).or_insert(loss);
        self.0.added.notify_one();
    }

    /// Waits for a call. Safe to cancel.
    pub async fn next(&self) -> (CallId, Loss) {
        loop {
            let first = self.0.calls.lock().pop_first();
            match first {
                Some(call) => return call,
                None => self.0.added.notified().await,
            }
        }
    }
}

/// Whether a client that misses these events would wait for them.
pub fn are_needed(events: &Events) -> bool {
    let is_needed = |event: &ClientEvent| !matches!(event, ClientEvent::Core { .. });
    events.in_reply_to.is_some() || events.change.is_some() || events.events.iter().any(is_needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn each_call_is_returned_once_with_its_first_loss() {
        let undelivered = UndeliveredCalls::default();
        let (first, second) = (CallId::fresh(), CallId::fresh());
        undelivered.add(first, Loss::TooLarge);
        undelivered.add(first, Loss::StreamFull);
        undelivered.add(second, Loss::NoMailbox);
        let mut calls = [undelivered.next().now_or_never(), undelivered.next().now_or_never()];
        calls.sort_by_key(|call| call.map(|(call, _)| call != first));
        assert_eq!(calls, [Some((first, Loss::TooLarge)), Some((second, Loss::NoMailbox))]);
        assert_eq!(undelivered.next().now_or_never(), None);
    }
}
