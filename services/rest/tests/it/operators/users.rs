//! `/users`: reading and disconnecting them.

use super::{call, is_refused, owner, register, send};
use crate::harness::start;
use bus::message::Body;
use bus::topic::Mailbox;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn owner_json(number: u64) -> Value {
    json!({ "edge": "edge-1", "session": number, "handle": (1_u64 << 53) - number })
}

#[tokio::test]
async fn user_is_shown_with_its_call() {
    let rest = start().await;
    register(&rest, "alice", 1).await;
    register(&rest, "bob b/é", 2).await;
    let response = send(&rest, "GET", "/users/alice", "").await;
    let idle =
        json!({ "username": "alice", "owner": owner_json(1), "proxy": null, "in_call": false, "call": null });
    assert_eq!((response.status, response.body), (200, idle));
    let id = call(&rest, ("alice", Some(1)), ("bob b/é", Some(2))).await.to_string();
    for (path, side, with) in
        [("/users/alice", "caller", "bob b/é"), ("/users/bob%20b%2F%C3%A9", "callee", "alice")]
    {
        let user = send(&rest, "GET", path, "").await.body;
        let expected = json!({ "id": id, "side": side, "with": with, "with_remote": false, "backend": "a" });
        assert_eq!((&user["in_call"], &user["call"]), (&json!(true), &expected));
    }
}

#[tokio::test]
async fn call_with_a_remote_user_is_marked() {
    let rest = start().await;
    register(&rest, "alice", 1).await;
    call(&rest, ("carol", None), ("alice", Some(1))).await;
    let user = send(&rest, "GET", "/users/alice", "").await.body;
    assert_eq!((&user["call"]["with"], &user["call"]["with_remote"]), (&json!("carol"), &json!(true)));
}

#[tokio::test]
async fn users_are_listed_by_page() {
    let rest = start().await;
    for number in 1..=25 {
        register(&rest, &format!("user {number}"), number).await;
    }
    let (mut names, mut query) = (BTreeSet::new(), "?limit=10".to_owned());
    for page in 1.. {
        let response = send(&rest, "GET", &format!("/users{query}"), "").await;
        let users = response.body["users"].as_array().unwrap();
        assert_eq!(users.len(), if page < 3 { 10 } else { 5 });
        names.extend(users.iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        assert!(users.iter().all(|user| user["owner"]["edge"] == "edge-1"));
        match response.body["next"].as_str() {
            Some(next) => query = format!("?limit=10&after={next}"),
            None => break,
        }
    }
    assert_eq!(names.len(), 25);
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let rest = start().await;
    for query in
        ["?limit=0", "?limit=1001", "?limit=-1", "?limit=x", "?after=x", "?after=1-", "?name=x", "?%00"]
    {
        is_refused(&rest, "GET", &format!("/users{query}"), "", 400).await;
    }
    is_refused(&rest, "GET", &format!("/users/{}", "x".repeat(4097)), "", 400).await;
    is_refused(&rest, "GET", "/users/%FF", "", 400).await;
    for (method, path) in [("GET", "/users/nobody"), ("POST", "/users/nobody/disconnect")] {
        let detail = is_refused(&rest, method, path, "", 404).await;
        assert_eq!(detail, "no user is registered as nobody");
    }
}

#[tokio::test]
async fn user_is_disconnected_by_its_edge() {
    let rest = start().await;
    register(&rest, "alice", 1).await;
    let (bus, directory) = (rest.context.bus.clone(), rest.context.directory.clone());
    let mut mailbox = bus.open(Mailbox::Edge(owner(1).edge)).await.unwrap();
    let edge = async {
        let Body::Disconnect(disconnect) = mailbox.next().await.body else { panic!("that is no disconnect") };
        assert_eq!(disconnect.session, owner(1).handle.session);
        directory.close_session(disconnect.session, &owner(1).edge).await.unwrap();
        // A router releases the name after the edge has ended the session.
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        directory.release_name("alice", owner(1).handle).await.unwrap();
    };
    let (response, ()) = tokio::join!(send(&rest, "POST", "/users/alice/disconnect", ""), edge);
    assert_eq!((response.status, response.body), (204, Value::Null));
    assert!(directory.user("alice").await.unwrap().is_none());
}
