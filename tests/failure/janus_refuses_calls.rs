//! A Janus that answers and cannot take calls. Its calls ring on another one, and it gets calls again when it
//! can take them.

use super::cluster::{expect_announced_on, hang_up};
use super::measure::Since;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::fake_janus::Fault;
use testkit::janus::JanusConfig;
use testkit::{Client, Cluster, FakeJanus, Janus, Redis, eventually, http};
use tokio::time::Instant;

/// A probe every 2 s.
const PROBED: Duration = Duration::from_secs(5);
/// The pause after a failure that lasts for some seconds, and the probe.
const USED_AGAIN: Duration = Duration::from_secs(14);

/// Two backends, `a` and `b`, with one edge and a rest service.
struct Pair {
    cluster: Cluster,
    _redis: Redis,
}

impl Pair {
    async fn start(
        a: &(impl testkit::cluster::Backend + ?Sized),
        b: &(impl testkit::cluster::Backend + ?Sized),
    ) -> Self {
        let redis = Redis::start().await;
        let plan = Cluster::new(&redis).routers(2).connectors(2).rests(1).backend("a", a).backend("b", b);
        let cluster = plan.start().await;
        for backend in ["a", "b"] {
            expect_announced_on(&redis, backend).await;
        }
        Self { cluster, _redis: redis }
    }

    /// Registered pairs of clients with these numbers.
    async fn clients(&self, numbers: std::ops::Range<u32>) -> Vec<(Client, Client, String)> {
        let url = self.cluster.edge_url(0);
        let mut pairs = Vec::new();
        for number in numbers {
            let callee = format!("callee {number}");
            let caller = Client::registered(&url, &format!("caller {number}")).await;
            pairs.push((caller, Client::registered(&url, &callee).await, callee));
        }
        pairs
    }

    /// A backend as operators see it.
    async fn backend(&self, name: &str) -> Value {
        let url = format!("{}/api/v1/backends/{name}", self.cluster.rest_url(0));
        serde_json::from_str(&http::get(&url).await.body).unwrap()
    }

    /// How many calls the connectors handed over for another backend.
    async fn second_attempts(&self) -> u64 {
        let mut attempts = 0;
        for connector in &self.cluster.connectors {
            let metrics = http::get(&format!("{}/metrics", connector.admin_url())).await.body;
            let value =
                metrics.lines().find_map(|it| it.strip_prefix("switchboard_calls_second_attempts_total "));
            attempts += value.unwrap().parse::<u64>().unwrap();
        }
        attempts
    }

    async fn wait_for(&self, name: &str, field: &str, value: &str) {
        eventually(&format!("{field} of {name} is {value}"), async || {
            self.backend(name).await[field] == value
        })
        .await;
    }
}

/// Makes a call that rings and is accepted, and ends it. Returns whether it succeeded; if not, with an error.
async fn try_call((caller, callee, name): &mut (Client, Client, String)) -> bool {
    let answer = caller.try_call(name).await;
    let rings = answer["result"]["event"] == "calling";
    if rings {
        callee.expect_event("incomingcall").await;
        callee.accept().await;
        caller.expect_event("accepted").await;
        hang_up(caller, callee).await;
    } else {
        assert!(answer["error"].is_string(), "{answer}");
    }
    caller.clear_inbox().await;
    callee.clear_inbox().await;
    rings
}

/// Each pair makes this many calls, one after the other; returns how many failed.
async fn failed_calls(pairs: &mut [(Client, Client, String)], rounds: usize) -> usize {
    let mut failed = 0;
    for _ in 0..rounds {
        for pair in &mut *pairs {
            failed += usize::from(!try_call(pair).await);
        }
    }
    failed
}

#[tokio::test]
async fn janus_without_ports_fails_no_calls_while_another_has_room() {
    // Two ports: one call that lasts uses them up.
    let small = JanusConfig { rtp_ports: "32100-32101".to_owned(), ..JanusConfig::default() };
    let (small, large) = tokio::join!(Janus::with(small), Janus::start());
    let pair = Pair::start(&small, &large).await;
    let mut lasting = pair.clients(0..8).await;
    for (caller, callee, name) in &mut lasting {
        caller.call(name).await;
        callee.expect_event("incomingcall").await;
        callee.accept().await;
    }
    let mut others = pair.clients(100..104).await;
    let (started, failed) = (Instant::now(), failed_calls(&mut others, 25).await);
    println!("failure: Janus without ports: 100 calls: {} ms", started.elapsed().as_millis());
    assert!(failed <= 1, "{failed} of 100 calls failed");
    assert!(pair.second_attempts().await > 0);
    let (a, b) = (pair.backend("a").await, pair.backend("b").await);
    assert!(b["calls"].as_u64() >= Some(7), "{a} {b}");
    assert_eq!((&b["breaker"], &b["status"]), (&json!("closed"), &json!("normal")));
}

#[tokio::test]
async fn janus_closed_by_its_admin_api_gets_no_calls() {
    let (a, b) = tokio::join!(Janus::start(), Janus::start());
    let pair = Pair::start(&a, &b).await;
    let mut clients = pair.clients(0..2).await;
    let mut admin = a.admin().await;
    let accept = |accept: bool| json!({"janus": "accept_new_sessions", "accept": accept});
    admin.request(accept(false)).await;
    let closed = Since::now("Janus is told to accept no sessions");
    pair.wait_for("a", "status", "maintenance").await;
    closed.within(PROBED, "it gets no new calls");
    let reason = pair.backend("a").await["health"].to_string();
    assert!(reason.contains("Admin API"), "{reason}");
    assert_eq!(failed_calls(&mut clients, 5).await, 0);
    assert_eq!(admin.all_handles().await, 0);
    admin.request(accept(true)).await;
    let opened = Since::now("Janus is told to accept sessions");
    pair.wait_for("a", "status", "normal").await;
    opened.within(PROBED, "it gets calls again");
}

#[tokio::test]
async fn janus_that_refuses_calls_fails_none_beside_another() {
    for fault in [Fault::RefuseAttach(461), Fault::PluginError(499), Fault::NoPorts] {
        let (sick, well) = tokio::join!(FakeJanus::start(), FakeJanus::start());
        let pair = Pair::start(&sick, &well).await;
        let mut clients = pair.clients(0..4).await;
        sick.set_fault(Some(fault));
        assert_eq!(failed_calls(&mut clients, 25).await, 0, "{fault:?}");
        assert!(pair.second_attempts().await > 0, "{fault:?}");
        if fault != Fault::NoPorts {
            pair.wait_for("a", "status", "abnormal").await;
        }
        assert_eq!((sick.calls(), pair.backend("b").await["status"].clone()), (0, json!("normal")));
        sick.set_fault(None);
        let mended = Since::now("a Janus that refused calls is mended");
        eventually("it takes a call again", async || {
            let before = sick.requests().len();
            assert!(try_call(&mut clients[0]).await, "{fault:?}");
            let requests = sick.requests();
            requests[before..].iter().any(|request| request["body"]["request"] == "call")
        })
        .await;
        mended.within(USED_AGAIN, "it gets calls again");
    }
}

#[tokio::test]
async fn one_client_does_not_take_a_janus_away() {
    let only = FakeJanus::start().await;
    let redis = Redis::start().await;
    let cluster = Cluster::new(&redis).rests(1).backend("a", &only).start().await;
    expect_announced_on(&redis, "a").await;
    let pair = Pair { cluster, _redis: redis };
    let mut honest = pair.clients(0..2).await;
    let (mut hostile, _callee, name) = pair.clients(9..10).await.remove(0);
    only.set_fault(Some(Fault::NoPorts));
    for _ in 0..20 {
        hostile.try_call(&name).await;
        hostile.clear_inbox().await;
    }
    only.set_fault(None);
    let seen = pair.backend("a").await;
    assert_eq!((&seen["breaker"], &seen["status"]), (&json!("closed"), &json!("normal")), "{seen}");
    assert_eq!(failed_calls(&mut honest, 5).await, 0);
    // Several clients fail: it is the only one and still gets calls.
    only.set_fault(Some(Fault::NoPorts));
    for (caller, _, callee) in &mut pair.clients(20..24).await {
        caller.try_call(callee).await;
    }
    pair.wait_for("a", "breaker", "open").await;
    only.set_fault(None);
    eventually("calls close its breaker", async || {
        assert!(try_call(&mut honest[0]).await);
        pair.backend("a").await["breaker"] == "closed"
    })
    .await;
}
