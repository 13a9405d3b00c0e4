//! A cluster with pairs of clients that call each other, and the measure of an attack.

use crate::fixture::redis_connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, Janus, Redis, transport_from};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

const PAIRS: usize = 4;
/// The network that they come from, each pair from an address of its own. Attackers come from another one.
const PAIRS_NETWORK: &str = "127.0.1";
/// The pause of a pair between two calls: a client makes fewer than `--max-call-rate`.
const PAUSE: Duration = Duration::from_millis(80);
/// How long is measured before the attack, and during it.
const PHASE: Duration = Duration::from_secs(5);
/// A 99th percentile below this counts as this: shorter ones vary with the machine.
const SHORTEST_P99: Duration = Duration::from_millis(40);
/// The memory by which one process may grow during an attack.
const MAX_PROCESS_GROWTH: u64 = 48 << 20;
/// The memory by which Redis may grow.
const MAX_REDIS_GROWTH: u64 = 48 << 20;

/// Two edges, two routers, two connectors and a rest service on a real Redis, in front of a real Janus.
pub struct Fixture {
    pub cluster: Cluster,
    _janus: Janus,
    pub redis: Redis,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::with(|plan| plan).await
    }

    /// With a changed plan.
    pub async fn with(change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
        let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).rests(1).backend("a", &janus);
        let cluster = change(plan).start().await;
        Self { cluster, _janus: janus, redis }
    }

    pub fn edge_url(&self, number: usize) -> String {
        self.cluster.edge_url(number)
    }

    /// Measures calls before and during an attack, which starts when `attack` is polled and is ended with the phase.
    pub async fn withstand(&self, name: &str, attack: impl Future<Output = ()>) {
        let pairs = Pairs::start(self).await;
        sleep(PHASE).await;
        let quiet = pairs.take();
        let memory = self.memory().await;
        tokio::select! {
            () = attack => panic!("{name}: the attack ended before the measurement"),
            () = sleep(PHASE) => {}
        }
        let attacked = pairs.take();
        let grown = self.memory().await;
        pairs.stop().await;
        println!("hostile: {name}: {quiet} before, {attacked} during the attack");
        quiet.expect_success(name);
        attacked.expect_success(name);
        let allowed = 2 * quiet.p99().max(SHORTEST_P99);
        assert!(
            attacked.p99() <= allowed,
            "{name}: 99 % of calls ring within {:?}, allowed are {allowed:?}",
            attacked.p99()
        );
        for (process, after) in &grown {
            let growth = after.saturating_sub(memory[process]);
            let limit = if process == REDIS { MAX_REDIS_GROWTH } else { MAX_PROCESS_GROWTH };
            println!("hostile: {name}: {process} grew by {} kB", growth >> 10);
            assert!(growth <= limit, "{name}: {process} grew by {growth} bytes, allowed are {limit}");
        }
    }

    /// The memory of each process, in bytes.
    async fn memory(&self) -> BTreeMap<String, u64> {
        let cluster = &self.cluster;
        let processes =
            cluster.edges.iter().chain(&cluster.routers).chain(&cluster.connectors).chain(&cluster.rests);
        let mut memory: BTreeMap<String, u64> = processes
            .map(|it| (format!("{}-{}", it.service().name(), it.pid()), resident(it.pid())))
            .collect();
        let mut connection = redis_connection(&self.redis.url()).await;
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await.unwrap();
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        memory.insert(REDIS.to_owned(), used.trim().parse().unwrap());
        memory
    }
}

const REDIS: &str = "redis";

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Pairs of clients, each of which makes one call after the other.
struct Pairs {
    calls: Arc<common::sync::Mutex<Calls>>,
    stopping: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Pairs {
    async fn start(fixture: &Fixture) -> Self {
        let (calls, stopping) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for number in 0..PAIRS {
            let (caller, callee) = (format!("caller {number}"), format!("callee {number}"));
            let address = format!("{PAIRS_NETWORK}.{}", number + 1);
            let alice = registered_from(&address, &fixture.edge_url(number % 2), &caller).await;
            let bob = registered_from(&address, &fixture.edge_url((number + 1) % 2), &callee).await;
            tasks.spawn(call_again(alice, bob, callee, Arc::clone(&calls), Arc::clone(&stopping)));
        }
        Self { calls, stopping, tasks }
    }

    fn take(&self) -> Calls {
        std::mem::take(&mut self.calls.lock())
    }

    async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// A registered client that comes from an address of 127.0.0.0/8.
pub async fn registered_from(address: &str, url: &str, name: &str) -> Client {
    let mut client = Client::over(transport_from(address, url).await).await;
    client.create().await;
    client.attach().await;
    client.register(name).await;
    client
}

async fn call_again(
    mut alice: Client,
    mut bob: Client,
    callee: String,
    calls: Arc<common::sync::Mutex<Calls>>,
    stopping: Arc<AtomicBool>,
) {
    while !stopping.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = alice.try_call(&callee).await;
        if answer["result"]["event"] != "calling" {
            calls.lock().failed.push(answer);
            sleep(Duration::from_millis(50)).await;
            continue;
        }
        bob.expect_event("incomingcall").await;
        calls.lock().rang.push(begun.elapsed());
        bob.accept().await;
        alice.expect_event("accepted").await;
        alice.hangup().await;
        tokio::join!(alice.expect_core("hangup"), bob.expect_core("hangup"));
        alice.clear_inbox().await;
        bob.clear_inbox().await;
        sleep(PAUSE).await;
    }
    alice.destroy().await;
    bob.destroy().await;
}

/// The calls of one phase.
#[derive(Default)]
struct Calls {
    rang: Vec<Duration>,
    failed: Vec<Value>,
}

impl Calls {
    fn p99(&self) -> Duration {
        let mut times = self.rang.clone();
        times.sort();
        times[(times.len() * 99 / 100).min(times.len() - 1)]
    }

    fn expect_success(&self, name: &str) {
        let (rang, failed) = (self.rang.len(), self.failed.len());
        assert!(rang >= 20, "{name}: only {rang} calls were made");
        assert!(failed * 99 <= rang, "{name}: {failed} calls failed, {rang} rang: {:?}", self.failed.first());
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} calls rang (99 % within {} ms), {} failed",
            self.rang.len(),
            self.p99().as_millis(),
            self.failed.len()
        )
    }
}

/// The byte stream of an open websocket, for bytes that a client's library does not write.
pub async fn open_websocket(url: &str) -> TcpStream {
    let address = url.trim_start_matches("ws://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: janus-protocol\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        response.push(stream.read_u8().await.unwrap());
    }
    assert!(response.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&response));
    stream
}

/// Ticks at a rate; a late tick is skipped.
pub fn pace(per_second: u32) -> Interval {
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}
