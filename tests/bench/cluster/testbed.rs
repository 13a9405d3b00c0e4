//! Starts every system to be measured, side by side in front of one Janus without media.
//!
//! A system is idle while another one is measured. janus-cloud and Switchboard have separate Redis servers.
//! With a common one they would form one cluster, and their commands could not be distinguished.

use testkit::cluster::ClusterBuilder;
use testkit::janus_cloud::JanusCloudConfig;
use testkit::{Cluster, JanusCloud, MedialessJanus, Process, Redis, Service};

/// The limits of clients and addresses are off here, since one load client stands for many clients.
const UNLIMITED: [&str; 8] = [
    "--max-rate=0",
    "--max-rate-per-address=0",
    "--max-call-rate=0",
    "--max-call-rate-per-address=0",
    "--max-concurrent-requests-per-address=0",
    "--max-connections-per-address=0",
    "--max-handshake-rate-per-address=0",
    "--max-sessions-per-address=0",
];

/// All running systems.
pub struct Testbed {
    pub janus: MedialessJanus,
    pub standalone: Process,
    pub redis: Redis,
    pub cluster: Cluster,
    /// Started only for parts that measure them, since they start slowly.
    janus_cloud: Option<JanusCloudCluster>,
}

/// A cluster of janus-cloud.
struct JanusCloudCluster {
    proxies: [JanusCloud; 2],
    redis: Redis,
}

/// One system between a client and the Janus.
pub struct Target {
    pub name: &'static str,
    /// The URLs to which its clients connect, in rotation.
    pub urls: Vec<String>,
    /// The processes that take part in a call, with their roles.
    pub processes: Vec<(&'static str, u32)>,
    /// The Redis server of the system.
    pub redis: Option<String>,
}

impl Testbed {
    pub async fn start(with_janus_cloud: bool) -> Self {
        let (janus, redis) = tokio::join!(MedialessJanus::start(), Redis::start());
        let backend = format!("a={}", janus.url());
        let options = [&["--backend", &backend], &UNLIMITED[..]].concat();
        let standalone = Process::start(Service::Standalone, &options);
        let (standalone, cluster) = tokio::join!(standalone, plan(&redis, &janus).start());
        let janus_cloud = if with_janus_cloud { Some(JanusCloudCluster::start(&janus).await) } else { None };
        Self { janus, standalone, redis, cluster, janus_cloud }
    }

    /// All systems in the order of measurement.
    pub fn targets(&self) -> Vec<Target> {
        let janus_cloud = self.janus_cloud.as_ref().map(JanusCloudCluster::target);
        [Some(self.direct()), janus_cloud, Some(self.standalone()), Some(self.cluster())]
            .into_iter()
            .flatten()
            .collect()
    }

    fn direct(&self) -> Target {
        let janus = ("Janus", self.janus.pid());
        Target { name: "direct", urls: vec![self.janus.url()], processes: vec![janus], redis: None }
    }

    fn standalone(&self) -> Target {
        let process = ("standalone", self.standalone.pid());
        Target {
            name: "standalone",
            urls: vec![self.standalone.url()],
            processes: vec![process],
            redis: None,
        }
    }

    pub fn cluster(&self) -> Target {
        target("cluster", &self.cluster, &self.redis)
    }

    /// Starts one more edge, which has no clients yet.
    pub async fn fresh_edge(&self) -> Process {
        Process::start(Service::Edge, &[&["--redis", &self.redis.url()], &UNLIMITED[..]].concat()).await
    }
}

impl JanusCloudCluster {
    /// Two proxies that log as much as Switchboard does. Their default logs each message, which takes time.
    async fn start(janus: &MedialessJanus) -> Self {
        let redis = Redis::start().await;
        let backends = vec![("a".to_owned(), janus.url())];
        let config = JanusCloudConfig {
            redis: Some(redis.url()),
            backends,
            log_level: "INFO",
            ..JanusCloudConfig::default()
        };
        let (one, other) = tokio::join!(JanusCloud::with(config.clone()), JanusCloud::with(config));
        Self { proxies: [one, other], redis }
    }

    fn target(&self) -> Target {
        let proxies = self.proxies.iter().map(|it| ("proxy", it.pid()));
        Target {
            name: "janus-cloud",
            urls: self.proxies.iter().map(JanusCloud::ws_url).collect(),
            processes: proxies.chain([("Redis", self.redis.pid())]).collect(),
            redis: Some(self.redis.url()),
        }
    }
}

/// Two edges, a router and a connector.
pub fn plan(redis: &Redis, janus: &MedialessJanus) -> ClusterBuilder {
    let plan = Cluster::new(redis).edges(2).backend("a", janus);
    UNLIMITED.into_iter().fold(plan, |plan, option| plan.with(Service::Edge, option))
}

/// The system that consists of a Switchboard cluster.
pub fn target(name: &'static str, cluster: &Cluster, redis: &Redis) -> Target {
    let edges = cluster.edges.iter().map(|it| ("edge", it.pid()));
    let routers = cluster.routers.iter().map(|it| ("router", it.pid()));
    let connectors = cluster.connectors.iter().map(|it| ("connector", it.pid()));
    let processes = edges.chain(routers).chain(connectors).chain([("Redis", redis.pid())]);
    Target {
        name,
        urls: cluster.edges.iter().map(Process::url).collect(),
        processes: processes.collect(),
        redis: Some(redis.url()),
    }
}
