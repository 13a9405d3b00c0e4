//! A cluster of both systems on one Redis, with one Janus: a proxy of janus-cloud, and one of each
//! Switchboard service.

use crate::fixture::redis_connection;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, DEADLINE, Janus, JanusCloud, Redis, becomes_true, eventually};
use tokio::time::Instant;

/// The name of the Janus in janus-cloud's configuration, and in our connector's.
pub const JANUS_CLOUD_BACKEND: &str = "a";
pub const SWITCHBOARD_BACKEND: &str = "b";

/// The id of Switchboard among the proxies.
pub const SWITCHBOARD_PROXY: &str = "switchboard";

/// Longer than any time limit of a request, since a client may receive an error only at its end.
const EVENT_TIMEOUT: Duration = Duration::from_secs(20);

pub type Hash = BTreeMap<String, String>;

pub struct MixedCluster {
    pub cluster: Cluster,
    pub proxy: JanusCloud,
    pub janus: Janus,
    pub redis: Redis,
}

impl MixedCluster {
    pub async fn start() -> Self {
        Self::with_janus(Janus::start().await).await
    }

    pub async fn with_janus(janus: Janus) -> Self {
        Self::with(janus, |plan| plan).await
    }

    /// With a changed plan.
    pub async fn with(janus: Janus, change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let redis = Redis::start().await;
        let (url, shared) = (janus.url(), redis.url());
        let theirs = [(JANUS_CLOUD_BACKEND, url.as_str())];
        let plan = plan(&redis).backend(SWITCHBOARD_BACKEND, &janus);
        let plan = change(plan);
        let (cluster, proxy) = tokio::join!(plan.start(), JanusCloud::start(&shared, &theirs));
        let mixed = Self { cluster, proxy, janus, redis };
        mixed.wait_until_announced().await;
        mixed.has(SWITCHBOARD_BACKEND).await;
        mixed
    }

    /// Waits until the proxies of janus-cloud can find Switchboard.
    pub async fn wait_until_announced(&self) {
        wait_until_announced(&self.redis).await;
    }

    /// Waits until this backend accepts calls.
    pub async fn has(&self, backend: &str) {
        has(&self.redis, backend).await;
    }

    /// A client registered with Switchboard.
    pub async fn registered_here(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.cluster.edge_url(0), name).await
    }

    /// A client registered with janus-cloud.
    pub async fn registered_there(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.proxy.ws_url(), name).await
    }

    /// The address at which the proxies of janus-cloud find Switchboard.
    pub async fn proxy_api_url(&self) -> String {
        let key = format!("januscloud:videocall_proxies:{SWITCHBOARD_PROXY}");
        hash(&self.redis, &key).await.remove("api_base_url").unwrap_or_default()
    }

    /// The record of a name.
    pub async fn user(&self, name: &str) -> Hash {
        hash(&self.redis, &user_key(name)).await
    }

    /// The peer of the name's owner according to the record, if it is in a call.
    pub async fn peer_of(&self, name: &str) -> Option<String> {
        let mut record = self.user(name).await;
        (record.get("incall").map(String::as_str) == Some("1")).then(|| record.remove("peer_name").unwrap())
    }

    /// Waits until the name's record shows that peer.
    pub async fn expect_in_call(&self, name: &str, with: &str) {
        let what = format!("{name}'s record says that it is in a call with {with}");
        eventually(&what, async || self.peer_of(name).await.as_deref() == Some(with)).await;
    }

    /// Waits until none of the names is in a call according to the records, Janus knows none of them, and
    /// Janus has no handle.
    pub async fn expect_all_free(&self, names: &[&str]) {
        self.expect_free(names).await;
        let mut watcher = Client::attached(&self.janus.url()).await;
        expect_names_released(&mut watcher, names).await;
        watcher.destroy().await;
        self.expect_no_handles().await;
    }

    /// Waits until none of the names is in a call according to the records.
    pub async fn expect_free(&self, names: &[&str]) {
        for name in names {
            eventually(&format!("{name} is free"), async || self.peer_of(name).await.is_none()).await;
        }
    }

    /// Waits until Janus has no handle.
    pub async fn expect_no_handles(&self) {
        expect_no_handles(&self.janus).await;
    }

    /// Waits until no key of a session, handle or call of Switchboard is left, and no name of either system.
    pub async fn expect_clean(&self) {
        self.expect_no_handles().await;
        let redis = self.redis.url();
        eventually("no key of a call is left", async || crate::fixture::leftovers(&redis).await.is_empty())
            .await;
    }
}

/// One of each Switchboard service, without a Janus.
pub fn plan(redis: &Redis) -> ClusterBuilder {
    Cluster::new(redis).rests(1)
}

/// The services that are ready without a Janus.
pub async fn start_without_janus(redis: &Redis) -> Cluster {
    plan(redis).edges(0).routers(0).start().await
}

/// Adds the services that wait for a Janus.
pub async fn start_remaining(cluster: &mut Cluster, redis: &Redis) {
    let Cluster { edges, routers, .. } = Cluster::new(redis).connectors(0).start().await;
    cluster.edges = edges;
    cluster.routers = routers;
}

pub async fn wait_until_announced(redis: &Redis) {
    let key = format!("januscloud:videocall_proxies:{SWITCHBOARD_PROXY}");
    eventually("our proxy record has an address", async || {
        hash(redis, &key).await.get("api_base_url").is_some_and(|url| !url.is_empty())
    })
    .await;
}

pub async fn has(redis: &Redis, backend: &str) {
    let key = backend_key(backend);
    eventually("the backend is announced", async || {
        hash(redis, &key).await.get("status").map(String::as_str) == Some("0")
    })
    .await;
}

/// Waits until the plugin of a Janus, to which `watcher` is connected, knows none of the names. This takes a
/// moment after a handle is detached. Registering the name during that moment fails with 476.
pub async fn expect_names_released(watcher: &mut Client, names: &[&str]) {
    eventually("Janus has forgotten the names", async || {
        let known = watcher.list().await;
        !names.iter().any(|name| known.iter().any(|it| it == name))
    })
    .await;
}

pub async fn expect_no_handles(janus: &Janus) {
    let mut admin = janus.admin().await;
    eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
}

pub fn user_key(name: &str) -> String {
    format!("januscloud:videocall_users:{name}")
}

pub fn backend_key(name: &str) -> String {
    format!("januscloud:backend_servers:{name}")
}

/// A hash in Redis, empty if there is none.
pub async fn hash(redis: &Redis, key: &str) -> Hash {
    let mut connection = redis_connection(&redis.url()).await;
    ::redis::cmd("HGETALL").arg(key).query_async(&mut connection).await.unwrap()
}

/// All keys in Redis.
pub async fn keys(redis: &Redis) -> BTreeSet<String> {
    let mut connection = redis_connection(&redis.url()).await;
    ::redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap()
}

/// Deletes a key, as its expiry would.
pub async fn expire(redis: &Redis, key: &str) {
    let mut connection = redis_connection(&redis.url()).await;
    let _: u64 = ::redis::cmd("DEL").arg(key).query_async(&mut connection).await.unwrap();
}

/// A client with a name, of either system.
pub struct NamedClient {
    pub name: String,
    pub client: Client,
}

impl NamedClient {
    pub async fn at(url: &str, name: &str) -> Self {
        Self { name: name.to_owned(), client: Client::registered(url, name).await }
    }

    /// Calls, and waits until it rings. Checks what the callee receives.
    pub async fn ring(&mut self, callee: &mut Self) {
        self.client.call(&callee.name).await;
        let (incoming, offer) = callee.client.expect_event("incomingcall").await;
        assert_eq!(incoming, json!({"event": "incomingcall", "username": self.name}));
        assert_eq!(offer["type"], "offer");
    }

    /// Calls and is accepted. Checks what both receive.
    pub async fn call(&mut self, callee: &mut Self) {
        self.ring(callee).await;
        self.expect_accept_by(callee).await;
    }

    pub async fn expect_accept_by(&mut self, callee: &mut Self) {
        callee.client.accept().await;
        let (accepted, answer) = self.client.expect_event("accepted").await;
        assert_eq!(accepted, json!({"event": "accepted", "username": callee.name}));
        assert_eq!(answer["type"], "answer");
    }

    /// Ends the call. Both sides receive the hangup.
    pub async fn hang_up_on(&mut self, other: &mut Self) {
        self.client.hangup().await;
        other.expect_hangup(&self.name).await;
        self.client.clear_inbox().await;
        other.client.clear_inbox().await;
    }

    /// Waits for the end of the call with `other`, and returns the reason.
    pub async fn expect_hangup(&mut self, other: &str) -> String {
        let hangup = self.client.expect_hangup().await;
        assert_eq!(hangup["username"], other, "{hangup}");
        let reason = hangup["reason"].as_str().unwrap_or_default().to_owned();
        assert!(!reason.is_empty(), "{hangup}");
        reason
    }

    /// As [`Client::try_call`], for an answer that may take longer than the usual time limit of tests.
    pub async fn try_call_slowly(&mut self, callee: &str) -> (Value, Duration) {
        let call = json!({"request": "call", "username": callee});
        let since = Instant::now();
        let transaction = self.client.post_message(call, Some(testkit::sdp::offer())).await;
        let mut answer = None;
        let answered = becomes_true(EVENT_TIMEOUT, async || {
            self.client.ping().await;
            let is_answer = |message: &&Value| testkit::message::is_event_for(message, &transaction);
            answer =
                self.client.inbox().find(is_answer).map(|message| testkit::message::data(message).clone());
            answer.is_some()
        })
        .await;
        assert!(answered, "{} got no answer:\n{}", self.name, self.client.transcript());
        (answer.unwrap(), since.elapsed())
    }

    /// Whether a name is registered, according to this system.
    pub async fn exists(&mut self, name: &str) -> bool {
        let answer = self.client.request_plugin(json!({"request": "exists", "username": name}), None).await;
        answer["result"]["registered"] == true
    }

    /// Ends its session, which releases its name.
    pub async fn leave(mut self) {
        self.client.destroy().await;
    }
}

/// The code and the text of an error.
pub fn refusal(answer: &Value) -> (u64, &str) {
    let code = answer["error_code"].as_u64().unwrap_or_else(|| panic!("not a refusal: {answer}"));
    (code, answer["error"].as_str().unwrap())
}

/// Whether a condition becomes true within the usual time limit of tests.
pub async fn comes_true_soon(condition: impl AsyncFnMut() -> bool) -> bool {
    becomes_true(DEADLINE, condition).await
}
