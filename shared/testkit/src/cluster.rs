//! Many services on one Redis: a cluster as an operator starts it.
//!
//! ```no_run
//! # async fn example() {
//! use testkit::{Client, Cluster, Janus, Redis};
//! let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
//! let cluster = Cluster::new(&redis).edges(2).routers(2).connectors(1).backend("a", &janus).start().await;
//! let alice = Client::registered(&cluster.edge_url(0), "alice").await;
//! let bob = Client::registered(&cluster.edge_url(1), "bob").await;
//! # }
//! ```

use crate::process::{Process, Service};
use crate::{FakeJanus, Janus, MedialessJanus, Redis};

/// A running cluster. Its processes can be killed, stopped and started again one by one; dropping it
/// kills them all.
pub struct Cluster {
    /// `switchboard edge`, each with an address of its own.
    pub edges: Vec<Process>,
    /// `switchboard router`.
    pub routers: Vec<Process>,
    /// `switchboard connector`, each with all the backends.
    pub connectors: Vec<Process>,
    /// `switchboard rest`.
    pub rests: Vec<Process>,
}

/// What a cluster is to be made of: one of each service and no rest, unless told otherwise.
#[derive(Clone, Debug)]
#[must_use = "nothing runs before start()"]
pub struct ClusterBuilder {
    redis: String,
    edges: usize,
    routers: usize,
    connectors: usize,
    rests: usize,
    backends: Vec<String>,
    options: Vec<(Service, String)>,
}

/// A Janus that a connector can be told of.
pub trait Backend {
    /// Its websocket address.
    fn backend_url(&self) -> String;
}

impl Backend for Janus {
    fn backend_url(&self) -> String {
        self.url()
    }
}

impl Backend for FakeJanus {
    fn backend_url(&self) -> String {
        self.url()
    }
}

impl Backend for MedialessJanus {
    fn backend_url(&self) -> String {
        self.url()
    }
}

impl Backend for str {
    fn backend_url(&self) -> String {
        self.to_owned()
    }
}

impl Cluster {
    /// Begins to plan a cluster on that Redis.
    #[expect(clippy::new_ret_no_self, reason = "a cluster begins with its plan")]
    pub fn new(redis: &Redis) -> ClusterBuilder {
        ClusterBuilder {
            redis: redis.url(),
            edges: 1,
            routers: 1,
            connectors: 1,
            rests: 0,
            backends: Vec::new(),
            options: Vec::new(),
        }
    }

    /// Where the edge of that number, counted from 0, speaks the Janus API.
    pub fn edge_url(&self, number: usize) -> String {
        self.edges[number].url()
    }

    /// Where the rest of that number, counted from 0, speaks HTTP.
    pub fn rest_url(&self, number: usize) -> String {
        self.rests[number].rest_url()
    }

    /// All its processes.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.edges.iter_mut().chain(&mut self.routers).chain(&mut self.connectors).chain(&mut self.rests)
    }

    /// Waits until every process is ready again, for instance after Redis was away.
    pub async fn wait_ready(&mut self) {
        for process in self.processes() {
            process.wait_ready().await;
        }
    }
}

impl ClusterBuilder {
    /// That many edges.
    pub fn edges(mut self, count: usize) -> Self {
        self.edges = count;
        self
    }

    /// That many routers.
    pub fn routers(mut self, count: usize) -> Self {
        self.routers = count;
        self
    }

    /// That many connectors, each told of all the backends.
    pub fn connectors(mut self, count: usize) -> Self {
        self.connectors = count;
        self
    }

    /// That many rests.
    pub fn rests(mut self, count: usize) -> Self {
        self.rests = count;
        self
    }

    /// A Janus under the name that operators know it by.
    pub fn backend(mut self, name: &str, janus: &(impl Backend + ?Sized)) -> Self {
        self.backends.push(format!("{name}={}", janus.backend_url()));
        self
    }

    /// One more option for each process of a service: `.with(Service::Edge, "--reclaim-timeout=2")`.
    pub fn with(mut self, service: Service, option: &str) -> Self {
        self.options.push((service, option.to_owned()));
        self
    }

    /// Reaches its Redis by this URL and these options instead of the plain URL.
    pub fn redis(mut self, url: &str, options: &[&str]) -> Self {
        url.clone_into(&mut self.redis);
        for service in [Service::Edge, Service::Router, Service::Connector, Service::Rest] {
            self.options.extend(options.iter().map(|option| (service, (*option).to_owned())));
        }
        self
    }

    /// Starts everything and waits until it is ready.
    pub async fn start(self) -> Cluster {
        let (routers, connectors, edges, rests) = tokio::join!(
            self.processes(Service::Router, self.routers),
            self.processes(Service::Connector, self.connectors),
            self.processes(Service::Edge, self.edges),
            self.processes(Service::Rest, self.rests),
        );
        Cluster { edges, routers, connectors, rests }
    }

    async fn processes(&self, service: Service, count: usize) -> Vec<Process> {
        let args = self.args(service);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let starts = (0..count).map(|_| Process::start(service, &args));
        futures_util::future::join_all(starts).await
    }

    fn args(&self, service: Service) -> Vec<String> {
        let mut args = vec!["--redis".to_owned(), self.redis.clone()];
        if service == Service::Connector {
            args.extend(self.backends.iter().map(|backend| format!("--backend={backend}")));
        }
        args.extend(self.options.iter().filter(|(of, _)| *of == service).map(|(_, option)| option.clone()));
        args
    }
}
