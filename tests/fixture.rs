//! Switchboard in front of a real Janus, in both of its forms. One form is a process on the memory bus, the
//! other a cluster of processes on a real Redis.

use testkit::{Client, Cluster, Janus, Process, Redis, Service, eventually};

/// A running Switchboard with two websocket URLs, which are different edges in a cluster.
pub struct Switchboard {
    pub janus: Janus,
    form: Form,
}

enum Form {
    Memory(Process),
    Redis(Cluster, Redis),
}

impl Switchboard {
    /// All in one process.
    pub async fn on_memory() -> Self {
        Self::on_memory_with(&[]).await
    }

    /// All in one process, with these options.
    pub async fn on_memory_with(options: &[&str]) -> Self {
        let janus = Janus::start().await;
        let backend = format!("a={}", janus.url());
        let options = [&["--backend", &backend], options].concat();
        let process = Process::start(Service::Standalone, &options).await;
        Self { janus, form: Form::Memory(process) }
    }

    /// Two edges, a router and a connector, on Redis.
    pub async fn on_redis() -> Self {
        Self::on_redis_with(&[]).await
    }

    /// The same, with these options of the edges.
    pub async fn on_redis_with(options: &[&str]) -> Self {
        let janus = Janus::start().await;
        let redis = Redis::start().await;
        let plan = Cluster::new(&redis).edges(2).backend("a", &janus);
        let plan = options.iter().fold(plan, |plan, option| plan.with(Service::Edge, option));
        Self { janus, form: Form::Redis(plan.start().await, redis) }
    }

    /// The Redis server of a cluster.
    pub fn redis(&self) -> Option<&Redis> {
        match &self.form {
            Form::Memory(_) => None,
            Form::Redis(_, redis) => Some(redis),
        }
    }

    /// The URL of its HTTP API. The cluster has none.
    pub fn rest_url(&self) -> Option<String> {
        match &self.form {
            Form::Memory(process) => Some(process.rest_url()),
            Form::Redis(..) => None,
        }
    }

    /// The websocket URL of this edge.
    pub fn edge_url(&self, number: usize) -> String {
        match &self.form {
            Form::Memory(process) => process.url(),
            Form::Redis(cluster, _) => cluster.edge_url(number),
        }
    }

    /// alice and bob, registered, at different edges.
    pub async fn alice_and_bob(&self) -> (Client, Client) {
        let alice = Client::registered(&self.edge_url(0), "alice").await;
        let bob = Client::registered(&self.edge_url(1), "bob").await;
        (alice, bob)
    }

    /// Waits until no handle is left on Janus, and, on Redis, no key of a session, handle, name or call.
    pub async fn expect_clean(&self) {
        let mut admin = self.janus.admin().await;
        eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
        if let Form::Redis(_, redis) = &self.form {
            let redis = redis.url();
            eventually("no key of a call is left in Redis", async || leftovers(&redis).await.is_empty())
                .await;
        }
    }
}

/// A separate Redis connection for the test.
pub async fn redis_connection(redis: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Keys of sessions, handles, names and calls.
pub async fn leftovers(redis: &str) -> Vec<String> {
    let mut connection = redis_connection(redis).await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let of_calls = ["sb:handle:", "sb:session:", "sb:call:", "sb:calls_on:", "januscloud:videocall_users:"];
    keys.into_iter().filter(|key| of_calls.iter().any(|start| key.starts_with(start))).collect()
}

/// Runs each scenario on both forms.
macro_rules! on_both_buses {
    ($($scenario:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario($crate::fixture::Switchboard::on_memory().await).await;
            })*
        }
        mod on_redis {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario($crate::fixture::Switchboard::on_redis().await).await;
            })*
        }
    };
}
pub(crate) use on_both_buses;
