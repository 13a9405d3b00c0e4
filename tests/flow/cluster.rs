//! A cluster of separate processes: two edges, two routers, two connectors, two Janus servers, one Redis.
//! Calls between clients of different edges are spread over both servers, cost few stream entries, and leave
//! nothing behind.

use crate::fixture::{leftovers, redis_connection};
use serde_json::json;
use std::collections::BTreeMap;
use testkit::{Client, Cluster, Janus, Process, Redis, Service, eventually, sdp};

/// Total number of calls, and number of pairs that call at the same time.
const CALLS: usize = 200;
const AT_ONCE: usize = 10;
/// Maximum number of stream entries of one call, including the call log.
const MAX_ENTRIES: u64 = 20;

struct Fixture {
    redis: Redis,
    janus: [Janus; 2],
    cluster: Cluster,
}

async fn start_cluster() -> Fixture {
    let redis = Redis::start().await;
    let janus = [Janus::start().await, Janus::start().await];
    let mut plan = Cluster::new(&redis).edges(2).routers(2).connectors(2);
    // The test counts stream entries, so canaries are off.
    for service in [Service::Edge, Service::Router, Service::Connector] {
        plan = plan.with(service, "--canary-interval=0");
    }
    let cluster = plan.backend("a", &janus[0]).backend("b", &janus[1]).start().await;
    let fixture = Fixture { redis, janus, cluster };
    eventually("both Janus servers are announced", async || fixture.backends_up().await == 2).await;
    fixture
}

impl Fixture {
    async fn backends_up(&self) -> usize {
        let mut up = 0;
        for name in ["a", "b"] {
            let mut redis = redis_connection(&self.redis.url()).await;
            let key = format!("januscloud:backend_servers:{name}");
            let status: Option<String> =
                redis::cmd("HGET").arg(key).arg("status").query_async(&mut redis).await.unwrap();
            up += usize::from(status.as_deref() == Some("0"));
        }
        up
    }

    /// The number of entries ever added to each stream.
    async fn entries(&self) -> BTreeMap<String, u64> {
        let mut redis = redis_connection(&self.redis.url()).await;
        let streams: Vec<String> = redis::cmd("KEYS").arg("sb:*").query_async(&mut redis).await.unwrap();
        let mut entries = BTreeMap::new();
        for stream in streams {
            let kind: String = redis::cmd("TYPE").arg(&stream).query_async(&mut redis).await.unwrap();
            if kind == "stream" {
                let info: BTreeMap<String, redis::Value> =
                    redis::cmd("XINFO").arg("STREAM").arg(&stream).query_async(&mut redis).await.unwrap();
                let added = redis::from_redis_value(info["entries-added"].clone()).unwrap();
                entries.insert(stream, added);
            }
        }
        entries
    }

    /// The number of queue messages that a router has read and not acknowledged.
    async fn pending(&self) -> u64 {
        let mut redis = redis_connection(&self.redis.url()).await;
        let mut pending = 0;
        for stream in self.entries().await.into_keys().filter(|key| key.contains("requests")) {
            let (count, ..): (u64, redis::Value, redis::Value, redis::Value) =
                redis::cmd("XPENDING").arg(&stream).arg("workers").query_async(&mut redis).await.unwrap();
            pending += count;
        }
        pending
    }

    /// The number of calls of each backend, according to the `calls` log.
    async fn calls_by_backend(&self) -> BTreeMap<String, usize> {
        let mut redis = redis_connection(&self.redis.url()).await;
        let log: redis::streams::StreamRangeReply =
            redis::cmd("XRANGE").arg("sb:calls").arg("-").arg("+").query_async(&mut redis).await.unwrap();
        let mut calls = BTreeMap::new();
        for entry in log.ids {
            if entry.get::<String>("event").as_deref() == Some("ended") {
                *calls.entry(entry.get("backend").unwrap()).or_default() += 1;
            }
        }
        calls
    }
}

/// One pair calls repeatedly, on the same handles.
async fn keep_calling(edge_urls: (String, String), pair: usize) {
    let (caller, callee) = (format!("caller {pair}"), format!("callee {pair}"));
    let mut alice = Client::registered(&edge_urls.0, &caller).await;
    let mut bob = Client::registered(&edge_urls.1, &callee).await;
    for _ in 0..CALLS / AT_ONCE {
        one_call(&mut alice, &mut bob, &callee).await;
        alice.clear_inbox().await;
        bob.clear_inbox().await;
    }
    alice.destroy().await;
    bob.destroy().await;
}

async fn one_call(alice: &mut Client, bob: &mut Client, callee: &str) {
    alice.call(callee).await;
    alice.trickle(sdp::candidate(1)).await;
    alice.trickle(sdp::candidate(2)).await;
    alice.trickle(sdp::end_of_candidates()).await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    bob.trickle(sdp::candidate(3)).await;
    bob.trickle(sdp::end_of_candidates()).await;
    alice.expect_event("accepted").await;
    alice.hangup().await;
    alice.expect_core("hangup").await;
    bob.expect_core("hangup").await;
}

#[tokio::test]
async fn two_hundred_calls_are_spread_and_leave_nothing_behind() {
    let fixture = start_cluster().await;
    let edge_urls = |pair: usize| {
        let (this, that) = (fixture.cluster.edge_url(pair % 2), fixture.cluster.edge_url((pair + 1) % 2));
        (this, that)
    };
    let pairs: Vec<_> = (0..AT_ONCE).map(|pair| tokio::spawn(keep_calling(edge_urls(pair), pair))).collect();
    for pair in pairs {
        pair.await.unwrap();
    }
    let calls = fixture.calls_by_backend().await;
    assert_eq!(calls.values().sum::<usize>(), CALLS, "{calls:?}");
    assert!(calls.len() == 2 && calls.values().all(|count| *count >= CALLS / 5), "uneven: {calls:?}");
    for janus in &fixture.janus {
        let mut admin = janus.admin().await;
        eventually("no Janus handle is left", async || admin.all_handles().await == 0).await;
    }
    let redis = fixture.redis.url();
    eventually("no key of a call is left", async || leftovers(&redis).await.is_empty()).await;
    eventually("no request is pending", async || fixture.pending().await == 0).await;
    let entries = fixture.entries().await;
    assert!(!entries.contains_key("sb:dead"), "{entries:?}");
}

#[tokio::test]
async fn a_call_costs_few_stream_entries() {
    let fixture = start_cluster().await;
    let mut alice = Client::registered(&fixture.cluster.edge_url(0), "alice").await;
    let mut bob = Client::registered(&fixture.cluster.edge_url(1), "bob").await;
    let before: u64 = fixture.entries().await.values().sum();
    for _ in 0..10 {
        one_call(&mut alice, &mut bob, "bob").await;
    }
    eventually("the log has the last end", async || {
        fixture.calls_by_backend().await.values().sum::<usize>() == 10
    })
    .await;
    let after = fixture.entries().await;
    let cost = (after.values().sum::<u64>() - before) / 10;
    println!("a call costs {cost} stream entries");
    assert!(cost <= MAX_ENTRIES, "{cost} entries a call: {after:?}");
    assert!(cost >= 10, "entries are not counted right: {after:?}");
    let idle = fixture.entries().await;
    for _ in 0..50 {
        alice.keepalive().await;
    }
    bob.set(json!({"audio": true})).await;
    assert_eq!(fixture.entries().await, idle, "keepalives and settings outside a call need no bus");
}

#[tokio::test]
async fn host_name_resolves_to_its_janus_servers() {
    let janus = Janus::start().await;
    let port = janus.url().rsplit(':').next().unwrap().to_owned();
    let backend = format!("dns+ws://localhost:{port}");
    let standalone = Process::start(Service::Standalone, &["--backend", &backend]).await;
    let mut alice = Client::registered(&standalone.url(), "alice").await;
    let mut bob = Client::registered(&standalone.url(), "bob").await;
    one_call(&mut alice, &mut bob, "bob").await;
}
