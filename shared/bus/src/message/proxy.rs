//! Calls with users at janus-cloud, whose proxies invite each other over HTTP. Rest services send and receive these
//! invitations.

use common::{BackendName, CallId, ServiceId};
use serde::{Deserialize, Serialize};

/// A user at janus-cloud calls one of our clients: the client is to be registered on this Janus under its own name. The
/// id of the message is the id of the call. The rest service receives a [`ProxyReply`] in any case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// The rest service that waits for the reply.
    pub rest: ServiceId,
    /// The caller, as its proxy has registered it on that Janus.
    pub caller: String,
    /// The called client, by its name.
    pub callee: String,
    /// The websocket URL of the Janus, as the proxy sent it.
    pub backend_url: String,
    /// When the rest service sent this, in unix microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<u64>,
}

/// One of our clients calls a user at janus-cloud: the user's proxy is to register the user on this Janus. The reply of
/// the proxy goes to the backend's mailbox as a [`ProxyReply`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProxyInvite {
    /// The id of the call.
    pub call: CallId,
    /// The backend whose mailbox receives the reply.
    pub backend: BackendName,
    /// The websocket URL of that backend's Janus.
    pub backend_url: String,
    /// The `api_base_url` of the proxy.
    pub proxy: String,
    /// The caller, as registered on that Janus.
    pub caller: String,
    /// The called user, by its name.
    pub callee: String,
}

/// Whether a call with a user at janus-cloud may continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyReply {
    /// The id of the call.
    pub call: CallId,
    /// Why it is refused; `None` when it may continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ProxyRefusal>,
}

/// Why a call with a user at janus-cloud is refused, in janus-cloud's form. The code is also the HTTP status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyRefusal {
    /// The error code.
    pub code: u16,
    /// The text of the error.
    pub text: String,
}
