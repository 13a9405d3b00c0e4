//! `/sessions`: reading and ending them.

use super::{call, is_refused, open, owner, register, send};
use crate::harness::start;
use bus::message::Body;
use bus::topic::Mailbox;
use common::{MessageId, ServiceId};
use protocol::SessionId;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn session_is_shown_with_handles_and_without_secrets() {
    let rest = start().await;
    let known = owner(1).handle.handle;
    let state = json!({
        "token_digest": "hunter2", "detaching": {},
        "handles": { known.to_string(): { "username": "alice" }, "7": { "token": "hunter2" } },
    });
    open(&rest, 1, &state.to_string()).await;
    let directory = &rest.context.directory;
    directory.claim_name(&owner(1), "alice", MessageId::fresh()).await.unwrap();
    directory.grant_name("alice", &owner(1), None).await.unwrap();
    let id = call(&rest, ("alice", Some(1)), ("carol", None)).await;
    let session = send(&rest, "GET", "/sessions/1", "").await;
    let expected = json!({ "id": 1, "edge": "edge-1", "away": null, "client": "192.0.2.1", "handles": [
        { "id": 7, "username": null, "call": null },
        { "id": known.0, "username": "alice", "call": id.to_string() },
    ] });
    assert_eq!((session.status, session.body), (200, expected));
    for path in ["/sessions/1", "/sessions", "/users/alice", "/users"] {
        let response = send(&rest, "GET", path, "").await;
        assert!(!response.body.to_string().contains("hunter2"), "{path}");
    }
}

#[tokio::test]
async fn session_with_unreadable_snapshot_has_no_handles() {
    let rest = start().await;
    open(&rest, 1, "not JSON").await;
    assert_eq!(send(&rest, "GET", "/sessions/1", "").await.body["handles"], json!([]));
}

#[tokio::test]
async fn sessions_are_listed_by_page() {
    let rest = start().await;
    for number in 1..=7 {
        open(&rest, number, "").await;
    }
    let first = send(&rest, "GET", "/sessions?limit=4", "").await.body;
    let next = first["next"].as_str().unwrap();
    let last = send(&rest, "GET", &format!("/sessions?limit=4&after={next}"), "").await.body;
    assert_eq!(last["next"], json!(null));
    let all = [first, last].map(|page| page["sessions"].as_array().unwrap().clone()).concat();
    let ids: BTreeSet<u64> = all.iter().map(|session| session["id"].as_u64().unwrap()).collect();
    assert_eq!((all.len(), ids), (7, (1..=7).collect()));
}

#[tokio::test]
async fn invalid_session_ids_are_refused() {
    let rest = start().await;
    for id in ["x", "0", "-1", "1.5", "9007199254740992", "%2B1", "1%00", "18446744073709551617"] {
        for method in ["GET", "DELETE"] {
            is_refused(&rest, method, &format!("/sessions/{id}"), "", 400).await;
        }
    }
    for method in ["GET", "DELETE"] {
        is_refused(&rest, method, "/sessions/9007199254740991", "", 404).await;
    }
    is_refused(&rest, "GET", "/sessions?limit=5000", "", 400).await;
}

#[tokio::test]
async fn claimed_session_is_ended_at_its_new_edge() {
    let rest = start().await;
    open(&rest, 1, "").await;
    let (bus, directory) = (rest.context.bus.clone(), rest.context.directory.clone());
    let (old, new) = (owner(1).edge, ServiceId::from("edge-2"));
    let mut first = bus.open(Mailbox::Edge(old.clone())).await.unwrap();
    let mut second = bus.open(Mailbox::Edge(new.clone())).await.unwrap();
    let edges = async {
        assert_eq!(first.next().await.body.kind(), "disconnect");
        directory.claim_session(SessionId(1), &old, &new).await.unwrap();
        let Body::Disconnect(disconnect) = second.next().await.body else { panic!("that is no disconnect") };
        directory.close_session(disconnect.session, &new).await.unwrap();
    };
    let (response, ()) = tokio::join!(send(&rest, "DELETE", "/sessions/1", ""), edges);
    assert_eq!(response.status, 204);
}

#[tokio::test]
async fn session_of_an_unresponsive_edge_is_not_reported_ended() {
    let rest = start().await;
    register(&rest, "alice", 1).await;
    let detail = is_refused(&rest, "DELETE", "/sessions/1", "", 503).await;
    assert_eq!(detail, "the service that has to do it is not running; try again later");
    let _mailbox = rest.context.bus.open(Mailbox::Edge(owner(1).edge)).await.unwrap();
    let timeout = is_refused(&rest, "POST", "/users/alice/disconnect", "", 503).await;
    assert!(timeout.contains("has not ended it yet"), "{timeout}");
}
