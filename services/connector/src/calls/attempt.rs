//! The attempt to set a call up on this backend, until the call rings.

use super::action::SecondAttempt;
use bus::message::{Deadline, Location};
use common::MessageId;
use protocol::Raw;
use std::time::Duration;
use tokio::time::Instant;

/// Core errors of Janus for an offer that are not about what the client sent: a refusal of this connector, its
/// handle or its plugin, or no candidates ("Error setting ICE locally").
const CORE_ERRORS: [u16; 8] = [403, 405, 459, 460, 461, 462, 470, 490];
/// Errors of the plugin for a `call` that are about what the client sent: its session description.
const CLIENT_ERRORS: [i64; 2] = [482, 483];
/// The end of what Janus says when it finds no candidates of its own: "ICE gathering error" in 1.1.2.
const ICE_ERROR: &str = "gathering error";

/// Whether a core error of Janus for an offer is about the backend.
pub fn is_core_error_of_backend(code: u16) -> bool {
    CORE_ERRORS.contains(&code)
}

/// Whether an error of the plugin for a `call` is about the backend.
pub fn is_plugin_error_of_backend(code: i64) -> bool {
    !CLIENT_ERRORS.contains(&code)
}

/// Whether Janus closes a PeerConnection for this reason because it has no candidates of its own.
pub fn is_ice_error(reason: &str) -> bool {
    reason.to_ascii_lowercase().ends_with(ICE_ERROR)
}

/// Which new calls a backend takes. A call without a fallback is taken in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    #[default]
    All,
    /// So many in setup at a time.
    Trials(usize),
    None,
}

/// What is known of an attempt. Nothing of it is saved: a call that both sides have joined needs none of it.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Another backend, near this location, can take the call. None once it rings.
    pub fallback: Option<Location>,
    deadline: Option<Deadline>,
    /// The request that the caller waits for, if the call does not have its id.
    pub request: Option<MessageId>,
    began_at: Option<Instant>,
    /// How long it took until the call could ring.
    pub took: Option<Duration>,
    pub is_reported: bool,
    /// What Janus has sent while the call does not ring yet: the callee's event and the caller's.
    pub incoming: Option<Option<Raw>>,
    pub calling: Option<Raw>,
    /// When the call rings although Janus has sent no candidates.
    pub ring_at: Option<Instant>,
    /// The request for another attempt, once this one has failed.
    pub second: Option<SecondAttempt>,
}

impl Attempt {
    pub fn new(fallback: Option<Location>, request: Option<MessageId>, deadline: Option<Deadline>) -> Self {
        Self { fallback, request, deadline, ..Self::default() }
    }

    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    pub fn begin(&mut self, now: Instant) {
        self.began_at = Some(now);
    }

    /// The call rings now.
    pub fn end(&mut self, now: Instant) {
        self.took = self.began_at.map(|began_at| now - began_at);
        self.fallback = None;
    }
}
