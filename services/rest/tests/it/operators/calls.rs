//! `/calls`: reading and ending them.

use super::{call, is_refused, register, send, send_with};
use crate::harness::start;
use bus::message::{Body, EndCause};
use bus::topic::Queue;
use serde_json::json;

const REASON: &str = r#"{"reason":"maintenance – à bientôt"}"#;

#[tokio::test]
async fn calls_are_listed_and_shown() {
    let rest = start().await;
    register(&rest, "alice", 1).await;
    register(&rest, "bob", 2).await;
    let first = call(&rest, ("alice", Some(1)), ("bob", Some(2))).await;
    call(&rest, ("carol", None), ("dave", None)).await;
    let seen = send(&rest, "GET", &format!("/calls/{first}"), "").await.body;
    assert_eq!(
        (&seen["caller"]["username"], &seen["callee"]["owner"]["session"]),
        (&json!("alice"), &json!(2))
    );
    assert_eq!((&seen["backend"], &seen["opened"]), (&json!("a"), &json!(1_795_333_128_000_u64)));
    let page = send(&rest, "GET", "/calls?limit=1", "").await.body;
    let next = page["next"].as_str().unwrap();
    let second_page = send(&rest, "GET", &format!("/calls?limit=1&after={next}"), "").await.body;
    let all = [page, second_page].map(|page| page["calls"].as_array().unwrap().clone()).concat();
    assert!(all.len() == 2 && all.contains(&seen), "{all:?}");
    let remote = all.iter().find(|call| **call != seen).unwrap();
    assert_eq!(remote["caller"], json!({ "username": "carol", "owner": null }));
}

#[tokio::test]
async fn call_is_ended_by_the_routers_with_the_reason() {
    let rest = start().await;
    let id = call(&rest, ("carol", None), ("dave", None)).await;
    let (bus, directory) = (rest.context.bus.clone(), rest.context.directory.clone());
    let mut shards =
        [bus.join_workers(Queue::Requests(0), "r").await, bus.join_workers(Queue::Requests(1), "r").await];
    let router = async {
        let [one, two] = &mut shards;
        let delivery = tokio::select! { it = one.next() => it, it = two.next() => it };
        let Body::End(end) = &delivery.message.body else { panic!("unexpected message") };
        assert_eq!((end.call, &end.cause), (id, &EndCause::Reason("maintenance – à bientôt".to_owned())));
        assert!(delivery.message.deadline.is_some());
        delivery.ack();
        directory.release_call(id).await.unwrap();
    };
    let path = format!("/calls/{id}/end");
    let (response, ()) = tokio::join!(send(&rest, "POST", &path, REASON), router);
    assert_eq!(response.status, 204);
    is_refused(&rest, "POST", &path, REASON, 404).await;
}

#[tokio::test]
async fn call_that_does_not_end_is_not_reported_ended() {
    let rest = start().await;
    let id = call(&rest, ("carol", None), ("dave", None)).await;
    is_refused(&rest, "POST", &format!("/calls/{id}/end"), REASON, 503).await;
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let rest = start().await;
    let id = call(&rest, ("carol", None), ("dave", None)).await;
    let path = format!("/calls/{id}/end");
    let reason = |text: &str| json!({ "reason": text }).to_string();
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"reason":7}"#,
        r#"{"reason":null}"#,
        r#"{"reason":"x","more":1}"#,
        &reason(""),
        &reason(&"é".repeat(121)),
        &reason("a\nb"),
        &reason("a\u{7f}"),
        &reason("\u{0}"),
    ] {
        is_refused(&rest, "POST", &path, body, 400).await;
    }
    is_refused(&rest, "POST", &path, &reason(&"x".repeat(70_000)), 413).await;
    for header in ["Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "X-None: 1"]
    {
        assert_eq!(send_with(&rest, "POST", &path, header, REASON).await.status, 415, "{header}");
    }
    for invalid in ["x", "7", "01981C3E-7F9B-7B6A-8C1D-2E3F40516273", "%00"] {
        is_refused(&rest, "GET", &format!("/calls/{invalid}"), "", 400).await;
        is_refused(&rest, "POST", &format!("/calls/{invalid}/end"), REASON, 400).await;
    }
    let none = "01981c3e-7f9b-7b6a-8c1d-2e3f40516273";
    is_refused(&rest, "GET", &format!("/calls/{none}"), "", 404).await;
    is_refused(&rest, "POST", &format!("/calls/{none}/end"), REASON, 404).await;
    assert!(rest.context.directory.call(id).await.unwrap().is_some());
}
