//! The inputs of the loop, and those that wait until the lease is valid again.

use crate::janus::reconnect::LinkEvent;
use crate::lease::watch::LeaseState;
use crate::metrics;
use bus::MailboxOffset;
use bus::message::Message;
use common::CallId;
use std::collections::VecDeque;

/// How many inputs are deferred while the lease may have run out.
const MAX_DEFERRED: usize = 4096;

/// What the loop waits for.
pub enum Input {
    Stop,
    Lease(LeaseState),
    Link(LinkEvent),
    ProbeChanged,
    Message(Box<Message>),
    Acked(MailboxOffset),
    CallEnded(CallId),
    TimerDue,
}

/// Inputs that came while the lease may have run out.
#[derive(Default)]
pub struct Deferred {
    inputs: VecDeque<Input>,
    /// Messages of Janus were dropped.
    overflowed: bool,
}

impl Deferred {
    /// Keeps an input for the time when the lease is valid again.
    pub fn push(&mut self, input: Input) {
        match &input {
            Input::TimerDue => return,
            // The calls on the lost link end, so its earlier messages are obsolete.
            Input::Link(LinkEvent::Down(_)) => {
                self.inputs.retain(|deferred| !matches!(deferred, Input::Link(_)));
            }
            Input::Link(LinkEvent::Message(_)) if self.inputs.len() >= MAX_DEFERRED => {
                metrics::record_full(metrics::DEFERRED_INPUT);
                self.overflowed = true;
                return;
            }
            _ => {}
        }
        self.inputs.push_back(input);
    }

    /// Removes and returns all inputs, and whether messages of Janus were dropped.
    pub fn take(&mut self) -> (VecDeque<Input>, bool) {
        (std::mem::take(&mut self.inputs), std::mem::take(&mut self.overflowed))
    }
}
