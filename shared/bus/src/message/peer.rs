//! Calls with users of proxies of another make, which speak HTTP with each other: to rest services, and
//! from them.

use common::{BackendName, CallId, ServiceId};
use serde::{Deserialize, Serialize};

/// A peer's user calls one of ours: have that one registered on this Janus under its own name. The
/// message's id is the call's. Whatever comes of it, the rest service gets a [`PeerAnswer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// Who waits.
    pub rest: ServiceId,
    /// Who calls; its proxy has registered it on that Janus under this name.
    pub caller: String,
    /// Who is called.
    pub callee: String,
    /// The websocket URL of the Janus, as the peer wrote it.
    pub backend_url: String,
    /// When the rest service asked, unix microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<u64>,
}

/// One of ours calls a peer's user: ask that one's proxy to have it registered on this Janus. What the
/// proxy says goes to the backend's mailbox as a [`PeerAnswer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProxyInvite {
    /// The call.
    pub call: CallId,
    /// Whose mailbox waits.
    pub backend: BackendName,
    /// The websocket URL of that backend's Janus.
    pub backend_url: String,
    /// The `api_base_url` of the proxy.
    pub proxy: String,
    /// Who calls; registered on that Janus under this name.
    pub caller: String,
    /// Who is called.
    pub callee: String,
}

/// Whether a call with a peer's user may go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyReply {
    /// The call.
    pub call: CallId,
    /// Why it may not; none where it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ProxyRefusal>,
}

/// Why a call with a peer's user is refused, as janus-cloud says it: the code is an HTTP status too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyRefusal {
    /// The error code.
    pub code: u16,
    /// For people.
    pub text: String,
}
