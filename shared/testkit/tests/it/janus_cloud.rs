//! The proxy of janus-cloud: start, calls, its records in Redis, end.

use crate::redis;
use serde_json::json;
use std::collections::BTreeMap;
use testkit::{Client, Janus, JanusCloud, Redis, eventually, http};

/// Returns a hash in Redis.
async fn hash(redis: &Redis, key: &str) -> BTreeMap<String, String> {
    let answer = redis::run(redis, &format!("HGETALL {key}")).await;
    // The first line is the number of texts. Each text follows a line with its length. The last line answers QUIT.
    let texts: Vec<&str> = answer.lines().skip(2).step_by(2).collect();
    texts.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

fn user(name: &str) -> String {
    format!("januscloud:videocall_users:{name}")
}

async fn proxy() -> (Redis, Janus, JanusCloud) {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let proxy = JanusCloud::start(&redis.url(), &[("a", &janus.url())]).await;
    (redis, janus, proxy)
}

async fn set_up_call(alice: &mut Client, bob: &mut Client) {
    alice.call("bob").await;
    let (incoming, offer) = bob.expect_event("incomingcall").await;
    assert_eq!(incoming, json!({"event": "incomingcall", "username": "alice"}));
    assert_eq!(offer["type"], "offer");
    bob.accept().await;
    let (accepted, answer) = alice.expect_event("accepted").await;
    assert_eq!(accepted, json!({"event": "accepted", "username": "bob"}));
    assert_eq!(answer["type"], "answer");
}

#[tokio::test]
async fn two_users_of_one_proxy_call_each_other() {
    let (redis, janus, proxy) = proxy().await;
    let mut alice = Client::registered(&proxy.ws_url(), "alice").await;
    let mut bob = Client::registered(&proxy.ws_url(), "bob").await;
    set_up_call(&mut alice, &mut bob).await;

    let record = hash(&redis, &user("alice")).await;
    let fields: Vec<&str> = record.keys().map(String::as_str).collect();
    assert_eq!(fields, ["ctime", "incall", "peer_name", "proxy_uuid", "username", "utime"]);
    assert_eq!((&*record["username"], &*record["incall"], &*record["peer_name"]), ("alice", "1", "bob"));
    assert_eq!(redis::run(&redis, &format!("TTL {}", user("alice"))).await, ":-1\r\n+OK\r\n");
    assert_eq!(janus.admin().await.all_handles().await, 2);

    alice.hangup().await;
    bob.expect_hangup().await;
    let free = async |name| hash(&redis, &user(name)).await["incall"].is_empty();
    eventually("both are free", async || free("alice").await && free("bob").await).await;
    alice.detach().await;
    assert!(hash(&redis, &user("alice")).await.is_empty());
}

#[tokio::test]
async fn users_of_two_proxies_call_each_other() {
    let (redis, janus, one) = proxy().await;
    let other = JanusCloud::start(&redis.url(), &[("a", &janus.url())]).await;
    let mut alice = Client::registered(&one.ws_url(), "alice").await;
    let mut bob = Client::registered(&other.ws_url(), "bob").await;
    set_up_call(&mut alice, &mut bob).await;
    bob.hangup().await;
    alice.expect_hangup().await;

    let uuid = &hash(&redis, &user("bob")).await["proxy_uuid"];
    let proxy = hash(&redis, &format!("januscloud:videocall_proxies:{uuid}")).await;
    let base = format!("{}/plugins/videocall", other.rest_url());
    assert_eq!(proxy, BTreeMap::from([("api_base_url".to_owned(), base)]));
}

#[tokio::test]
async fn it_refuses_an_outside_call_of_an_unknown_user() {
    let (_redis, janus, proxy) = proxy().await;
    let url = format!("{}/plugins/videocall/bob", proxy.rest_url());
    let body = json!({"caller_username": "alice", "backend_server_url": janus.url()});
    assert_eq!(http::post(&url, &body.to_string()).await.status, 478);
    let _bob = Client::registered(&proxy.ws_url(), "bob").await;
    assert_eq!(http::post(&url, &body.to_string()).await.status, 200);
    assert_eq!(http::post(&url, &body.to_string()).await.status, 480);
}

#[tokio::test]
async fn it_restarts_on_the_same_ports() {
    let (redis, _janus, mut proxy) = proxy().await;
    let mut alice = Client::registered(&proxy.ws_url(), "alice").await;
    let before = hash(&redis, &user("alice")).await;
    let (url, pid) = (proxy.ws_url(), proxy.pid());
    proxy.kill();
    alice.expect_closed().await;
    assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap());
    assert_eq!(hash(&redis, &user("alice")).await, before);

    proxy.restart().await;
    assert_eq!(proxy.ws_url(), url);
    let _alice = Client::registered(&url, "alice").await;
    assert_ne!(hash(&redis, &user("alice")).await["proxy_uuid"], before["proxy_uuid"]);
}

#[tokio::test]
async fn it_is_killed_when_dropped() {
    let (_redis, _janus, proxy) = proxy().await;
    let process = format!("/proc/{}", proxy.pid());
    assert!(std::fs::exists(&process).unwrap());
    drop(proxy);
    assert!(!std::fs::exists(&process).unwrap());
}
