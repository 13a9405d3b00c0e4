//! `/api/v1`; every response is validated against `openapi.json`.

mod backends_add;
mod calls;
mod cluster;
mod openapi;
mod schema;
mod services;
mod sessions;
mod sse;
mod stream_entries;
mod users;

use crate::harness::{JsonResponse, Rest};
use common::{BackendName, CallId, MessageId, ServiceId};
use directory::record::{Call, CallParty, Owner};
use protocol::{HandleId, HandleRef, SessionId};
use schema::Document;
use serde_json::Value;
use std::time::Duration;

/// Sends a request for `path` under `/api/v1`, and validates the response.
pub async fn send(rest: &Rest, method: &str, path: &str, body: &str) -> JsonResponse {
    send_with(rest, method, path, "Content-Type: application/json", body).await
}

pub async fn send_with(rest: &Rest, method: &str, path: &str, header: &str, body: &str) -> JsonResponse {
    let length = body.len();
    let request = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let text = rest.exchange(&request).await;
    let (head, content) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // The data of the first event, if these are events.
    let json = content.split_once("data: ").map_or(content, |(_, data)| data.lines().next().unwrap());
    let value = if json.is_empty() { Value::Null } else { serde_json::from_str(json).unwrap() };
    let response = JsonResponse { status, head: head.to_owned(), body: value };
    Document::of(rest).await.check(method, path, &response);
    response
}

/// Sends a request that is refused with this status; returns the detail.
pub async fn is_refused(rest: &Rest, method: &str, path: &str, body: &str, status: u16) -> String {
    let response = send(rest, method, path, body).await;
    assert_eq!(response.status, status, "{method} {path} {body}: {response:?}");
    assert!(response.head.contains("content-type: application/problem+json"), "{}", response.head);
    response.body["detail"].as_str().unwrap().to_owned()
}

pub fn owner(number: u64) -> Owner {
    let handle = HandleRef { session: SessionId(number), handle: HandleId((1 << 53) - number) };
    Owner { edge: ServiceId::from("edge-1"), handle }
}

/// Registers a user with a session and a handle of this number.
pub async fn register(rest: &Rest, name: &str, number: u64) {
    let (directory, owner) = (&rest.context.directory, owner(number));
    open(rest, number, "").await;
    directory.claim_name(&owner, name, MessageId::fresh()).await.unwrap();
    directory.grant_name(name, &owner, None).await.unwrap();
}

/// Opens a session with this snapshot.
pub async fn open(rest: &Rest, number: u64, state: &str) {
    use directory::record::{BacklogUpdate, SaveRequest, SessionPolicy};
    let (directory, edge) = (&rest.context.directory, owner(number).edge);
    let policy = SessionPolicy { token_digest: Some("hunter2".to_owned()), grace: Duration::from_secs(60) };
    assert!(directory.open_session(SessionId(number), &edge, &policy).await.unwrap());
    let backlog = BacklogUpdate::Replace(vec![]);
    let client = Some(format!("192.0.2.{number}"));
    let save =
        SaveRequest { session: SessionId(number), state: state.to_owned(), backlog, away: None, client };
    directory.save_sessions(&edge, &[save]).await.unwrap();
}

/// Opens a call on backend `a`; a party without a number is a user of a janus-cloud proxy.
pub async fn call(rest: &Rest, caller: (&str, Option<u64>), callee: (&str, Option<u64>)) -> CallId {
    let party = |(name, number): (&str, Option<u64>)| CallParty {
        username: name.to_owned(),
        owner: number.map(owner),
    };
    let call = Call {
        id: CallId::fresh(),
        backend: BackendName::from("a"),
        caller: party(caller),
        callee: party(callee),
        opened: 1_795_333_128_000,
    };
    rest.context.directory.open_call(&call).await.unwrap();
    for (own, peer) in [(&call.caller, &call.callee), (&call.callee, &call.caller)] {
        if let Some(owner) = &own.owner {
            let acquire =
                rest.context.directory.acquire_handle(owner.handle, &own.username, call.id, &peer.username);
            acquire.await.unwrap();
        }
    }
    call.id
}
