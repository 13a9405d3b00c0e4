//! Records in Redis that others wrote and that cannot be read. Each list of the operators' API leaves them out and says
//! how many, and calls go on.

use crate::fixture::redis_connection;
use serde_json::Value;
use testkit::{Client, Cluster, Janus, Redis, eventually, http};

/// Keys of another type than their record's.
const WRONG_TYPES: [&str; 8] = [
    "januscloud:videocall_users:junk",
    "januscloud:backend_servers:junk",
    "sb:session:77",
    "sb:call:junk",
    "sb:service:junk",
    "sb:served:junk",
    "sb:calls_on:junk",
    "sb:{lease:backend:junk}",
];

/// The path of each list, its name, how many items it has, and how many are left out at least.
const LISTS: [(&str, &str, usize, u64); 5] = [
    ("users", "users", 2, 1),
    ("sessions", "sessions", 2, 2),
    ("calls", "calls", 1, 1),
    ("services", "services", 4, 1),
    ("backends", "backends", 1, 1),
];

#[tokio::test]
async fn junk_hides_no_other_record() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    let mut alice = Client::registered(&cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&cluster.edge_url(0), "bob").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    write_junk(&redis).await;

    let api = format!("{}/api/v1", cluster.rest_url(0));
    for (path, name, count, left_out) in LISTS {
        let list = get(&format!("{api}/{path}")).await;
        assert_eq!(list[name].as_array().unwrap().len(), count, "{list}");
        assert!(list["malformed"].as_u64().unwrap() >= left_out, "{path}: {list}");
    }
    eventually("the cluster's view has a finding about it", async || {
        let view = get(&format!("{api}/cluster")).await;
        let found = view["findings"].as_array().unwrap().iter().any(|it| it["code"] == "records_malformed");
        found && view["services"].as_array().unwrap().len() == 4
    })
    .await;

    // Routers still find the Janus server.
    alice.hangup().await;
    bob.expect_hangup().await;
    bob.call("alice").await;
    alice.expect_event("incomingcall").await;
}

async fn get(url: &str) -> Value {
    let response = http::get(url).await;
    assert_eq!(response.status, 200, "{url}: {}", response.body);
    serde_json::from_str(&response.body).unwrap()
}

async fn write_junk(redis: &Redis) {
    let far = 9_000_000_000_000_000_u64;
    let mut junk = ::redis::pipe();
    for key in WRONG_TYPES {
        junk.set(key, "junk").ignore();
    }
    for index in ["sb:services", "sb:backends"] {
        junk.zadd(index, "junk", far).ignore();
    }
    junk.hset("sb:session:no-number", "edge", "junk").ignore();
    let () = junk.query_async(&mut redis_connection(&redis.url()).await).await.unwrap();
}
