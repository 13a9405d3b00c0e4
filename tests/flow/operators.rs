//! Operators list what runs, end a call, and disconnect a user, over HTTP.

use super::call::connect;
use crate::fixture::{Switchboard, on_both_buses};
use serde_json::{Value, json};
use testkit::{Client, Process, Service, eventually, http};

on_both_buses!(
    operator_lists_and_ends_a_call_with_a_reason,
    operator_finds_and_disconnects_a_user,
    every_service_is_registered,
);

/// The operators' API. A cluster gets a rest service for it.
struct OperatorApi {
    url: String,
    _rest: Option<Process>,
}

impl OperatorApi {
    async fn of(switchboard: &Switchboard) -> Self {
        let rest = match switchboard.redis() {
            Some(redis) => Some(Process::start(Service::Rest, &["--redis", &redis.url()]).await),
            None => None,
        };
        let url = rest.as_ref().map(Process::rest_url).or_else(|| switchboard.rest_url());
        Self { url: format!("{}/api/v1", url.unwrap()), _rest: rest }
    }

    async fn request(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let answer = http::send(method, &format!("{}{path}", self.url), body).await.unwrap();
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

async fn operator_lists_and_ends_a_call_with_a_reason(switchboard: Switchboard) {
    let api = OperatorApi::of(&switchboard).await;
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    let calls = api.get("/calls").await;
    let [call] = calls["calls"].as_array().unwrap().as_slice() else { panic!("{calls}") };
    assert_eq!((&call["caller"]["username"], &call["callee"]["username"]), (&json!("alice"), &json!("bob")));
    assert_eq!(call["callee"]["owner"]["session"], bob.session());
    assert_eq!(api.get("/backends/a").await["calls"], 1);
    let path = format!("/calls/{}/end", call["id"].as_str().unwrap());
    let (status, body) = api.request("POST", &path, r#"{"reason":"maintenance at noon"}"#).await;
    assert_eq!((status, body), (204, Value::Null));
    for (client, peer) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        client
            .expect_result(json!({"event": "hangup", "username": peer, "reason": "maintenance at noon"}))
            .await;
        assert_eq!(client.expect_core("hangup").await["reason"], "maintenance at noon");
    }
    assert_eq!(api.get("/calls").await["calls"], json!([]));
    assert_eq!(api.request("POST", &path, r#"{"reason":"again"}"#).await.0, 404);
    connect(&mut alice, &mut bob).await;
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

async fn operator_finds_and_disconnects_a_user(switchboard: Switchboard) {
    let api = OperatorApi::of(&switchboard).await;
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    connect(&mut alice, &mut bob).await;
    let user = api.get("/users/bob").await;
    assert_eq!((&user["in_call"], &user["call"]["with"]), (&json!(true), &json!("alice")));
    assert_eq!(user["owner"]["handle"], bob.handle());
    let names = api.get("/users").await;
    assert_eq!(names["users"].as_array().unwrap().len(), 2);
    let session = api.get(&format!("/sessions/{}", bob.session())).await;
    let handle = json!({"id": bob.handle(), "username": "bob", "call": user["call"]["id"]});
    assert_eq!(session["handles"], json!([handle]));
    assert_eq!(api.request("POST", "/users/bob/disconnect", "").await.0, 204);
    assert_eq!(bob.expect_core("timeout").await["session_id"], bob.session());
    let left = json!({"event": "hangup", "username": "bob", "reason": "Remote WebRTC hangup"});
    alice.expect_result(left).await;
    assert_eq!(api.request("GET", "/users/bob", "").await.0, 404);
    let mut again = Client::registered(&switchboard.edge_url(1), "bob").await;
    connect(&mut alice, &mut again).await;
    let path = format!("/sessions/{}", again.session());
    assert_eq!(api.request("DELETE", &path, "").await.0, 204);
    again.expect_core("timeout").await;
    assert_eq!(api.request("DELETE", &path, "").await.0, 404);
    alice.destroy().await;
    switchboard.expect_clean().await;
}

async fn every_service_is_registered(switchboard: Switchboard) {
    let api = OperatorApi::of(&switchboard).await;
    let (_alice, _bob) = switchboard.alice_and_bob().await;
    let edges = if switchboard.redis().is_some() { 2 } else { 1 };
    eventually("all services are there, and two clients", async || {
        let services = api.get("/services").await;
        let services = services["services"].as_array().unwrap();
        let of = |kind: &str| services.iter().filter(|it| it["kind"] == kind).collect::<Vec<_>>();
        let clients: u64 = of("edge").iter().filter_map(|edge| edge["load"]["clients"].as_u64()).sum();
        let connectors = of("connector");
        clients == 2
            && of("edge").len() == edges
            && of("router").len() == 1
            && of("rest").len() == 1
            && connectors.len() == 1
            && connectors[0]["load"]["backends"] == 1
    })
    .await;
}
