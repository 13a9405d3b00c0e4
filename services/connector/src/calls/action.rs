//! The outputs of the state machine. The backend's task carries them out, in order.

use crate::breaker::outcomes::{ClientId, SetupFailure};
use crate::janus::message::JanusId;
use bus::ack_tracker::AckGuard;
use bus::message::{CallRecord, ClientRequest, Deadline, EndKind, Events, ProxyInvite, ProxyReply};
use common::{CallId, ServiceId};
use directory::record;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One output, which the backend's task carries out.
#[derive(Debug)]
pub enum Action {
    SendToJanus(String),
    /// End this session on Janus.
    DestroySession(JanusId),
    /// Send events to a client, through its edge.
    SendToEdge(ServiceId, Events),
    /// Tell the waiting rest service whether its proxy may call.
    ReplyToRest(ServiceId, ProxyReply),
    /// Have the proxy of the remote callee invited, until the deadline.
    InviteProxy(ProxyInvite, Option<Deadline>),
    /// Save the state of a call, once all events sent before it are on the bus.
    SaveCall(SaveCall),
    /// Save a call in a directory that has lost it.
    RestoreCall(Box<record::Call>, String),
    /// Report to the circuit breaker that a call of this client can ring, after this time, or that its setup
    /// failed because of the backend.
    ReportSetup(ClientId, Result<Duration, SetupFailure>),
    /// Write a record of the `calls` log.
    Log(CallRecord),
    /// Free the call's handles and only then notify its clients: a notified client may call again at
    /// once.
    EndCall(EndedCall),
}

impl Action {
    pub fn send_to_edge((edge, events): (ServiceId, Events)) -> Self {
        Self::SendToEdge(edge, events)
    }
}

/// A call whose state has changed.
#[derive(Debug)]
pub struct SaveCall {
    pub call: CallId,
    /// The serialized call.
    pub state: String,
    /// The mailbox messages that are handled once the state is saved.
    pub acks: Vec<AckGuard>,
}

#[derive(Debug)]
pub struct EndedCall {
    pub call: CallId,
    pub notices: FinalNotices,
    /// The mailbox messages that are handled once the notices are sent.
    pub acks: Vec<AckGuard>,
}

/// A call that another backend shall take. The caller still waits for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct SecondAttempt {
    pub call: CallId,
    pub deadline: Option<Deadline>,
    pub request: ClientRequest,
}

/// What is sent about the end of a call. It is stored together with the end, so that the next connector
/// can send it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FinalNotices {
    pub client_events: Vec<(ServiceId, Events)>,
    /// For the rest service whose proxy still waits for a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_refusal: Option<(ServiceId, ProxyReply)>,
    /// The request for another attempt, for the routers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_attempt: Option<Box<SecondAttempt>>,
    /// The last record of the call in the `calls` log; none for a call that never rang, unless an event of it could not
    /// be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<(CallRecord, EndKind)>,
}
