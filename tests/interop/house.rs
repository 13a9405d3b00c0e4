//! A cluster of two makes on one Redis, with one Janus: a proxy of janus-cloud, and of ours one of each
//! service.

use crate::fixture::redis_connection;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, DEADLINE, Janus, JanusCloud, Redis, becomes_true, eventually};
use tokio::time::Instant;

/// What the Janus is called by them, and by our connector.
pub const THEIR_BACKEND: &str = "a";
pub const OUR_BACKEND: &str = "b";

/// The id of our cluster among the proxies.
pub const OUR_PROXY: &str = "switchboard";

/// Longer than any time limit of a request, which a client hears of only at its end.
const EVENT_TIMEOUT: Duration = Duration::from_secs(20);

pub type Hash = BTreeMap<String, String>;

pub struct MixedCluster {
    pub cluster: Cluster,
    pub peer: JanusCloud,
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

    /// With a change of the plan.
    pub async fn with(janus: Janus, change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let redis = Redis::start().await;
        let (url, shared) = (janus.url(), redis.url());
        let theirs = [(THEIR_BACKEND, url.as_str())];
        let plan = plan(&redis).backend(OUR_BACKEND, &janus);
        let plan = change(plan);
        let (cluster, peer) = tokio::join!(plan.start(), JanusCloud::start(&shared, &theirs));
        let house = Self { cluster, peer, janus, redis };
        house.knows_us().await;
        house.has(OUR_BACKEND).await;
        house
    }

    /// Waits until their proxies can find us.
    pub async fn knows_us(&self) {
        knows_us(&self.redis).await;
    }

    /// Waits until calls can be placed on this backend.
    pub async fn has(&self, backend: &str) {
        has(&self.redis, backend).await;
    }

    /// Somebody who is registered with Switchboard.
    pub async fn here(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.cluster.edge_url(0), name).await
    }

    /// Somebody who is registered with janus-cloud.
    pub async fn there(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.peer.ws_url(), name).await
    }

    /// Where their proxies find us.
    pub async fn our_address(&self) -> String {
        let key = format!("januscloud:videocall_proxies:{OUR_PROXY}");
        hash(&self.redis, &key).await.remove("api_base_url").unwrap_or_default()
    }

    /// The record of a name.
    pub async fn user(&self, name: &str) -> Hash {
        hash(&self.redis, &user_key(name)).await
    }

    /// Whether the name's record says that its owner is in a call, and with whom.
    pub async fn in_call(&self, name: &str) -> Option<String> {
        let mut record = self.user(name).await;
        (record.get("incall").map(String::as_str) == Some("1")).then(|| record.remove("peer_name").unwrap())
    }

    /// Waits until the name's record says that.
    pub async fn is_in_call(&self, name: &str, with: &str) {
        let what = format!("{name}'s record says that it is in a call with {with}");
        eventually(&what, async || self.in_call(name).await.as_deref() == Some(with)).await;
    }

    /// Waits until the records say that nobody of them is in a call, Janus knows none of the names, and it
    /// has no handle.
    pub async fn all_are_free(&self, names: &[&str]) {
        self.are_free(names).await;
        let mut watcher = Client::attached(&self.janus.url()).await;
        forgets(&mut watcher, names).await;
        watcher.destroy().await;
        self.has_no_legs().await;
    }

    /// Waits until the records say that nobody of them is in a call.
    pub async fn are_free(&self, names: &[&str]) {
        for name in names {
            eventually(&format!("{name} is free"), async || self.in_call(name).await.is_none()).await;
        }
    }

    /// Waits until Janus has no handle.
    pub async fn has_no_legs(&self) {
        has_no_legs(&self.janus).await;
    }

    /// Waits until none of our keys of a session, handle or call is left, and neither side's of a name.
    pub async fn is_clean(&self) {
        self.has_no_legs().await;
        let redis = self.redis.url();
        eventually("no key of a call is left", async || crate::fixture::leftovers(&redis).await.is_empty())
            .await;
    }
}

/// Of ours one of each service, without a Janus.
pub fn plan(redis: &Redis) -> ClusterBuilder {
    Cluster::new(redis).rests(1)
}

/// Those of them that are ready before there is any Janus.
pub async fn first_half(redis: &Redis) -> Cluster {
    plan(redis).edges(0).routers(0).start().await
}

/// Adds the others, which wait for a Janus.
pub async fn second_half(cluster: &mut Cluster, redis: &Redis) {
    let Cluster { edges, routers, .. } = Cluster::new(redis).connectors(0).start().await;
    cluster.edges = edges;
    cluster.routers = routers;
}

pub async fn knows_us(redis: &Redis) {
    let key = format!("januscloud:videocall_proxies:{OUR_PROXY}");
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

/// Waits until the plugin of a Janus, with which `watcher` is connected, knows none of the names. It does so
/// a moment after a handle is detached; who asks for the name meanwhile is refused with 476.
pub async fn forgets(watcher: &mut Client, names: &[&str]) {
    eventually("Janus has forgotten the names", async || {
        let known = watcher.list().await;
        !names.iter().any(|name| known.iter().any(|it| it == name))
    })
    .await;
}

pub async fn has_no_legs(janus: &Janus) {
    let mut admin = janus.admin().await;
    eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
}

pub fn user_key(name: &str) -> String {
    format!("januscloud:videocall_users:{name}")
}

pub fn backend_key(name: &str) -> String {
    format!("januscloud:backend_servers:{name}")
}

/// A hash in Redis; empty if there is none.
pub async fn hash(redis: &Redis, key: &str) -> Hash {
    let mut connection = redis_connection(&redis.url()).await;
    ::redis::cmd("HGETALL").arg(key).query_async(&mut connection).await.unwrap()
}

/// All keys there are.
pub async fn keys(redis: &Redis) -> BTreeSet<String> {
    let mut connection = redis_connection(&redis.url()).await;
    ::redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap()
}

/// Takes a key away, as its end of life would.
pub async fn expire(redis: &Redis, key: &str) {
    let mut connection = redis_connection(&redis.url()).await;
    let _: u64 = ::redis::cmd("DEL").arg(key).query_async(&mut connection).await.unwrap();
}

/// Somebody with a name, on either side.
pub struct NamedClient {
    pub name: String,
    pub client: Client,
}

impl NamedClient {
    pub async fn at(url: &str, name: &str) -> Self {
        Self { name: name.to_owned(), client: Client::registered(url, name).await }
    }

    /// Calls, until it rings there; what the callee hears is what it should.
    pub async fn rings(&mut self, callee: &mut Self) {
        self.client.call(&callee.name).await;
        let (incoming, offer) = callee.client.expect_event("incomingcall").await;
        assert_eq!(incoming, json!({"event": "incomingcall", "username": self.name}));
        assert_eq!(offer["type"], "offer");
    }

    /// Calls and is accepted; what both hear is what it should be.
    pub async fn talks_to(&mut self, callee: &mut Self) {
        self.rings(callee).await;
        self.is_accepted_by(callee).await;
    }

    pub async fn is_accepted_by(&mut self, callee: &mut Self) {
        callee.client.accept().await;
        let (accepted, answer) = self.client.expect_event("accepted").await;
        assert_eq!(accepted, json!({"event": "accepted", "username": callee.name}));
        assert_eq!(answer["type"], "answer");
    }

    /// Ends the call, and both hear of it.
    pub async fn hangs_up_on(&mut self, other: &mut Self) {
        self.client.hangup().await;
        other.expect_hangup(&self.name).await;
        self.client.clear_inbox().await;
        other.client.clear_inbox().await;
    }

    /// Waits for the end of the call with somebody; returns the reason.
    pub async fn expect_hangup(&mut self, other: &str) -> String {
        let hangup = self.client.expect_hangup().await;
        assert_eq!(hangup["username"], other, "{hangup}");
        let reason = hangup["reason"].as_str().unwrap_or_default().to_owned();
        assert!(!reason.is_empty(), "{hangup}");
        reason
    }

    /// As [`Client::try_call`], for an answer that may take longer than a test usually waits.
    pub async fn tries_patiently(&mut self, callee: &str) -> (Value, Duration) {
        let call = json!({"request": "call", "username": callee});
        let since = Instant::now();
        let transaction = self.client.post_message(call, Some(testkit::sdp::offer())).await;
        let mut answer = None;
        let came = becomes_true(EVENT_TIMEOUT, async || {
            self.client.ping().await;
            let about = |message: &&Value| testkit::message::is_event_for(message, &transaction);
            answer = self.client.inbox().find(about).map(|message| testkit::message::data(message).clone());
            answer.is_some()
        })
        .await;
        assert!(came, "{} waited in vain for an answer:\n{}", self.name, self.client.transcript());
        (answer.unwrap(), since.elapsed())
    }

    /// Whether a name is registered, as this side sees it.
    pub async fn finds(&mut self, name: &str) -> bool {
        let answer = self.client.ask(json!({"request": "exists", "username": name}), None).await;
        answer["result"]["registered"] == true
    }

    /// Goes, and with it its name.
    pub async fn leaves(mut self) {
        self.client.destroy().await;
    }
}

/// The code and the words of a refusal.
pub fn refusal(answer: &Value) -> (u64, &str) {
    let code = answer["error_code"].as_u64().unwrap_or_else(|| panic!("that is no refusal: {answer}"));
    (code, answer["error"].as_str().unwrap())
}

/// Whether something comes true in the time a test usually waits.
pub async fn soon(condition: impl AsyncFnMut() -> bool) -> bool {
    becomes_true(DEADLINE, condition).await
}
