//! Sample handles, owners, sessions and calls.

use common::{BackendName, CallId, MessageId, ServiceId};
use directory::record::{
    Backend, BackendStatus, BacklogUpdate, Call, CallParty, Owner, RegisteredName, SaveRequest,
    SessionPolicy, User,
};
use protocol::{HandleId, HandleRef, SessionId};
use std::ops::RangeInclusive;
use std::time::Duration;

pub fn handle(number: u64) -> HandleRef {
    HandleRef { session: SessionId(1_000 + number), handle: HandleId(9_007_199_254_740_000 + number) }
}

pub fn edge(number: u64) -> ServiceId {
    ServiceId(format!("edge-{number:08x}"))
}

/// A handle at the first edge.
pub fn owner(number: u64) -> Owner {
    Owner { edge: edge(1), handle: handle(number) }
}

pub fn request() -> MessageId {
    MessageId::fresh()
}

/// A grace of half a minute, for clients with the token.
pub fn policy() -> SessionPolicy {
    SessionPolicy { token_digest: Some("to\"k\0n".to_owned()), grace: Duration::from_secs(30) }
}

/// What an edge saves of a session whose client is connected and has received all messages.
pub fn saved(session: SessionId) -> SaveRequest {
    SaveRequest {
        session,
        state: "{\"as\": \"saved\"}".to_owned(),
        backlog: BacklogUpdate::Append(vec![]),
        away: None,
        client: None,
    }
}

pub fn texts(range: RangeInclusive<u64>) -> Vec<String> {
    range.map(|number| format!("text {number}")).collect()
}

/// The record of a local name.
pub fn ours(username: &str, owner: Owner) -> RegisteredName {
    RegisteredName::Local(User { username: username.to_owned(), owner })
}

/// A call between two named handles, on backend `a`.
pub fn call((caller, from): (&str, u64), (callee, to): (&str, u64)) -> Call {
    let party = |name: &str, number| CallParty { username: name.to_owned(), owner: Some(owner(number)) };
    Call {
        id: CallId::fresh(),
        backend: BackendName::from("a"),
        caller: party(caller, from),
        callee: party(callee, to),
        opened: 1_795_333_128_000,
    }
}

pub fn backend(name: &str) -> Backend {
    Backend {
        name: BackendName::from(name),
        url: format!("ws://{name}.example:8188"),
        status: BackendStatus::Normal,
        handles: 7,
        location: String::new(),
        isp: String::new(),
        probe_ms: Some(12),
        health: Default::default(),
    }
}
