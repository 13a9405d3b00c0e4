//! What happens when events of a call are on the bus, or are lost.

use crate::persist::writer::NotifyGuard;
use crate::undelivered::{DeliveryGuard, Loss, UndeliveredCalls, are_needed};
use bus::message::Events;
use common::CallId;

/// Kept by events of a call until they are on the bus. Until then the state that they led to is not saved.
pub struct EventGuard {
    _unsaved: NotifyGuard,
    call: CallId,
    /// Where the loss of the events is reported; `None` if no client waits for them.
    undelivered: Option<UndeliveredCalls>,
}

impl EventGuard {
    pub fn new(unsaved: NotifyGuard, call: CallId, events: &Events, undelivered: &UndeliveredCalls) -> Self {
        let undelivered = are_needed(events).then(|| undelivered.clone());
        Self { _unsaved: unsaved, call, undelivered }
    }
}

impl DeliveryGuard for EventGuard {
    fn on_loss(&self, loss: Loss) {
        if let Some(undelivered) = &self.undelivered {
            undelivered.add(self.call, loss);
        }
    }
}
