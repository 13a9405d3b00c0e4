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

use crate::fake_clock::FakeClock;
use crate::output::Output;
use crate::process::{Process, Service};
use crate::{FakeJanus, Janus, MedialessJanus, Redis};

/// A running cluster. Its processes can be killed, paused and restarted one by one. Dropping the cluster kills
/// them all.
pub struct Cluster {
    /// The `switchboard edge` processes, each with its own address.
    pub edges: Vec<Process>,
    /// The `switchboard router` processes.
    pub routers: Vec<Process>,
    /// The `switchboard connector` processes, each configured with all backends.
    pub connectors: Vec<Process>,
    /// The `switchboard rest` processes.
    pub rests: Vec<Process>,
}

/// The configuration of a cluster. By default one edge, router and connector, and no rest.
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
    output: Output,
    clocks: Vec<(Service, FakeClock)>,
}

/// A Janus server, as a connector is configured with it.
pub trait Backend {
    /// Returns the websocket URL.
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
    /// Begins the configuration of a cluster on this Redis.
    #[expect(clippy::new_ret_no_self, reason = "returns the builder")]
    pub fn new(redis: &Redis) -> ClusterBuilder {
        ClusterBuilder {
            redis: redis.url(),
            edges: 1,
            routers: 1,
            connectors: 1,
            rests: 0,
            backends: Vec::new(),
            options: Vec::new(),
            output: Output::Log,
            clocks: Vec::new(),
        }
    }

    /// Returns the Janus API URL of an edge, counted from 0.
    pub fn edge_url(&self, number: usize) -> String {
        self.edges[number].url()
    }

    /// Returns the HTTP URL of a rest service, counted from 0.
    pub fn rest_url(&self, number: usize) -> String {
        self.rests[number].rest_url()
    }

    /// Returns all processes.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.edges.iter_mut().chain(&mut self.routers).chain(&mut self.connectors).chain(&mut self.rests)
    }

    /// Waits until every process is ready, for instance after Redis was down.
    pub async fn wait_ready(&mut self) {
        for process in self.processes() {
            process.wait_ready().await;
        }
    }
}

impl ClusterBuilder {
    /// Sets the number of edges.
    pub fn edges(mut self, count: usize) -> Self {
        self.edges = count;
        self
    }

    /// Sets the number of routers.
    pub fn routers(mut self, count: usize) -> Self {
        self.routers = count;
        self
    }

    /// Sets the number of connectors, each configured with all backends.
    pub fn connectors(mut self, count: usize) -> Self {
        self.connectors = count;
        self
    }

    /// Sets the number of rest services.
    pub fn rests(mut self, count: usize) -> Self {
        self.rests = count;
        self
    }

    /// Adds a backend.
    pub fn backend(mut self, name: &str, janus: &(impl Backend + ?Sized)) -> Self {
        self.backends.push(format!("{name}={}", janus.backend_url()));
        self
    }

    /// Adds an option to each process of a service: `.with(Service::Edge, "--reclaim-timeout=2")`.
    pub fn with(mut self, service: Service, option: &str) -> Self {
        self.options.push((service, option.to_owned()));
        self
    }

    /// Sets where the output of each process goes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Gives this wall clock to the processes of a service.
    pub fn clock(mut self, service: Service, clock: &FakeClock) -> Self {
        self.clocks.push((service, clock.clone()));
        self
    }

    /// Sets the URL of Redis and further options for it.
    pub fn redis(mut self, url: &str, options: &[&str]) -> Self {
        url.clone_into(&mut self.redis);
        for service in [Service::Edge, Service::Router, Service::Connector, Service::Rest] {
            self.options.extend(options.iter().map(|option| (service, (*option).to_owned())));
        }
        self
    }

    /// Starts the processes and waits until they are ready.
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
        let clock = self.clocks.iter().find(|(of, _)| *of == service).map(|(_, clock)| clock);
        let starts = (0..count).map(|_| Process::start_in(self.output, clock, service, &args));
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
