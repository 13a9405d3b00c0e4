//! The exchange with the janus-cloud proxy of a remote user, until the local client joins the call.

use bus::message::{Deadline, ProxyRefusal, ProxySide};
use common::entropy::unix_millis;
use protocol::Side;
use std::time::Duration;
use tokio::time::Instant;

/// How long a remote user may take to call, once its proxy has the agreement.
pub const INCOMING_CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long before its deadline a call without a reply of the proxy is refused, so that the refusal
/// comes from this connector.
const REFUSAL_MARGIN: Duration = Duration::from_secs(1);
/// How long a name on Janus may stay taken: Janus 1.1.2 frees it up to 0.3 s after `detach` (measured).
pub const NAME_TAKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before a taken name is registered again.
pub const REGISTER_RETRY_DELAY: Duration = Duration::from_millis(50);
/// How long a proxy may keep messages in the mailbox unacknowledged.
pub const MAX_ACK_DELAY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct ProxyLeg {
    pub(super) side: ProxySide,
    /// After it no client waits for the call.
    deadline: Option<Deadline>,
    /// The agreement was sent to the caller's proxy, or the callee's proxy has agreed.
    pub(super) agreed: bool,
    /// The refusal for the caller's proxy if the call fails.
    pub(super) refusal: Option<ProxyRefusal>,
    /// When the remote user must have called, or its proxy must have replied.
    pub(super) response_deadline: Option<Instant>,
    /// Until when the local user's name on Janus may be taken.
    register_retry_until: Option<Instant>,
    /// When a taken name is registered again.
    pub(super) register_at: Option<Instant>,
    /// When the call's messages are acknowledged, although the call is not saved.
    pub(super) acks_held_until: Option<Instant>,
}

impl ProxyLeg {
    pub fn new(side: ProxySide, deadline: Option<Deadline>) -> Self {
        Self {
            side,
            deadline,
            agreed: false,
            refusal: None,
            response_deadline: None,
            register_retry_until: None,
            register_at: None,
            acks_held_until: None,
        }
    }

    pub fn next_timer(&self) -> Option<Instant> {
        [self.response_deadline, self.register_at, self.acks_held_until].into_iter().flatten().min()
    }

    /// The side of the local client.
    pub(super) fn local_side(&self) -> Side {
        match self.side {
            ProxySide::Caller(_) => Side::Callee,
            ProxySide::Callee(_) => Side::Caller,
        }
    }

    /// The local user is registered on Janus; now the proxy must act within `timeout`.
    pub(super) fn await_proxy(&mut self, timeout: Duration, now: Instant) {
        self.response_deadline = Some(now + timeout);
        self.acks_held_until = Some(now + MAX_ACK_DELAY);
    }

    /// Until when the callee's proxy may be invited. After it the caller has been refused.
    pub(super) fn invite_deadline(&self) -> Option<Deadline> {
        let margin = REFUSAL_MARGIN.as_millis() as u64;
        self.deadline.map(|deadline| Deadline(deadline.0.saturating_sub(margin)))
    }

    /// How long the callee's proxy may take to reply.
    pub(super) fn reply_timeout(&self) -> Duration {
        let left = |deadline: Deadline| Duration::from_millis(deadline.0.saturating_sub(unix_millis()));
        self.deadline.map_or(INCOMING_CALL_TIMEOUT, left).saturating_sub(REFUSAL_MARGIN)
    }

    /// Sets the time of the next `register`. Returns false once the name was taken for too long.
    pub(super) fn retry_register(&mut self, now: Instant) -> bool {
        if *self.register_retry_until.get_or_insert(now + NAME_TAKEN_TIMEOUT) <= now {
            return false;
        }
        self.register_at = Some(now + REGISTER_RETRY_DELAY);
        true
    }
}
